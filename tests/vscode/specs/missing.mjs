// A program that is not there: one clear message, and commands that say the same instead of hanging.

import { includes } from "../lib/assert.mjs";

export default async function (world, test) {
  const { editor } = await world.start({ fixture: "typed", program: "/nowhere/interline" });

  await test("a missing program is said once, with the way to the setting", async () => {
    const toast = editor.notifications.first();
    await toast.waitFor();
    includes(await toast.innerText(), "interline.server.path names no program that can be run: /nowhere/interline");
    includes(await editor.statusTip(), "not running");
    await world.shot("missing");
    await toast.locator(".monaco-button", { hasText: "Open Settings" }).click();
    await editor.page.locator(".settings-editor").waitFor();
  });
}

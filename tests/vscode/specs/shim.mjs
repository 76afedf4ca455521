// The shim's own parts: status item and menu, logs, debug information, restart, and a server that is not there.

import { includes } from "../lib/assert.mjs";

export default async function (world, test) {
  const { editor } = await world.start({ fixture: "typed" });
  const { page, keys } = editor;
  await editor.open("parse.ts");

  await test("the status item opens a menu", async () => {
    await editor.statusItem.click();
    const rows = page.locator(".quick-input-list .monaco-list-row");
    await rows.first().waitFor();
    const labels = (await rows.allInnerTexts()).join("\n");
    for (const label of ["Ask…", "Show Transcript", "Select Mode…", "Select Model…", "Restart Server"]) includes(labels, label);
    await world.shot("menu");
    await keys.press("Escape");
  });

  await test("modes and models are pick lists", async () => {
    await editor.command("Interline: Select Mode…");
    await page.locator(".quick-input-list .monaco-list-row", { hasText: "plan" }).first().click();
    await editor.until("the mode", async () => (await editor.statusTip()).includes("mode plan"));
    await editor.command("Interline: Select Model…");
    await page.locator(".quick-input-list .monaco-list-row", { hasText: "builtin" }).first().waitFor();
    await keys.press("Escape");
  });

  await test("a restart brings the server back", async () => {
    await editor.command("Interline: Restart Server");
    await editor.command("Interline: Print Debug Information");
    await editor.until("the document", async () => (await editor.text()).includes("Running"));
    includes(await editor.text(), "from setting");
    await world.shot("debug-information");
    await editor.command("View: Revert and Close Editor");
  });

  await test("the walkthrough is there", async () => {
    await editor.command("Welcome: Open Walkthrough...");
    await editor.answer("Start with Interline");
    await page.locator(".getting-started-step", { hasText: "Edit by request" }).first().waitFor();
    await page.waitForTimeout(700);
    await world.shot("walkthrough");
  });
}

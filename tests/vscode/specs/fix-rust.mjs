// The main job with the embedded `builtin`: a compile error, the compiler's own suggestion as a hunk, review, undo.

import { equal, includes, lacks } from "../lib/assert.mjs";

const BROKEN = "greet(name)";
const MENDED = "greet(&name)";

export default async function (world, test) {
  const { editor } = await world.start({ fixture: "broken-rust" });
  await editor.open("main.rs");

  await test("trusting the folder asks, with Deny in front", async () => {
    await editor.command("Interline: Trust this Folder…");
    await editor.dialog.waitFor();
    equal(await editor.focusedButton(), "Deny");
    await world.shot("trust");
    await editor.page.waitForTimeout(700);
    await editor.dialog.locator(".monaco-button", { hasText: "Trust" }).first().click();
    await editor.dialog.waitFor({ state: "hidden" });
  });

  await test("a fix shows as a hunk and leaves the text alone", async () => {
    await editor.goTo(9, 20);
    await editor.command("Interline: Fix Problem");
    await editor.hunks(1, 90_000);
    includes((await editor.decorations()).join("\n"), MENDED);
    includes(await editor.text(), BROKEN);
    await editor.idle();
    const verdict = "lears E0308, no new problems, checked by cargo check";
    await editor.until("the verdict in the status bar", async () => (await editor.statusMessage()).startsWith(`C${verdict}`));
    includes(await editor.statusTip(), `The edits: c${verdict}`);
    await editor.until("the verdict over the hunk", async () => (await editor.lens(`c${verdict}`).count()) === 1);
    await editor.until("no notification beside the hunk", async () => (await editor.notifications.count()) === 0);
    await world.shot("hunk");
  });

  await test("the hunk moves with what the user types elsewhere", async () => {
    await editor.goTo(1);
    await editor.keys.type("//! Typed while the agent waits.");
    await editor.keys.press("Enter");
    await editor.until("the lens to move", async () => (await editor.lineOfLens()) === 10);
    const old = "before the last change: clears E0308";
    await editor.until("the verdict to be one of before", async () => (await editor.lens(old).count()) === 1);
    await world.shot("typed");
  });

  await test("Accept lands it in the right place, and Ctrl+Z takes it back in one step", async () => {
    await editor.lens("Accept").first().click();
    await editor.until("the new text", async () => (await editor.text()).includes(MENDED));
    includes(await editor.text(), "//! Typed while");
    await editor.hunks(0);
    await world.shot("accepted");
    await editor.focusText();
    await editor.keys.press("Control+Z");
    await editor.until("the old text", async () => (await editor.text()).includes(BROKEN));
    includes(await editor.text(), "//! Typed while");
  });

  await test("Reject drops the hunk", async () => {
    await editor.until("no turn", async () => !(await editor.running()), 60_000);
    await editor.goTo(10, 20);
    await editor.command("Interline: Fix Problem");
    await editor.hunks(1, 90_000);
    await editor.lens("Reject").first().click();
    await editor.hunks(0);
    lacks(await editor.text(), MENDED);
  });

  await test("Undo Last Turn takes back what landed and leaves what was typed", async () => {
    await editor.until("no turn", async () => !(await editor.running()), 60_000);
    await editor.goTo(10, 20);
    await editor.command("Interline: Fix Problem");
    await editor.hunks(1, 90_000);
    await editor.command("Interline: Accept All Changes");
    await editor.until("the new text", async () => (await editor.text()).includes(MENDED));
    await editor.goTo(2);
    await editor.keys.type("// later ");
    await editor.command("Interline: Undo Last Turn");
    await editor.until("the old text", async () => (await editor.text()).includes(BROKEN));
    includes(await editor.text(), "// later");
  });
}

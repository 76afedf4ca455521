// Review beyond one hunk of text: several files at once, a dirty buffer among them; files that are no text; modes; and
// prompts whose answer does more than yes or no.

import { access, constants, readFile } from "node:fs/promises";
import { join } from "node:path";
import { deepEqual, equal, includes } from "../lib/assert.mjs";

const edit = (path, ...pairs) => ({ tool: "edit", input: { path, edits: pairs.map(([old, made]) => ({ old, new: made })) } });
const shell = (command) => ({ tool: "shell", input: { command } });
const SCRIPT = {
  rules: [
    { when: { last_user_contains: "all over" }, steps: [
      { calls: [
        edit("src/parse.ts", ["const port = Number(text)", "const port = parseInt(text, 10)"], ["widht * height", "width * height"]),
        edit("src/legacy.js", ["sise / 2", "size / 2"]),
        { tool: "write", input: { path: "src/extra.ts", content: "export const extra = 1;\n" } },
      ] },
      { say: "Mended." },
    ] },
    { when: { last_user_contains: "draw it" }, steps: [
      { calls: [shell("printf '\\211PNG\\r\\n\\032\\n\\000\\001' > logo.png && chmod +x src/legacy.js")] },
      { say: "Drawn." },
    ] },
    { when: { last_user_contains: "tag in the shadow" }, steps: [{ calls: [shell("echo seen > seen.txt && git tag one")] }, { say: "Shadowed." }] },
    { when: { last_user_contains: "tag for real" }, steps: [{ calls: [shell("cp src/legacy.js copy.js; git tag two")] }, { say: "Tagged." }] },
  ],
};

export default async function (world, test) {
  const { editor, project } = await world.start({ fixture: "typed", model: SCRIPT });
  const { page, keys } = editor;
  const onDisk = (path) => readFile(join(project, path), "utf8").catch(() => undefined);
  const executable = (path) => access(join(project, path), constants.X_OK).then(() => true, () => false);
  const ask = async (text) => {
    await editor.command("Interline: Ask…");
    await editor.answer(text);
    await editor.idle(true);
  };
  const choose = async (label) => {
    await editor.dialog.waitFor();
    await page.waitForTimeout(800);
    await world.shot(`prompt-${label.split(" ")[0].toLowerCase()}`);
    await editor.dialog.locator(".monaco-button", { hasText: label }).first().click();
    await editor.dialog.waitFor({ state: "hidden" });
  };
  await editor.open("parse.ts");

  await test("all changes over several files are accepted at once, with what the user typed in between", async () => {
    await ask("all over @src/parse.ts and @src/legacy.js");
    await editor.hunks(2);
    await editor.goTo(1);
    await keys.type("// typed");
    await keys.press("Enter");
    await world.shot("review-files");
    await editor.command("Interline: Accept All Changes");
    await editor.hunks(0);
    const text = await editor.until("the new text", async () => (await editor.text()).includes("parseInt(text, 10)") && editor.text());
    for (const part of ["// typed", "return width * height;"]) includes(text, part);
    includes(await onDisk("src/parse.ts"), "widht", "what is open is changed in the buffer only");
    await editor.until("the new file", async () => (await onDisk("src/extra.ts"))?.includes("extra = 1"));
    await editor.open("legacy.js");
    includes(await editor.text(), "size / 2");
    await page.waitForTimeout(500);
    await world.shot("review-accepted");
    await page.locator(".tab", { hasText: "parse.ts" }).click();
    await keys.press("Control+S");
    await editor.until("it to be saved", async () => (await onDisk("src/parse.ts")).includes("// typed"));
  });

  await test("trust, for commands of the folder", async () => {
    await page.locator(".tab", { hasText: "legacy.js" }).click();
    await editor.command("Interline: Trust this Folder…");
    await choose("Trust");
  });

  await test("a file that is no text and a mode are shown in words, accepted one by one, and undone", async () => {
    await ask("draw it");
    await editor.hunks(1);
    deepEqual(await editor.decorations(), ["→ becomes executable"]);
    await world.shot("review-mode");
    await editor.command("Interline: Show Changes");
    await page.locator(".tab.active", { hasText: "Interline's proposal" }).waitFor();
    await page.waitForTimeout(800);
    await world.shot("review-binary");
    await editor.command("View: Close Editor");
    await editor.open("legacy.js");
    await editor.lens("Accept").first().click();
    await editor.until("the mode", () => executable("src/legacy.js"));
    equal(await onDisk("logo.png"), undefined);
    await editor.command("Interline: Go to Next Change");
    await page.locator(".tab.active", { hasText: "Interline's proposal" }).waitFor();
    await world.shot("review-next");
    await editor.command("View: Close Editor");
    await editor.command("Interline: Accept All Changes");
    await editor.until("the picture", async () => (await onDisk("logo.png"))?.includes("PNG"));
    await editor.command("Interline: Undo Last Turn");
    await editor.until("the picture to go", async () => (await onDisk("logo.png")) === undefined);
    await editor.until("the mode to go", async () => !(await executable("src/legacy.js")));
  });

  await test("a command is run in the shadow instead: its file is a change to review", async () => {
    await editor.open("legacy.js");
    await editor.command("Interline: Ask…");
    await editor.answer("tag in the shadow");
    await choose("Run in the shadow instead");
    await editor.until("the answer", async () => (await editor.transcript()).includes("Shadowed."));
    equal(await onDisk("seen.txt"), undefined);
    await editor.command("Interline: Reject All Changes");
  });

  await test("accept and save all, then run: the command sees the text on screen", async () => {
    await editor.open("legacy.js");
    await editor.goTo(1);
    await keys.type("// not saved yet");
    await keys.press("Enter");
    await editor.command("Interline: Ask…");
    await editor.answer("tag for real");
    await choose("Accept and save all, then run");
    await editor.until("the answer", async () => (await editor.transcript()).includes("Tagged."));
    includes(await onDisk("copy.js"), "// not saved yet");
    includes(await onDisk("src/legacy.js"), "// not saved yet");
  });

  await test("nothing was wrong that the user had to hear of", async () => {
    equal(await editor.notifications.locator(".codicon-error").count(), 0);
  });

  await test("every request to the model was good", async () => equal(await world.modelVerdict(), ""));
}

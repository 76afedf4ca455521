// What a model does, by a scripted model server: edit by request, revise, diff view, permission, cancel, the query proxy.

import { readFile } from "node:fs/promises";
import { deepEqual, equal, includes, lacks, ok } from "../lib/assert.mjs";

const edit = (old, made, path = "src/parse.ts") => ({ tool: "edit", input: { path, edits: [{ old, new: made }] } });
const SCRIPT = {
  rules: [
    { when: { last_user_contains: "rename the port" }, steps: [
      { say: "I rename it.", calls: [edit("  const port = Number(text);\n  return port;", "  const value = Number(text);\n  return value;")] },
      { say: "Renamed to `value`." },
    ] },
    { when: { last_user_contains: "call it result" }, steps: [
      { calls: [edit("  const port = Number(text);\n  return port;", "  const result = Number(text);\n  return result;")] },
      { say: "Now it is `result`." },
    ] },
    { when: { last_user_contains: "two files" }, steps: [
      { calls: [edit('fallback: number = "8080"', "fallback: number = 8080"), { tool: "write", input: { path: "src/extra.ts", content: "export const extra = 1;\n" } }] },
      { say: "Both are done." },
    ] },
    { when: { last_user_contains: "push it" }, steps: [
      { calls: [{ tool: "shell", input: { command: "git push origin main" } }] },
      { expect: { last_contains: ["denied"] }, say: "Then I leave it." },
    ] },
    { when: { last_user_contains: "think for long" }, steps: [{ say: "word ", fault: { hang_after_bytes: 400 } }] },
    { when: { last_user_contains: "what is wrong here" }, steps: [
      { calls: [{ tool: "diagnostics", input: { path: "src/parse.ts" } }] },
      { expect: { last_contains: ["widht"] }, say: "A misspelled name and a wrong type." },
    ] },
  ],
};

export default async function (world, test) {
  const { editor, record } = await world.start({ fixture: "typed", model: SCRIPT });
  const { page, keys } = editor;
  await editor.open("parse.ts");
  await editor.problem();

  await test("Edit Selection asks what to do and proposes it", async () => {
    await editor.selectLines(2, 3);
    await editor.command("Interline: Edit Selection…");
    await world.shot("edit-input");
    await editor.answer("rename the port");
    await editor.hunks(1);
    await editor.idle();
    deepEqual(await editor.decorations(), ["→ const value = Number(text);", "→ return value;"]);
    includes(await editor.text(), "const port = Number(text);");
    await world.shot("edit-hunk");
  });

  await test("Revise asks for words, and the hunk is made anew", async () => {
    await editor.lens("Revise").first().click();
    await editor.answer("call it result");
    await editor.until("the revised hunk", async () => (await editor.decorations()).includes("→ return result;"));
    await editor.idle();
    await editor.hunks(1);
  });

  await test("the diff view shows the proposal, and follows what becomes of it", async () => {
    await editor.command("Interline: Show Changes");
    const sides = await editor.until("the diff", async () => {
      const both = await editor.diff();
      return both.after.includes("const result") && both;
    });
    includes(sides.before, "const port = Number(text);");
    lacks(sides.after, "const port");
    await world.shot("diff");
    await editor.command("View: Close Editor");
    await editor.open("parse.ts");
    await editor.lens("Accept").first().click();
    await editor.until("the new text", async () => (await editor.text()).includes("const result = Number(text);"));
  });

  await test("the whole proposal over several files is one view", async () => {
    await editor.command("Interline: Ask…");
    await editor.answer("two files, @src/parse.ts first");
    await editor.idle(true);
    await editor.command("Interline: Show Changes");
    await page.locator(".tab.active", { hasText: "Interline's proposal" }).waitFor();
    await page.waitForTimeout(800);
    await world.shot("diff-files");
    await editor.command("View: Close Editor");
    await editor.command("Interline: Reject All Changes");
    await editor.open("parse.ts");
    await editor.hunks(0);
  });

  await test("the transcript is a document beside the code", async () => {
    const text = await editor.until("the transcript", async () => {
      const shown = await editor.transcript();
      return shown.includes("Both are done.") && shown.includes("two files") && shown;
    });
    includes(text, "two files");
    await world.shot("transcript");
  });

  await test("permission for what can destroy: Enter and typing do nothing until the user has moved, then Deny denies", async () => {
    await editor.command("Interline: Ask…");
    await editor.answer("push it");
    const list = page.locator(".quick-input-widget", { hasText: "Interline asks" });
    await list.waitFor();
    includes(await list.innerText(), "git push origin main");
    await page.waitForTimeout(1500);
    await world.shot("permission");
    await keys.type("allow");
    await keys.press("Enter");
    await page.waitForTimeout(500);
    ok(await list.isVisible(), "a key that was meant for something else answered");
    while (!(await list.locator(".monaco-list-row.focused", { hasText: "Deny" }).isVisible())) await keys.press("ArrowDown");
    await keys.press("Enter");
    await list.waitFor({ state: "hidden" });
    await editor.idle();
    await editor.until("the answer", async () => (await editor.transcript()).includes("Then I leave it."));
  });

  await test("cancel stops a turn that hangs", async () => {
    await editor.command("Interline: Ask…");
    await editor.answer("think for long");
    await editor.until("a running turn", () => editor.running());
    await page.waitForTimeout(1200);
    await world.shot("running");
    await editor.command("Interline: Cancel");
    await editor.until("the end of the turn", async () => !(await editor.running()), 5000);
  });

  await test("the agent sees the TypeScript server's diagnostics, not its own", async () => {
    await editor.command("Interline: Ask…");
    await editor.answer("what is wrong here");
    await editor.until("the answer", async () => (await editor.transcript()).includes("A misspelled name"), 30_000);
    await editor.idle();
    const requests = (await readFile(record, "utf8")).trim().split("\n").map((line) => JSON.parse(line)).filter(({ event }) => event === "request");
    includes(JSON.stringify(requests.at(-1).body.messages.at(-1)), "Cannot find name 'widht'");
  });

  await test("every request to the model was good", async () => equal(await world.modelVerdict(), ""));
}

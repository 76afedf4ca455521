// `interline/query` over several providers at once, some of which fail: what the agent is told, and what its edits become.

import { readFile } from "node:fs/promises";
import { deepEqual, equal, includes } from "../lib/assert.mjs";

const at = (tool, symbol, line = 1, path = "notes.txt", more = {}) => ({ tool, input: { path, line, symbol, ...more } });
const rename = (symbol) => at("rename", symbol, 1, "notes.txt", { new_name: "other" });
const SCRIPT = { rules: [
  { when: { last_user_contains: "look around" }, steps: [
    { calls: [
      at("definition", "same"), at("definition", "broken"), at("definition", "nothing"), at("definition", "slow"),
      at("hover", "same"), at("hover", "abc", 1, "closed.txt"), at("definition", "astral", 2),
      { tool: "diagnostics", input: { path: "notes.txt" } }, { tool: "diagnostics", input: { path: "closed.txt" } },
      { tool: "quickfix", input: { path: "notes.txt", line: 1 } },
    ] },
    { say: "I have looked." },
  ] },
  { when: { last_user_contains: "change things" }, steps: [
    { calls: [{ tool: "quickfix", input: { path: "notes.txt", line: 1, apply: 1 } }, rename("broken"), rename("snippet")] },
    { calls: [rename("nothing")] },
    { say: "I have changed things." },
  ] },
] };

export default async function (world, test) {
  const { editor, record, project } = await world.start({ fixture: "words", model: SCRIPT, extensions: [world.providers] });
  await editor.open("notes.txt");
  await editor.problem();

  /** What the calls of the first step of the last request came to. */
  const results = async () => {
    const lines = (await readFile(record, "utf8")).trim().split("\n").map((line) => JSON.parse(line));
    const { messages } = lines.filter(({ event }) => event === "request").at(-1).body;
    const blocks = messages.filter(({ role, content }) => role === "user" && Array.isArray(content)).flatMap(({ content }) => content);
    return blocks.filter(({ type }) => type === "tool_result").map(({ content }) => typeof content === "string" ? content : content.map(({ text }) => text).join(""));
  };
  const ask = async (text, answer) => {
    await editor.command("Interline: Ask…");
    await editor.answer(text);
    await editor.until("the answer", async () => (await editor.transcript()).includes(answer), 60_000);
    await editor.idle();
    return results();
  };

  await test("answers of several providers are one, each place once, and failures are told", async () => {
    const found = await ask("look around", "I have looked.");
    const here = "notes.txt:1:1: same broken slow nothing snippet";
    const both = `${here}\nclosed.txt:1:5: 😀😀abc in a closed file\nanswered by vscode plaintext (settled)`;
    const sorted = (text) => text.split("\n").sort().join("\n");
    deepEqual(found.slice(0, 2).map(sorted), [both, `${here}\nanswered by vscode plaintext (settled)`].map(sorted));
    includes(found[2], "no other language server answers here");
    includes(found[3], "the editor refused: the editor's language features gave no answer in 2000 ms");
    equal(found[4], "from the second\n\nfrom the first\nanswered by vscode plaintext (settled)");
    equal(found[5], "from the second\n\nfrom the first\nanswered by vscode plaintext (settled)");
    equal(sorted(found[6]), sorted(both));
    includes(found[7], "checked by first, second (");
    includes(found[7], "error: second of 3");
    includes(found[8], "closed.txt:1:1: error: first of 2");
    includes(found[9], "only a command (not offered: it would run the command `test.act` in the editor)");
    includes(found[9], "upper case");
  });

  await test("what can't be done in full is refused with the reason", async () => {
    const found = (await ask("change things", "I have changed things.")).slice(10);
    includes(found[0], "it would run the command `test.act` in the editor, which is not done here");
    includes(found[1], "the editor refused: not this one");
    includes(found[2], "it has places to fill in");
    includes(found[3], "proposed: nothing → other; answered by vscode plaintext (settled)");
  });

  await test("a rename over open, closed, new, moved and deleted files is a proposal, and lands as one", async () => {
    equal(await readFile(`${project}/closed.txt`, "utf8"), "😀😀abc in a closed file\n");
    await editor.command("Interline: Accept All Changes");
    const read = (name) => readFile(`${project}/${name}`, "utf8").catch(() => undefined);
    await editor.until("the files", async () => await read("made.txt") !== undefined && await read("new.txt") !== undefined && await read("gone.txt") === undefined);
    equal(await read("made.txt"), "made of other\n");
    equal(await read("new.txt"), "old\n");
    equal(await read("old.txt"), undefined);
    await editor.open("notes.txt");
    await editor.until("the text", async () => (await editor.text()).includes("same broken slow other snippet"));
    await editor.open("closed.txt");
    await editor.until("the closed file", async () => (await editor.text()).includes("😀😀other in a closed file"));
  });

  await test("every request to the model was good", async () => equal(await world.modelVerdict(), ""));
}

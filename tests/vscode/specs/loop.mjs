// The diagnostics loop with VS Code's own TypeScript server: what an edit breaks is in the next request, and only that.

import { readFile } from "node:fs/promises";
import { equal, includes, lacks } from "../lib/assert.mjs";

const edit = (old, made) => ({ tool: "edit", input: { path: "src/parse.ts", edits: [{ old, new: made }] } });
const SCRIPT = {
  steps: [
    { calls: [edit("const port = Number(text);", "const port: string = Number(text);")] },
    { calls: [edit("const port: string = Number(text);", "const port: number = Number(text);")] },
    { say: "It has a type now." },
  ],
};

/** What the harness says of the edits, behind the results of a step. */
function told({ body }) {
  const { content } = body.messages.at(-1);
  const texts = content.filter(({ type }) => type === "text").map(({ text }) => text).join("\n");
  return texts.match(/<diagnostics after="your edits">[^]*?<\/diagnostics>/u)?.[0] ?? texts;
}

export default async function (world, test) {
  const { editor, record } = await world.start({ fixture: "typed", model: SCRIPT, config: 'mode = "accept-edits"\n' });
  await editor.open("parse.ts");
  await editor.problem();
  await editor.page.waitForTimeout(1500);
  let requests;

  await test("edits land, and the turn ends", async () => {
    await editor.command("Interline: Ask…");
    await editor.answer("give it a type, in @src/parse.ts");
    await editor.until("the text", async () => (await editor.text()).includes("const port: number = Number(text);"));
    await editor.idle();
    const lines = (await readFile(record, "utf8")).trim().split("\n").map((line) => JSON.parse(line));
    requests = lines.filter(({ event }) => event === "request");
    equal(requests.length, 3);
  });

  await test("an edit that makes an error is answered with exactly that diagnostic in the next request", async () => {
    const second = told(requests[1]);
    includes(second, '<diagnostics after="your edits">');
    includes(second, "no problems, 2 new errors (2322), no new warnings");
    const lines = second.split("\n").filter((line) => line.includes("error["));
    equal(lines.join("\n"), [
      "src/parse.ts:2:9: error[2322]: Type 'number' is not assignable to type 'string'.",
      "src/parse.ts:3:3: error[2322]: Type 'string' is not assignable to type 'number'.",
    ].join("\n"));
    lacks(second, "widht");
  });

  await test("the edit that mends it is answered with that", async () => {
    const third = told(requests[2]);
    includes(third, "no new problems");
    lacks(third, "error[");
    await editor.until("the verdict in the transcript", async () => /no\s+new\s+problems,\s+2\s+errors\s+left,\s+checked\s+by\s+ts/u.test(await editor.transcript()));
    await world.shot("loop");
  });

  await test("every request to the model was good", async () => equal(await world.modelVerdict(), ""));
}

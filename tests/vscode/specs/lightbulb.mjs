// Code actions on a diagnostic of the built-in TypeScript server, with `builtin`: order in the menu, off-switch, quick fix.

import { includes, lacks, ok } from "../lib/assert.mjs";

export default async function (world, test) {
  const { editor } = await world.start({ fixture: "typed", settings: { "[javascript]": { "interline.codeActions.enable": false } } });
  await editor.open("parse.ts");
  await editor.problem();

  await test("the lightbulb offers Interline below the language's own fixes", async () => {
    await editor.goTo(7, 12);
    const titles = await editor.lightbulb();
    await world.shot("lightbulb");
    const ours = titles.indexOf("Fix with Interline");
    const native = titles.findIndex((title) => /Change spelling|Add missing/.test(title));
    ok(native >= 0 && ours > native, `order: ${titles.join(" | ")}`);
    includes(titles.join("|"), "Explain with Interline");
  });

  await test("Fix with Interline proposes what TypeScript suggests", async () => {
    await editor.pick("Fix with Interline");
    await editor.hunks(1, 60_000);
    includes((await editor.decorations()).join("\n"), "return width * height;");
    await world.shot("lightbulb-hunk");
    await editor.until("no turn", async () => !(await editor.running()), 60_000);
    await editor.lens("Accept").first().click();
    await editor.until("the new text", async () => (await editor.text()).includes("return width * height;"));
  });

  await test("the off-switch of one language takes Interline out of its lightbulb only", async () => {
    await editor.open("legacy.js");
    await editor.problem();
    await editor.goTo(3, 12);
    const titles = (await editor.lightbulb()).join("|");
    includes(titles, "Ignore this error message");
    lacks(titles, "with Interline");
    await editor.keys.press("Escape");
  });
}

// What is typed after an `@` is completed below the input box, by the keys that VS Code's lists have.

import { readFile } from "node:fs/promises";
import { deepEqual, equal, includes } from "../lib/assert.mjs";

const SCRIPT = { rules: [{ when: { last_user_contains: "compare" }, steps: [{ say: "They differ." }] }] };

export default async function (world, test) {
  const { editor, record } = await world.start({ fixture: "typed", model: SCRIPT });
  const { page, keys } = editor;
  const box = page.locator(".quick-input-widget:visible .quick-input-box input");
  const rows = page.locator(".quick-input-widget:visible .quick-input-list .monaco-list-row");
  const offered = async () => (await rows.locator(".label-name").allInnerTexts()).map((text) => text.trim());
  const until = (what, wanted) => editor.until(what, async () => JSON.stringify(await offered()) === JSON.stringify(wanted));
  const value = (wanted) => editor.until(`the text ${wanted}`, async () => (await box.inputValue()) === wanted);
  await editor.open("parse.ts");

  const ask = async () => {
    await editor.command("Interline: Ask…");
    await page.locator(".quick-input-title", { hasText: "Interline: Ask" }).waitFor();
  };

  await test("an @ offers the server's words, files and folders, in its order", async () => {
    await ask();
    await until("no offers", []);
    await keys.type("compare @");
    await editor.until("offers", async () => (await offered()).length > 3);
    deepEqual((await offered()).slice(0, 4), ["selection", "diagnostics", "diff", "src/parse.ts"]);
    await world.shot("mentions");
    await keys.type("d");
    await until("what begins with d", ["diagnostics", "diff"]);
  });

  await test("Enter puts the chosen one in, and a folder goes on with what is in it", async () => {
    await keys.press("ArrowDown");
    await keys.press("Enter");
    await value("compare @diff ");
    await until("no offers", []);
    await keys.type("with (@sr");
    await editor.until("the folder", async () => (await offered()).includes("src/"));
    await rows.filter({ hasText: "folder" }).first().click();
    await value("compare @diff with (@src/");
    await editor.until("its files", async () => (await offered()).includes("src/legacy.js"));
    await keys.type("l");
    await until("one file", ["src/legacy.js"]);
    await keys.press("Enter");
    await value("compare @diff with (@src/legacy.js ");
  });

  await test("an address is no mention, and what is whole has no offers", async () => {
    await keys.type("as a@d says, @diff");
    await page.waitForTimeout(800);
    deepEqual(await offered(), []);
  });

  await test("Escape leaves, and what was typed is offered again", async () => {
    await keys.press("Escape");
    await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
    await ask();
    await until("the text from before", ["compare @diff with (@src/legacy.js as a@d says, @diff"]);
    await world.shot("mentions-unsent");
    await keys.press("Enter");
    await value("compare @diff with (@src/legacy.js as a@d says, @diff");
  });

  await test("Enter sends where nothing is offered, and all that is named goes along", async () => {
    await keys.press("Enter");
    await editor.until("the answer", async () => (await editor.transcript()).includes("They differ."), 30_000);
    await editor.idle();
    const requests = (await readFile(record, "utf8")).trim().split("\n").map((line) => JSON.parse(line)).filter(({ event }) => event === "request");
    const sent = JSON.stringify(requests.at(-1).body.messages);
    includes(sent, "compare @diff with (@src/legacy.js as a@d says, @diff");
    includes(sent, "return sise");
    await ask();
    await until("nothing from before", []);
    await keys.press("Escape");
  });

  await test("every request to the model was good", async () => equal(await world.modelVerdict(), ""));
}

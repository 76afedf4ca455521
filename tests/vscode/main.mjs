// Runs the specs one after the other and prints a line for each test. Must stop all that it started, also on a signal.

import { parseArgs } from "node:util";
import { readdir } from "node:fs/promises";
import { mkdir } from "node:fs/promises";
import { World } from "./lib/world.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { cache: { type: "string" }, vsix: { type: "string" }, providers: { type: "string" }, shots: { type: "string" } },
});
await mkdir(values.shots, { recursive: true });

const world = new World(values);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void world.stop().then(() => process.exit(1)));

const counts = { passed: 0, failed: 0 };

/** One test: what throws has failed. A failure leaves a screenshot behind. */
async function test(name, body) {
  const start = Date.now();
  try {
    await body();
    counts.passed += 1;
    console.log(`ok   ${name} (${Date.now() - start} ms)`);
  } catch (error) {
    counts.failed += 1;
    console.log(`FAIL ${name}\n     ${String(error.stack ?? error).replaceAll("\n", "\n     ")}`);
    const shot = await world.shot(`failed-${name.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}`).catch(() => undefined);
    if (shot) console.log(`     screenshot: ${shot}`);
  }
}

const specs = (await readdir(new URL("./specs/", import.meta.url))).filter((file) => file.endsWith(".mjs")).sort();
const wanted = specs.filter((file) => positionals.length === 0 || positionals.some((word) => file.includes(word)));
try {
  for (const file of wanted) {
    const { default: spec } = await import(`./specs/${file}`);
    const group = file.replace(".mjs", "");
    try {
      await spec(world, (name, body) => test(`${group}: ${name}`, body));
    } catch (error) {
      await test(`${group}: set-up`, () => { throw error; });
    } finally {
      await world.stop();
    }
  }
} finally {
  await world.stop();
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0);

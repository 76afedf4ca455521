// Bundles the extension into out/extension.js. Must not run or download anything.
import { copyFile } from "node:fs/promises";
import { build } from "esbuild";

const minify = process.argv.includes("--minify");
await build({
  entryPoints: ["src/extension.ts"],
  outfile: "out/extension.js",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  external: ["vscode"],
  minify,
  sourcemap: minify ? false : "linked",
  legalComments: "none",
  logLevel: "warning",
});
if (minify) for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) await copyFile(`../../${name}`, name);

// One code-server with a fresh user, one browser page on it, one scripted model: started for a spec, stopped after it.
// Must use loopback only, and kill only what it spawned.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Editor } from "./editor.mjs";

const FIXTURES = new URL("../fixtures/", import.meta.url).pathname;
const SETTINGS = {
  "chat.disableAIFeatures": true,
  "editor.minimap.enabled": false,
  "editor.fontSize": 13,
  "extensions.autoCheckUpdates": false,
  "extensions.ignoreRecommendations": true,
  "git.enabled": false,
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "workbench.colorTheme": "Default Dark Modern",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "files.autoSave": "off",
};

export class World {
  #children = [];
  #browser;
  #folder;

  constructor({ cache, vsix, providers, shots }) {
    Object.assign(this, { cache, vsix, providers, shots });
    this.node = join(cache, "bin/node");
    this.codeServer = join(cache, "code-server/node_modules/code-server/out/node/entry.js");
  }

  /**
   * A copy of the fixture open in VS Code. `model` is a script for the model server (see tests/model/README.md); without
   * one the embedded `builtin` works; `extensions` are further packages. Returns the editor, and the model server with its record of requests.
   */
  async start({ fixture, model, settings = {}, config = "", program = process.env.INTERLINE_BIN, extensions = [] }) {
    this.#folder = await mkdtemp(join(tmpdir(), "interline-vscode-"));
    const at = (name) => join(this.#folder, name);
    const project = at(fixture);
    await cp(join(FIXTURES, fixture), project, { recursive: true });
    await mkdir(at("user/User"), { recursive: true });
    await mkdir(at("user/Machine"), { recursive: true });
    await mkdir(at("interline/config"), { recursive: true });
    await writeFile(at("user/User/settings.json"), JSON.stringify({ ...SETTINGS, ...settings }));
    await writeFile(at("user/Machine/settings.json"), JSON.stringify({ "interline.server.path": program }));
    await writeFile(at("interline/config/config.toml"), config);
    const env = { ...this.#cleanEnv(), INTERLINE_HOME: at("interline"), XDG_CONFIG_HOME: at("config"), XDG_DATA_HOME: at("data"), XDG_STATE_HOME: at("state") };
    if (model) Object.assign(env, await this.#startModel(model, at("script.json"), at("record.jsonl")));
    const dirs = ["--config", at("config.yaml"), "--user-data-dir", at("user"), "--extensions-dir", at("extensions")];
    for (const vsix of [this.vsix, ...extensions]) await this.#run([...dirs, "--install-extension", vsix], env);
    const port = await freePort();
    await this.#serve([...dirs, "--auth", "none", "--bind-addr", `127.0.0.1:${port}`, "--disable-workspace-trust", "--disable-telemetry", "--disable-update-check"], env);
    this.editor = await this.#open(`http://127.0.0.1:${port}/?folder=${encodeURIComponent(project)}`, project);
    return { editor: this.editor, project, record: at("record.jsonl") };
  }

  async shot(name) {
    const path = join(this.shots, `${name}.png`);
    await this.editor?.page.screenshot({ path });
    return path;
  }

  /** Ends the model server and gives what it complained about: nothing, where every request was good. */
  async modelVerdict() {
    const { child, stderr } = this.model;
    child.stdin.end();
    if (child.exitCode === null) await once(child, "exit");
    return child.exitCode === 0 ? "" : `exit ${child.exitCode}: ${stderr.join("")}`;
  }

  async stop() {
    await this.#browser?.close().catch(() => undefined);
    for (const child of this.#children.splice(0).reverse()) await end(child);
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    this.#browser = this.#folder = this.editor = this.model = undefined;
  }

  #cleanEnv() {
    const env = { ...process.env };
    for (const name of Object.keys(env)) if (/^(ANTHROPIC|OPENAI|INTERLINE|VSCODE)_/.test(name)) delete env[name];
    return env;
  }

  async #startModel(script, path, record) {
    await writeFile(path, JSON.stringify(script));
    const child = spawn(process.env.INTERLINE_MODEL_BIN, [path, "--record", record], { stdio: ["pipe", "pipe", "pipe"] });
    this.#children.push(child);
    const stderr = [];
    child.stderr.on("data", (data) => stderr.push(String(data)));
    const [url] = await once(createInterface(child.stdout), "line");
    this.model = { child, stderr };
    return { ANTHROPIC_API_KEY: "test", ANTHROPIC_BASE_URL: url };
  }

  async #run(args, env) {
    const child = spawn(this.node, [this.codeServer, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    const out = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => out.push(String(data)));
    const [code] = await once(child, "exit");
    if (code !== 0) throw new Error(`code-server ${args.at(-2)} failed:\n${out.join("")}`);
  }

  async #serve(args, env) {
    // A process group of its own: code-server starts extension hosts, and those the language servers.
    const child = spawn(this.node, [this.codeServer, ...args], { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.#children.push(Object.assign(child, { group: true }));
    const out = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => out.push(String(data)));
    const end = Date.now() + 30_000;
    while (!out.join("").includes("HTTP server listening")) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`code-server did not start:\n${out.join("")}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #open(url, project) {
    const { chromium } = createRequire(join(this.cache, "driver/package.json"))("playwright-core");
    this.#browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    const page = await this.#browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(20_000);
    await page.goto(url);
    const editor = new Editor(page, project);
    await editor.ready();
    return editor;
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const signal = (name) => {
    try {
      process.kill(child.group ? -child.pid : child.pid, name);
    } catch {
      // Gone already.
    }
  };
  const gone = once(child, "exit");
  signal("SIGTERM");
  const timer = setTimeout(() => signal("SIGKILL"), 5000);
  await gone;
  clearTimeout(timer);
  if (child.group) signal("SIGKILL");
}

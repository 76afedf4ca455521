// What a bug report needs, as a Markdown document. Must not name secrets: settings are printed without the environment.

import * as vscode from "vscode";
import { State } from "vscode-languageclient/node";
import type { Parts } from "./commands";
import { serverSettings } from "./config";

export async function debugInformation({ server, hunks, turns }: Parts): Promise<void> {
  const { model, mode } = serverSettings();
  const rows: [string, string | number | boolean | undefined][] = [
    ["VS Code", `${vscode.version} (${vscode.env.appName}, ${vscode.env.uiKind === vscode.UIKind.Web ? "web" : "desktop"}${vscode.env.remoteName ? `, remote ${vscode.env.remoteName}` : ""})`],
    ["system", `${process.platform} ${process.arch}, Node ${process.versions.node}`],
    ["server", `${server.version ?? "unknown version"}, ${State[server.state]}`],
    ["program", server.binary && `${server.binary.path} (from ${server.binary.from})`],
    ["folder trusted", vscode.workspace.isTrusted],
    ["settings", `model ${model ?? "not set"}, mode ${mode ?? "not set"}`],
    ["session", `model ${turns.model ?? "?"}, mode ${turns.mode ?? "?"}, ${turns.all.length} running, ${hunks.all.length} hunks`],
  ];
  const content = `# Interline: debug information\n\n${rows.map(([name, value]) => `- ${name}: ${value ?? "none"}`).join("\n")}\n`;
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: "markdown", content }));
}

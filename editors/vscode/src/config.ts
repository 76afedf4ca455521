// What the user set, read where it is needed. Must not write settings.

import * as vscode from "vscode";

type Switch = "codeActions.enable" | "codeLens.enable" | "decorations.enable";

/** An off-switch, as it stands for the document's language. */
export function enabled(name: Switch, document: vscode.TextDocument): boolean {
  return vscode.workspace.getConfiguration("interline", document).get<boolean>(name, true);
}

/** What the server is told: it may tighten its own configuration by this, never loosen it. */
export function serverSettings(): { model: string; mode: string } {
  const config = vscode.workspace.getConfiguration("interline");
  return { model: config.get("model", "auto"), mode: config.get("mode", "default") };
}

export function extraEnv(): Record<string, string> {
  return vscode.workspace.getConfiguration("interline").get("server.extraEnv", {});
}

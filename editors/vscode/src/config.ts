// What the user set, read where it is needed. Must not write settings.

import * as vscode from "vscode";

type Switch = "codeActions.enable" | "codeLens.enable" | "decorations.enable";

/** An off-switch, as it stands for the document's language. */
export function enabled(name: Switch, document: vscode.TextDocument): boolean {
  return vscode.workspace.getConfiguration("interline", document).get<boolean>(name, true);
}

/** What the server is told: it may tighten its own configuration by this, never loosen it. Only what somebody has set: a
 * default of ours must not stand above Interline's own configuration. */
export function serverSettings(): { model?: string; mode?: string } {
  const config = vscode.workspace.getConfiguration("interline");
  const set = (name: string): string | undefined => {
    const found = config.inspect<string>(name);
    return found?.workspaceFolderValue ?? found?.workspaceValue ?? found?.globalValue;
  };
  const [model, mode] = [set("model"), set("mode")];
  return { ...(model === undefined ? {} : { model }), ...(mode === undefined ? {} : { mode }) };
}

export function extraEnv(): Record<string, string> {
  return vscode.workspace.getConfiguration("interline").get("server.extraEnv", {});
}

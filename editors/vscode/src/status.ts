// The status-bar item and its menu. Must not hold state of its own.

import * as vscode from "vscode";
import { State } from "vscode-languageclient/node";
import type { Hunks } from "./hunks";
import type { Server } from "./server";
import type { Turns } from "./turns";

export function statusItem(server: Server, turns: Turns, hunks: Hunks): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("interline.status", vscode.StatusBarAlignment.Right, 100);
  item.name = "Interline";
  item.command = "interline.showMenu";
  const update = (): void => {
    const [turn] = turns.all;
    const pending = hunks.all.length;
    const stopped = server.state === State.Stopped;
    const icon = stopped ? "circle-slash" : turn ? "loading~spin" : pending > 0 ? "diff" : "sparkle";
    const parts = [`$(${icon}) Interline`, !stopped && !turn && pending > 0 ? String(pending) : "", stopped ? "" : turns.cost];
    item.text = parts.filter((text) => text !== "").join(" ");
    item.backgroundColor = stopped ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    const lines = [
      stopped ? "Interline's server is not running" : turn ? `${turn.title}: ${turn.activity || "working"}` : "Interline is ready",
      pending > 0 ? `${pending} change${pending > 1 ? "s" : ""} to review` : "",
      pending > 0 ? turns.verdict ?? "" : "",
      turns.model ? `model ${turns.model}, mode ${turns.mode}` : "",
      turns.spent ?? "",
    ];
    item.tooltip = lines.filter((text) => text !== "").join("\n");
    item.accessibilityInformation = { label: item.tooltip, role: "button" };
  };
  update();
  item.show();
  return vscode.Disposable.from(item, turns.onChange(update), hunks.onChange(update), server.onState(update));
}

interface Entry extends vscode.QuickPickItem {
  command?: string;
}

export async function showMenu(server: Server, turns: Turns, hunks: Hunks): Promise<void> {
  const entry = (icon: string, label: string, command: string, description = ""): Entry => ({ label: `$(${icon}) ${label}`, command: `interline.${command}`, description });
  const separator: Entry = { label: "", kind: vscode.QuickPickItemKind.Separator };
  const running = turns.all.map((turn) => turn.title).join(", ");
  const review = [
    entry("diff", "Show Changes", "showDiff", `${hunks.all.length} to review`),
    entry("check-all", "Accept All Changes", "acceptAll"),
    entry("close-all", "Reject All Changes", "rejectAll"),
  ];
  const entries = [
    ...(running ? [entry("stop-circle", "Cancel", "cancelTurn", running), separator] : []),
    ...(hunks.all.length > 0 ? [...review, separator] : []),
    entry("comment-discussion", "Ask…", "ask"),
    entry("edit", "Edit Selection…", "editSelection"),
    entry("discard", "Undo Last Turn", "undoTurn"),
    separator,
    entry("book", "Show Transcript", "showTranscript"),
    entry("history", "Resume Session…", "resumeSession"),
    entry("shield", "Select Mode…", "selectMode", turns.mode ?? ""),
    entry("chip", "Select Model…", "selectModel", turns.model ?? ""),
    entry("workspace-trusted", "Trust this Folder…", "trustFolder"),
    separator,
    entry("output", "Show Logs", "showLogs"),
    entry("debug-restart", "Restart Server", "restartServer", server.version ?? ""),
  ];
  const picked = await vscode.window.showQuickPick(entries, { title: "Interline", placeHolder: turns.spent ?? "What to do?" });
  if (picked?.command) await vscode.commands.executeCommand(picked.command);
}

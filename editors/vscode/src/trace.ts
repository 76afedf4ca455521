// The channel for the messages between editor and server. The client library traces when a channel's log level is Trace;
// here the setting interline.trace.server is that level, so that one switch is enough. Must not filter anything itself.

import * as vscode from "vscode";

export function traceChannel(): vscode.LogOutputChannel {
  const channel = vscode.window.createOutputChannel("Interline Trace");
  const levels = new vscode.EventEmitter<vscode.LogLevel>();
  const level = (): vscode.LogLevel =>
    vscode.workspace.getConfiguration("interline").get("trace.server") === "off" ? vscode.LogLevel.Off : vscode.LogLevel.Trace;
  const listener = vscode.workspace.onDidChangeConfiguration((change) => change.affectsConfiguration("interline.trace") && levels.fire(level()));
  const write = (text: string | Error): void => channel.appendLine(`${new Date().toISOString()} ${text}`);
  return {
    ...channel,
    get logLevel() {
      return level();
    },
    onDidChangeLogLevel: levels.event,
    trace: write,
    debug: write,
    info: write,
    warn: write,
    error: write,
    dispose: () => [listener, levels, channel].forEach((part) => part.dispose()),
  };
}

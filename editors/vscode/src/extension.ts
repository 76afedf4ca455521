// Puts the parts of the shim together. Must not hold logic.

import * as vscode from "vscode";
import { registerCommands, runServerCommand } from "./commands";
import { decorate } from "./decorations";
import { watchDiagnostics } from "./diagnostics";
import { Diff } from "./diff";
import { messageOf, report } from "./errors";
import { watchFocus } from "./focus";
import { Hunks } from "./hunks";
import { answerPrompts } from "./permission";
import { showProgress } from "./progress";
import { answerQueries } from "./query";
import { watchTyping } from "./quiet";
import { Server } from "./server";
import { statusItem } from "./status";
import { Transcript } from "./transcript";
import { Turns } from "./turns";

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  server = new Server(context, (command, argument) => report(() => runServerCommand(parts, command, argument)));
  server.attach(answerPrompts);
  server.attach(answerQueries);
  const hunks = new Hunks(server);
  const turns = new Turns(server, hunks);
  const diff = new Diff(server, hunks);
  const transcript = new Transcript(server);
  const parts = { server, hunks, turns, diff, transcript };
  context.subscriptions.push(
    server, hunks, turns, diff, transcript,
    registerCommands(parts),
    statusItem(server, turns, hunks),
    showProgress(server, turns, hunks, transcript),
    decorate(hunks),
    watchTyping(),
    watchDiagnostics(server),
    watchFocus(server),
  );
  // Not awaited: the commands are there at once, and a server that can't start must not fail the activation.
  void start(server);
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

async function start(server: Server): Promise<void> {
  try {
    await server.ready();
  } catch (error) {
    const settings = "Open Settings";
    const logs = "Show Logs";
    const answer = await vscode.window.showErrorMessage(`Interline: ${messageOf(error)}`, settings, logs);
    if (answer === settings) await vscode.commands.executeCommand("workbench.action.openSettings", "interline.server.path");
    if (answer === logs) server.showLogs();
  }
}

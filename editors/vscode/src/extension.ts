// Puts the parts of the shim together. Must not hold logic.

import * as vscode from "vscode";
import { registerCommands } from "./commands";
import { decorate } from "./decorations";
import { watchDiagnostics } from "./diagnostics";
import { Diff } from "./diff";
import { messageOf } from "./errors";
import { watchFocus } from "./focus";
import { Hunks } from "./hunks";
import { completed } from "./input";
import { answerPrompts } from "./permission";
import { showProgress } from "./progress";
import type { Started } from "./protocol";
import { answerQueries } from "./query";
import { watchTyping } from "./quiet";
import { Server } from "./server";
import { statusItem } from "./status";
import { Transcript } from "./transcript";
import { Turns } from "./turns";

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  server = new Server(context, {
    complete: completed,
    // Asked by a code action, the answer still has no other place than the transcript.
    done: async (command, result) => {
      if (command === "interline.explain") await transcript.show((result as Started).session ?? undefined);
    },
  });
  server.attach(answerPrompts);
  server.attach(answerQueries);
  const hunks = new Hunks(server);
  const turns = new Turns(server, hunks);
  const diff = new Diff(server, hunks);
  const transcript = new Transcript(server);
  context.subscriptions.push(
    server, hunks, turns, diff, transcript,
    registerCommands({ server, hunks, turns, diff, transcript }),
    statusItem(server, turns, hunks),
    showProgress(server, turns, hunks, transcript),
    decorate(hunks),
    watchTyping(),
    watchDiagnostics(server),
    watchFocus(server),
  );
  // Not awaited: the commands are there at once, and a server that can't start must not fail the activation.
  void start(server, hunks);
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

async function start(server: Server, hunks: Hunks): Promise<void> {
  try {
    await server.ready();
    await hunks.refresh();
  } catch (error) {
    const settings = "Open Settings";
    const logs = "Show Logs";
    const answer = await vscode.window.showErrorMessage(`Interline: ${messageOf(error)}`, settings, logs);
    if (answer === settings) await vscode.commands.executeCommand("workbench.action.openSettings", "interline.server.path");
    if (answer === logs) server.showLogs();
  }
}

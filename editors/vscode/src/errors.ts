// Errors in words. Must not show anything by itself but through `report`.

import * as vscode from "vscode";

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs a command of the palette; what fails is shown once, with a way to the logs. */
export async function report(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const logs = "Show Logs";
    const answer = await vscode.window.showErrorMessage(`Interline: ${messageOf(error)}`, logs);
    if (answer === logs) await vscode.commands.executeCommand("interline.showLogs");
  }
}

// Waits until the user's hands are still, so that nothing that opens by itself eats their keys.
// Must not wait for ever: a prompt that never shows is worse than one that interrupts.

import * as vscode from "vscode";

const STILL_MS = 600;
const AT_MOST_MS = 5000;

let lastKey = 0;

export function watchTyping(): vscode.Disposable {
  return vscode.workspace.onDidChangeTextDocument((change) => {
    if (change.document === vscode.window.activeTextEditor?.document && change.contentChanges.length > 0) lastKey = Date.now();
  });
}

export async function quiet(): Promise<void> {
  const end = Date.now() + AT_MOST_MS;
  while (Date.now() - lastKey < STILL_MS && Date.now() < end) await sleep(100);
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// Tells the server where the user is. Debounced; must not send text, nor anything of documents that are not files.

import * as vscode from "vscode";
import type { Server } from "./server";
import type { FocusParams } from "./protocol";

const DEBOUNCE_MS = 200;

export function watchFocus(server: Server): vscode.Disposable {
  let timer: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void send(server), DEBOUNCE_MS);
  };
  return vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor(soon),
    vscode.window.onDidChangeTextEditorSelection(soon),
    vscode.window.onDidChangeTextEditorVisibleRanges(soon),
    server.onState(soon),
    { dispose: () => clearTimeout(timer) },
  );
}

async function send(server: Server): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const client = server.running;
  if (!editor || !client || editor.document.uri.scheme !== "file") return;
  const params: FocusParams = {
    uri: client.code2ProtocolConverter.asUri(editor.document.uri),
    selections: editor.selections.map((selection) => client.code2ProtocolConverter.asRange(selection)),
    visibleRanges: editor.visibleRanges.map((range) => client.code2ProtocolConverter.asRange(range)),
  };
  await client.sendNotification("interline/didChangeFocus", params).catch(() => undefined);
}

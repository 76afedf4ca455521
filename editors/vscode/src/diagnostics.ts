// What the other language servers say: forwarded as it changes, and judged for whether it is of the present text.
// Must not pass on our own diagnostics, nor call an old set settled.

import * as vscode from "vscode";
import { sleep } from "./quiet";
import type { DiagnosticsParams } from "./protocol";
import type { Server } from "./server";

const QUIET_MS = 300;
/** With no event after a change for so long, the set is taken to be the same as before. */
const SAME_SET_MS = 2000;

const changed = new Map<string, number>();
const published = new Map<string, number>();

export function othersDiagnostics(uri: vscode.Uri): vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(uri).filter((diagnostic) => diagnostic.source !== "interline");
}

/** What is ours in a document, to tell by: an event does not say whose diagnostics changed. */
const ours = new Map<string, string>();

/** Did only our own diagnostics change? */
function isOurs(uri: vscode.Uri): boolean {
  const key = uri.toString();
  const own = vscode.languages.getDiagnostics(uri).filter(({ source }) => source === "interline");
  const now = own.map(({ range, message }) => `${range.start.line}:${range.end.line}:${message}`).join("\n");
  const before = ours.get(key) ?? "";
  ours.set(key, now);
  return now !== before;
}

export function watchDiagnostics(server: Server): vscode.Disposable {
  const waiting = new Map<string, vscode.Uri>();
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    const uris = [...waiting.values()];
    waiting.clear();
    for (const uri of uris) void send(server, uri);
  };
  const soon = (uris: readonly vscode.Uri[]): void => {
    for (const uri of uris) if (uri.scheme === "file") waiting.set(uri.toString(), uri);
    timer ??= setTimeout(flush, QUIET_MS);
  };
  const opened = (document: vscode.TextDocument): void => void changed.set(document.uri.toString(), Date.now());
  vscode.workspace.textDocuments.forEach(opened);
  return vscode.Disposable.from(
    vscode.workspace.onDidOpenTextDocument(opened),
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => contentChanges.length > 0 && opened(document)),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      changed.delete(uri.toString());
      published.delete(uri.toString());
      ours.delete(uri.toString());
    }),
    vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      const theirs = uris.filter((uri) => !isOurs(uri));
      for (const uri of theirs) published.set(uri.toString(), Date.now());
      soon(theirs);
    }),
    server.onState(() => soon(vscode.languages.getDiagnostics().map(([uri]) => uri))),
    { dispose: () => clearTimeout(timer) },
  );
}

/** Waits for the diagnostics of the present text: an event after the last change, then quiet. */
export async function settle(uri: vscode.Uri, timeoutMs: number, token: vscode.CancellationToken): Promise<boolean> {
  const key = uri.toString();
  const end = Date.now() + timeoutMs;
  while (!token.isCancellationRequested) {
    const now = Date.now();
    const change = changed.get(key) ?? 0;
    const event = published.get(key) ?? 0;
    if (event >= change ? now - event >= QUIET_MS && now - change >= QUIET_MS : now - change >= SAME_SET_MS) return true;
    if (now >= end) return false;
    await sleep(Math.min(50, end - now));
  }
  return false;
}

async function send(server: Server, uri: vscode.Uri): Promise<void> {
  const client = server.running;
  if (!client) return;
  const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
  const diagnostics = await client.code2ProtocolConverter.asDiagnostics(othersDiagnostics(uri));
  const params: DiagnosticsParams = { uri: client.code2ProtocolConverter.asUri(uri), ...(document ? { version: document.version } : {}), diagnostics };
  await client.sendNotification("interline/didChangeDiagnostics", params).catch(() => undefined);
}

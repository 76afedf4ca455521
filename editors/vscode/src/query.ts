// Answers the server's questions to the editor's other language servers: interline/query.
// Must not answer from Interline's own actions or diagnostics, nor change anything.

import * as vscode from "vscode";
import { ErrorCodes, ResponseError, type LanguageClient } from "vscode-languageclient/node";
import { othersDiagnostics, settle } from "./diagnostics";
import { messageOf } from "./errors";
import type { QueryParams, QueryResult } from "./protocol";
import { hoverTexts, locationOf, once, quickFix, symbolItems, workspaceEdit, type Convert } from "./queryItems";

/** Quick fixes are resolved by their providers up to this many, since only those with an edit are of use. */
const RESOLVE_AT_MOST = 30;

/** What an answer that uses all of its time still needs. */
const LATE_MS = 200;

type Answer = Pick<QueryResult, "items"> & Partial<Pick<QueryResult, "source" | "settled" | "docVersion">>;

export function answerQueries(client: LanguageClient): void {
  const convert = client.code2ProtocolConverter;
  client.onRequest("interline/query", async (params: QueryParams, token: vscode.CancellationToken): Promise<QueryResult> => {
    return inTime(params.timeoutMs, answer(params, convert, token)).catch((error: unknown) => {
      // Any other error comes to the server with the client's own words around it.
      throw new ResponseError(ErrorCodes.InternalError, messageOf(error));
    });
  });
}

/** A provider may never answer; the editor itself waits for it as long as it takes. */
async function inTime<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the editor's language features gave no answer in ${timeoutMs} ms`)), timeoutMs + LATE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function answer(params: QueryParams, convert: Convert, token: vscode.CancellationToken): Promise<QueryResult> {
  const document = params.uri === undefined ? undefined : await open(vscode.Uri.parse(params.uri, true), params, token);
  const found = await answerOf(params, document, convert, token);
  // The editor does not tell whether anybody is there who could answer: nothing found is no answer.
  const silent = found.items.length === 0 && !["diagnostics", "quickFixes"].includes(params.kind);
  return {
    source: silent ? "" : document ? `vscode ${document.languageId}` : "vscode",
    settled: true,
    ...(document ? { docVersion: document.version } : {}),
    ...found,
    items: once(found.items),
  };
}

async function answerOf(params: QueryParams, document: vscode.TextDocument | undefined, convert: Convert, token: vscode.CancellationToken): Promise<Answer> {
  switch (params.kind) {
    case "diagnostics":
      return document ? ofDocument(document, params, convert, token) : everything(convert);
    case "symbols":
      return { items: await symbols(params, document, convert) };
    case "definition":
      return { items: (await locations("vscode.executeDefinitionProvider", at(params, document))).map((found) => locationOf(found, convert)) };
    case "references":
      return { items: (await locations("vscode.executeReferenceProvider", at(params, document))).map((found) => locationOf(found, convert)) };
    case "hover": {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[] | undefined>("vscode.executeHoverProvider", ...at(params, document));
      return { items: hoverTexts(hovers ?? []) };
    }
    case "rename": {
      const args = [...at(params, document), params.newName ?? ""];
      const edit = await vscode.commands.executeCommand<vscode.WorkspaceEdit | undefined>("vscode.executeDocumentRenameProvider", ...args);
      return { items: edit ? [workspaceEdit(edit, convert)] : [] };
    }
    case "quickFixes":
      return { items: await quickFixes(params, document, convert, token) };
    default:
      throw new Error(`this editor's shim does not know the query ${JSON.stringify(params.kind)}`);
  }
}

/** The document, with at least the version that the server asks about. */
async function open(uri: vscode.Uri, params: QueryParams, token: vscode.CancellationToken): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument(uri);
  const wanted = params.minVersion;
  if (wanted === undefined || document.version >= wanted) return document;
  return new Promise((resolve) => {
    const parts = [
      vscode.workspace.onDidChangeTextDocument(() => document.version >= wanted && done()),
      token.onCancellationRequested(() => done()),
    ];
    const timer = setTimeout(() => done(), params.timeoutMs);
    const done = (): void => {
      clearTimeout(timer);
      parts.forEach((part) => part.dispose());
      resolve(document);
    };
  });
}

async function ofDocument(document: vscode.TextDocument, params: QueryParams, convert: Convert, token: vscode.CancellationToken): Promise<Answer> {
  const settled = await settle(document.uri, params.timeoutMs, token);
  const diagnostics = othersDiagnostics(document.uri);
  return {
    items: [{ uri: convert.asUri(document.uri), diagnostics: await convert.asDiagnostics(diagnostics) }],
    source: sourcesOf(diagnostics, `vscode ${document.languageId}`),
    settled,
    docVersion: document.version,
  };
}

async function everything(convert: Convert): Promise<Answer> {
  const files = vscode.languages.getDiagnostics().filter(([uri]) => uri.scheme === "file");
  const sets = files.map(([uri]) => ({ uri, diagnostics: othersDiagnostics(uri) })).filter(({ diagnostics }) => diagnostics.length > 0);
  return {
    items: await Promise.all(sets.map(async ({ uri, diagnostics }) => ({ uri: convert.asUri(uri), diagnostics: await convert.asDiagnostics(diagnostics) }))),
    source: sourcesOf(sets.flatMap(({ diagnostics }) => diagnostics), "vscode"),
    // Other files lag behind an edit, and nothing tells when they have caught up.
    settled: false,
  };
}

async function symbols(params: QueryParams, document: vscode.TextDocument | undefined, convert: Convert): Promise<unknown[]> {
  if (!document) {
    const found = await vscode.commands.executeCommand<vscode.SymbolInformation[] | undefined>("vscode.executeWorkspaceSymbolProvider", params.query ?? "");
    return symbolItems(found ?? [], convert);
  }
  const found = await vscode.commands.executeCommand<(vscode.DocumentSymbol | vscode.SymbolInformation)[] | undefined>("vscode.executeDocumentSymbolProvider", document.uri);
  const wanted = params.query?.toLowerCase() ?? "";
  return symbolItems(found ?? [], convert, document.uri).filter((symbol) => symbol.name.toLowerCase().includes(wanted));
}

async function locations(command: string, args: unknown[]): Promise<(vscode.Location | vscode.LocationLink)[]> {
  return (await vscode.commands.executeCommand<(vscode.Location | vscode.LocationLink)[] | undefined>(command, ...args)) ?? [];
}

async function quickFixes(params: QueryParams, document: vscode.TextDocument | undefined, convert: Convert, token: vscode.CancellationToken): Promise<unknown[]> {
  if (!document || params.line === undefined) throw new Error("a query for quick fixes needs uri and line");
  await settle(document.uri, params.timeoutMs, token);
  const range = document.lineAt(Math.min(params.line, document.lineCount - 1)).range;
  const kind = vscode.CodeActionKind.QuickFix.value;
  const actions = await vscode.commands.executeCommand<vscode.CodeAction[] | undefined>("vscode.executeCodeActionProvider", document.uri, range, kind, RESOLVE_AT_MOST);
  const ours = (action: vscode.CodeAction): boolean => Boolean(action.kind?.value.includes("interline") || action.command?.command.startsWith("interline."));
  return (actions ?? []).filter((action) => !ours(action) && !action.disabled).map((action) => quickFix(action, convert));
}

function at(params: QueryParams, document: vscode.TextDocument | undefined): [vscode.Uri, vscode.Position] {
  if (!document || !params.position) throw new Error(`a query for ${params.kind} needs uri and position`);
  return [document.uri, new vscode.Position(params.position.line, params.position.character)];
}

function sourcesOf(diagnostics: vscode.Diagnostic[], otherwise: string): string {
  const sources = new Set(diagnostics.flatMap((diagnostic) => diagnostic.source ?? []));
  return sources.size > 0 ? [...sources].sort().join(", ") : otherwise;
}

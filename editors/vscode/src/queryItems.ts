// The editor's results as LSP items, for interline/query. Pure; must not ask the editor anything.

import * as vscode from "vscode";
import type { LanguageClient, Location, SymbolInformation, WorkspaceEdit } from "vscode-languageclient/node";

export type Convert = LanguageClient["code2ProtocolConverter"];

export function locationOf(found: vscode.Location | vscode.LocationLink, convert: Convert): Location {
  return "targetUri" in found
    ? { uri: convert.asUri(found.targetUri), range: convert.asRange(found.targetSelectionRange ?? found.targetRange) }
    : { uri: convert.asUri(found.uri), range: convert.asRange(found.range) };
}

/** Flat, in the document's order; members name what they are inside of. */
export function symbolItems(found: (vscode.DocumentSymbol | vscode.SymbolInformation)[], convert: Convert, uri?: vscode.Uri, container?: string): SymbolInformation[] {
  return found.flatMap((symbol) => {
    // What the editor answers for a document is both at once: the tree says more.
    if (!("selectionRange" in symbol)) return [item(symbol.name, symbol.kind, locationOf(symbol.location, convert), symbol.containerName)];
    if (!uri) return [];
    const location = { uri: convert.asUri(uri), range: convert.asRange(symbol.selectionRange) };
    return [item(symbol.name, symbol.kind, location, container), ...symbolItems(symbol.children, convert, uri, symbol.name)];
  });
}

function item(name: string, kind: vscode.SymbolKind, location: Location, containerName: string | undefined): SymbolInformation {
  // LSP counts the kinds from 1.
  const numbered = { name, kind: (kind + 1) as SymbolInformation["kind"], location };
  return containerName ? { ...numbered, containerName } : numbered;
}

/** One text, the contents of each hover apart by an empty line. */
export function hoverTexts(hovers: vscode.Hover[]): string[] {
  const texts = hovers.flatMap((hover) => hover.contents.map((content) => {
    if (typeof content === "string") return content;
    return "language" in content ? `\`\`\`${content.language}\n${content.value}\n\`\`\`` : content.value;
  }));
  const text = texts.map((part) => part.trim()).filter((part) => part !== "").join("\n\n");
  return text === "" ? [] : [text];
}

/** Each of the items once: providers that know the same tell the same. */
export function once(items: unknown[]): unknown[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}

/** An action as an edit, or why there is none. */
export function quickFix(action: vscode.CodeAction, convert: Convert): object {
  const fix = { title: action.title, isPreferred: action.isPreferred === true };
  if (action.edit && entriesOf(action.edit).length > 0) return { ...fix, edit: workspaceEdit(action.edit, convert) };
  // A plain command comes as one; the types know of actions only.
  const command = typeof action.command === "string" ? (action.command as string) : action.command?.command;
  return { ...fix, refused: command ? `it would run the command \`${command}\` in the editor` : "it has no edit" };
}

/** One entry of an edit, as the editor keeps it: of a text, a snippet, a file or a notebook. */
interface Entry {
  uri?: vscode.Uri;
  edit?: vscode.TextEdit | vscode.SnippetString;
  /** Of a snippet. */
  range?: vscode.Range;
  from?: vscode.Uri;
  to?: vscode.Uri;
  options?: { contents?: unknown };
}

/**
 * All of an edit, in order. What the API shows of one is text alone: a rename that also moves a file would look whole
 * without that. The editor's own view of it is asked for; where it is another one, the text has to do.
 */
function entriesOf(edit: vscode.WorkspaceEdit): Entry[] {
  const all = (edit as unknown as { _allEntries?(): Entry[] })._allEntries?.();
  return Array.isArray(all) ? all : edit.entries().flatMap(([uri, edits]) => edits.map((change) => ({ uri, edit: change })));
}

export function workspaceEdit(edit: vscode.WorkspaceEdit, convert: Convert): WorkspaceEdit {
  const documentChanges = entriesOf(edit).map((entry) => change(entry, convert));
  return { documentChanges: documentChanges as NonNullable<WorkspaceEdit["documentChanges"]> };
}

/** The server refuses kinds that it does not know. */
function change({ uri, edit, range, from, to, options }: Entry, convert: Convert): object {
  if (uri && edit) {
    const text = "newText" in edit ? convert.asTextEdit(edit) : { range: convert.asRange(range), snippet: { kind: "snippet", value: edit.value } };
    return { textDocument: { uri: convert.asUri(uri), version: null }, edits: [text] };
  }
  if (from && to) return { kind: "rename", oldUri: convert.asUri(from), newUri: convert.asUri(to) };
  if (to && options?.contents === undefined) return { kind: "create", uri: convert.asUri(to) };
  if (from && !to) return { kind: "delete", uri: convert.asUri(from) };
  return { kind: "unknown" };
}

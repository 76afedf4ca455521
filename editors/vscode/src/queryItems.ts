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

/** Text edits only: what creates or moves files does not show in the editor's interface. */
export function textEdits(edit: vscode.WorkspaceEdit, convert: Convert): WorkspaceEdit {
  const changes: NonNullable<WorkspaceEdit["changes"]> = {};
  for (const [uri, edits] of edit.entries()) changes[convert.asUri(uri)] = edits.map((change) => convert.asTextEdit(change));
  return { changes };
}

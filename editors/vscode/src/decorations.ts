// Shows pending hunks in the text: removed lines coloured, the new text beside them, the whole change on hover.
// Must not change the text, nor the places that the server gave.

import * as vscode from "vscode";
import { enabled } from "./config";
import type { Hunks } from "./hunks";
import type { HunkInfo, VerdictState } from "./protocol";

const MARGIN = "0 0 0 2ch";
const LONGEST = 160;
const MARKS: Partial<Record<VerdictState, string>> = { checked: "✓ ", worse: "✗ " };

export function decorate(hunks: Hunks): vscode.Disposable {
  const removed = line("diffEditor.removedTextBackground", "editorGutter.deletedBackground");
  const changed = line("diffEditor.removedTextBackground", "editorGutter.modifiedBackground");
  const conflict = line("inputValidation.warningBackground", "editorWarning.foreground");
  const added = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    overviewRulerColor: new vscode.ThemeColor("editorGutter.addedBackground"),
    overviewRulerLane: vscode.OverviewRulerLane.Left,
  });

  const paint = (editor: vscode.TextEditor): void => {
    const show = enabled("decorations.enable", editor.document);
    const infos = show ? hunks.of(editor.document.uri).filter((hunk) => hunk.state !== "applying") : [];
    const lines = (wanted: (hunk: HunkInfo) => boolean): vscode.DecorationOptions[] =>
      infos.filter((hunk) => hunk.lineCount > 0 && wanted(hunk)).flatMap((hunk) => oldText(hunk, editor.document));
    editor.setDecorations(removed, lines((hunk) => hunk.state === "pending" && hunk.newLines.length === 0));
    editor.setDecorations(changed, lines((hunk) => hunk.state === "pending" && hunk.newLines.length > 0));
    editor.setDecorations(conflict, lines((hunk) => hunk.state === "conflict"));
    editor.setDecorations(added, infos.flatMap((hunk) => newText(hunk, editor.document)));
  };
  const paintAll = (): void => vscode.window.visibleTextEditors.forEach(paint);
  return vscode.Disposable.from(
    removed, changed, conflict, added,
    hunks.onChange(paintAll),
    vscode.window.onDidChangeVisibleTextEditors(paintAll),
    vscode.workspace.onDidChangeConfiguration((change) => change.affectsConfiguration("interline.decorations") && paintAll()),
  );
}

/** The text of the lines that the hunk replaces, without the space around it: the new text has that place. */
function oldText(hunk: HunkInfo, document: vscode.TextDocument): vscode.DecorationOptions[] {
  const hoverMessage = hover(hunk);
  const end = Math.min(hunk.startLine + hunk.lineCount, document.lineCount);
  return Array.from({ length: Math.max(end - hunk.startLine, 0) }, (_, row) => {
    const { range, firstNonWhitespaceCharacterIndex } = document.lineAt(hunk.startLine + row);
    return { range: range.with(range.start.with({ character: firstNonWhitespaceCharacterIndex })), hoverMessage };
  });
}

/** New line n stands behind old line n; what is left over stands behind the last one, in few words. */
function newText(hunk: HunkInfo, document: vscode.TextDocument): vscode.DecorationOptions[] {
  if (hunk.kind === "create" || hunk.kind === "move") return [];
  const last = document.lineCount - 1;
  if (hunk.lineCount === 0) {
    const before = Math.min(Math.max(hunk.startLine - 1, 0), last);
    if (hunk.kind !== "text") return [after(document, before, `→ ${fate(hunk)}`)];
    return [after(document, before, `+ ${hunk.newLines[0]?.trim() ?? ""}${more(hunk.newLines.length - 1)}`)];
  }
  const rows = Math.min(hunk.lineCount, hunk.newLines.length, last - hunk.startLine + 1);
  return Array.from({ length: rows }, (_, row) => {
    const left = row === rows - 1 ? more(hunk.newLines.length - rows) : "";
    const same = hunk.newLines[row] === document.lineAt(hunk.startLine + row).text;
    return same && left === "" ? [] : [after(document, hunk.startLine + row, `→ ${hunk.newLines[row]?.trim() ?? ""}${left}`)];
  }).flat();
}

/** What becomes of the file, where the hunk is not about its lines. */
function fate(hunk: HunkInfo): string {
  const [made] = hunk.newLines;
  if (hunk.kind === "mode") return made === "mode 100755" ? "becomes executable" : "no longer executable";
  return made === undefined ? "deletes the file" : made.replace(/, sha256.*/u, "");
}

function after(document: vscode.TextDocument, row: number, text: string): vscode.DecorationOptions {
  const end = document.lineAt(row).range.end;
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return {
    range: new vscode.Range(end, end),
    renderOptions: {
      after: {
        // Plain spaces would fall together.
        contentText: cut.replaceAll(" ", "\u00a0").replaceAll("\t", "\u00a0\u00a0"),
        margin: MARGIN,
        border: "none; border-radius: 2px; padding: 0 0.5ch",
        backgroundColor: new vscode.ThemeColor("diffEditor.insertedTextBackground"),
        color: new vscode.ThemeColor("editor.foreground"),
      },
    },
  };
}

function more(lines: number): string {
  return lines > 0 ? `  … ${lines} more line${lines > 1 ? "s" : ""}` : "";
}

function hover(hunk: HunkInfo): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  if (hunk.state === "conflict") text.appendMarkdown("**Interline:** you changed these lines since; revise or reject this change.\n\n");
  const lines = [...hunk.oldLines.map((old) => `-${old}`), ...hunk.newLines.map((made) => `+${made}`)];
  text.appendCodeblock(lines.join("\n").replaceAll("```", "ʼʼʼ"), "diff");
  if (hunk.verdict) text.appendText(`${MARKS[hunk.verdict.state] ?? ""}${hunk.verdict.text}`);
  return text;
}

function line(background: string, ruler: string): vscode.TextEditorDecorationType {
  return vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    backgroundColor: new vscode.ThemeColor(background),
    overviewRulerColor: new vscode.ThemeColor(ruler),
    overviewRulerLane: vscode.OverviewRulerLane.Left,
  });
}

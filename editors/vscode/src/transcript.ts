// The transcript of a session as a read-only Markdown document that grows while the agent answers.
// Must not make the text itself: the server renders it; only what streams in meanwhile is appended.

import * as vscode from "vscode";
import type { TranscriptResult } from "./protocol";
import type { Server } from "./server";

const SCHEME = "interline-transcript";
const REFRESH_MS = 150;

interface Page {
  /** As the server rendered it. */
  text: string;
  /** What streamed in since the last whole block. */
  tail: string;
  /** So much of the tail was whole when the last block ended. */
  whole: number;
  /** The user has asked for it. */
  open: boolean;
  /** The view goes along with the end, until the user scrolls up. */
  follows: boolean;
  /** The first line in view. */
  first: number;
}

export class Transcript implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly pages = new Map<string, Page>();
  private readonly stale = new Set<string>();
  private readonly changes = new vscode.EventEmitter<vscode.Uri>();
  private readonly parts: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;
  /** Something has come since the last refresh began. */
  private behind = false;
  /** The session of the last event or command. */
  session: string | undefined;
  readonly onDidChange = this.changes.event;

  constructor(private readonly server: Server) {
    this.parts = [
      this.changes,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      server.onEvent(({ session, event }) => {
        if (session === undefined) return;
        this.session = session;
        const page = this.page(session);
        if (event.type === "text") page.tail += event.delta;
        else if (event.type !== "turnStarted" && event.type !== "callEnded" && event.type !== "turnEnded") return;
        else {
          page.whole = page.tail.length;
          this.stale.add(session);
        }
        this.behind = true;
        this.schedule();
      }),
      vscode.workspace.onDidChangeTextDocument(({ document: { uri } }) => {
        if (uri.scheme === SCHEME && this.page(uri.query).follows) this.editors(uri.query).forEach(reveal);
      }),
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
        if (textEditor.document.uri.scheme === SCHEME) this.scrolled(textEditor);
      }),
    ];
  }

  async show(session = this.session): Promise<void> {
    const id = await this.load(session);
    this.page(id).follows = true;
    const uri = uriOf(id);
    this.changes.fire(uri);
    const document = await vscode.languages.setTextDocumentLanguage(await vscode.workspace.openTextDocument(uri), "markdown");
    const editor = await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true, preview: true });
    reveal(editor);
  }

  isVisible(session: string): boolean {
    return this.editors(session).length > 0;
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    const { text, tail } = this.page(uri.query);
    return tail === "" ? text : `${text}\n${tail}`;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.parts.forEach((part) => part.dispose());
  }

  private editors(session: string): vscode.TextEditor[] {
    return vscode.window.visibleTextEditors.filter(({ document: { uri } }) => uri.scheme === SCHEME && uri.query === session);
  }

  /** Text that grows pushes the end out of view, and its top never up: only the user does that. */
  private scrolled(editor: vscode.TextEditor): void {
    const page = this.page(editor.document.uri.query);
    const first = editor.visibleRanges[0]?.start.line ?? 0;
    page.follows = atEnd(editor) || (page.follows && first >= page.first);
    page.first = first;
  }

  private page(session: string): Page {
    const page = this.pages.get(session) ?? { text: "", tail: "", whole: 0, open: false, follows: true, first: 0 };
    this.pages.set(session, page);
    return page;
  }

  private async load(session: string | undefined): Promise<string> {
    const answer = await this.server.command<TranscriptResult>("transcript", session === undefined ? {} : { session });
    const id = answer.session ?? session ?? "";
    Object.assign(this.page(id), { text: answer.text, open: true });
    return id;
  }

  /** At the events that bring one here, all that had streamed in before is in the server's text. */
  private async reload(session: string): Promise<void> {
    const page = this.page(session);
    const { whole } = page;
    if (page.open) await this.load(session);
    page.tail = page.tail.slice(whole);
    page.whole -= whole;
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => void this.refresh(), REFRESH_MS);
  }

  private async refresh(): Promise<void> {
    this.behind = false;
    const stale = [...this.stale];
    this.stale.clear();
    for (const session of stale) if (this.server.running) await this.reload(session).catch(() => undefined);
    this.timer = undefined;
    for (const [session, page] of this.pages) {
      if (page.open) this.changes.fire(uriOf(session));
    }
    // What came while the server was asked is not in its answer.
    if (this.behind) this.schedule();
  }
}

function uriOf(session: string): vscode.Uri {
  return vscode.Uri.from({ scheme: SCHEME, path: "/Interline.md", query: session });
}

function atEnd(editor: vscode.TextEditor): boolean {
  return editor.visibleRanges.some((range) => range.end.line >= editor.document.lineCount - 2);
}

function reveal(editor: vscode.TextEditor): void {
  const end = editor.document.lineAt(editor.document.lineCount - 1).range;
  editor.revealRange(end);
}

// The pending hunks as the server last told them, by document. Must not move or judge hunks: the server does that.

import * as vscode from "vscode";
import type { HunkInfo, HunksChanged } from "./protocol";
import type { Server } from "./server";

export class Hunks implements vscode.Disposable {
  private readonly documents = new Map<string, HunkInfo[]>();
  private readonly changes = new vscode.EventEmitter<void>();
  private readonly parts: vscode.Disposable[];
  readonly onChange = this.changes.event;

  constructor(private readonly server: Server) {
    this.parts = [
      this.changes,
      server.onEvent(({ event }) => event.type === "hunksChanged" && this.take(event.documents)),
      // After a start, a restart or a crash: earlier events went elsewhere.
      server.onState(() => (server.running ? void this.refresh().catch(() => undefined) : this.clear())),
    ];
  }

  /** Asks for all of them. */
  async refresh(): Promise<void> {
    const { documents } = await this.server.command<{ documents: HunksChanged[] }>("hunks");
    this.documents.clear();
    this.take(documents);
  }

  of(uri: vscode.Uri): HunkInfo[] {
    return this.documents.get(uri.toString()) ?? [];
  }

  get all(): { uri: vscode.Uri; hunk: HunkInfo }[] {
    return [...this.documents].flatMap(([uri, hunks]) => hunks.map((hunk) => ({ uri: vscode.Uri.parse(uri), hunk })));
  }

  /** The hunk that the line is in, else the nearest one of the document. */
  near(uri: vscode.Uri, line: number): HunkInfo | undefined {
    const distance = (hunk: HunkInfo): number => Math.max(hunk.startLine - line, line - (hunk.startLine + Math.max(hunk.lineCount - 1, 0)), 0);
    return this.of(uri).toSorted((one, other) => distance(one) - distance(other))[0];
  }

  dispose(): void {
    this.parts.forEach((part) => part.dispose());
  }

  private take(documents: HunksChanged[]): void {
    for (const { uri, hunks } of documents) {
      const key = vscode.Uri.parse(uri).toString();
      if (hunks.length > 0) this.documents.set(key, hunks);
      else this.documents.delete(key);
    }
    this.changed();
  }

  private clear(): void {
    this.documents.clear();
    this.changed();
  }

  private changed(): void {
    void vscode.commands.executeCommand("setContext", "interline.hunks", this.documents.size > 0);
    this.changes.fire();
  }
}

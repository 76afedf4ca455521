// The whole proposal in the editor's own diff view: texts before and after, as the server computes them.
// Must not compute a diff, nor let either side be edited.

import * as vscode from "vscode";
import type { Hunks } from "./hunks";
import type { DiffResult } from "./protocol";
import type { Server } from "./server";

const SCHEME = "interline-diff";
const REFRESH_MS = 250;

type Side = "before" | "after";

export class Diff implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private files = new Map<string, DiffResult["files"][number]>();
  private readonly changes = new vscode.EventEmitter<vscode.Uri>();
  private readonly parts: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;
  readonly onDidChange = this.changes.event;

  constructor(private readonly server: Server, hunks: Hunks) {
    this.parts = [
      this.changes,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      hunks.onChange(() => this.refreshSoon()),
    ];
  }

  async show(): Promise<void> {
    await this.load();
    const files = [...this.files.values()];
    const [first] = files;
    if (!first) {
      void vscode.window.setStatusBarMessage("Interline: no changes to review", 4000);
    } else if (files.length === 1) {
      await vscode.commands.executeCommand("vscode.diff", uriOf("before", first), uriOf("after", first), `${first.path} (Interline's proposal)`, { preview: true });
    } else {
      const rows = files.map((file) => [uriOf("after", file), uriOf("before", file), uriOf("after", file)]);
      await vscode.commands.executeCommand("vscode.changes", `Interline's proposal`, rows);
    }
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    const { side, file } = JSON.parse(uri.query) as { side: Side; file: string };
    return this.files.get(file)?.[side] ?? "";
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.parts.forEach((part) => part.dispose());
  }

  private get shown(): vscode.Uri[] {
    return vscode.workspace.textDocuments.map((document) => document.uri).filter((uri) => uri.scheme === SCHEME);
  }

  private refreshSoon(): void {
    if (this.shown.length === 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), REFRESH_MS);
  }

  /** What is no longer proposed keeps its last text on both sides, so that the view shows no difference. */
  private async refresh(): Promise<void> {
    if (!this.server.running) return;
    const before = this.files;
    await this.load();
    for (const [uri, file] of before) if (!this.files.has(uri)) this.files.set(uri, { ...file, before: await textOf(uri, file.after) , after: await textOf(uri, file.after) });
    this.shown.forEach((uri) => this.changes.fire(uri));
  }

  private async load(): Promise<void> {
    const { files } = await this.server.command<DiffResult>("diff");
    this.files = new Map(files.map((file) => [file.uri, file]));
  }
}

function uriOf(side: Side, file: { uri: string; path: string }): vscode.Uri {
  return vscode.Uri.from({ scheme: SCHEME, path: `/${file.path}`, query: JSON.stringify({ side, file: file.uri }) });
}

async function textOf(uri: string, otherwise: string): Promise<string> {
  try {
    return (await vscode.workspace.openTextDocument(vscode.Uri.parse(uri))).getText();
  } catch {
    return otherwise;
  }
}

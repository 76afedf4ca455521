// The commands of the palette: each asks for what is missing, then sends one command to the server.
// Must not hold agent logic; what comes of a command arrives by events.

import * as vscode from "vscode";
import type { Diff } from "./diff";
import { othersDiagnostics } from "./diagnostics";
import { report } from "./errors";
import type { Hunks } from "./hunks";
import { resumeSession, selectMode, selectModel } from "./pickers";
import type { HunkInfo, Started } from "./protocol";
import type { Server } from "./server";
import { showMenu } from "./status";
import type { Transcript } from "./transcript";
import type { Turns } from "./turns";
import { debugInformation } from "./debugInformation";
import { askForText, completed } from "./input";

export interface Parts {
  server: Server;
  hunks: Hunks;
  turns: Turns;
  diff: Diff;
  transcript: Transcript;
}

export function registerCommands(parts: Parts): vscode.Disposable {
  const { server, hunks, turns, diff, transcript } = parts;
  const table: Record<string, () => Promise<unknown>> = {
    editSelection: () => editSelection(server),
    fixProblem: async () => server.command("fix", await place(server, true)),
    explainProblem: async () => showAnswer(transcript, await server.command("explain", await place(server, true))),
    ask: () => ask(server, transcript),
    acceptHunk: () => onHunk(hunks, (hunk) => server.command("accept", { hunk: hunk.id })),
    rejectHunk: () => onHunk(hunks, (hunk) => server.command("reject", { hunk: hunk.id })),
    reviseHunk: () => onHunk(hunks, (hunk) => vscode.commands.executeCommand("interline.revise", { hunk: hunk.id })),
    acceptAll: () => server.command("accept"),
    rejectAll: () => server.command("reject"),
    nextHunk: () => goTo(parts, 1),
    previousHunk: () => goTo(parts, -1),
    showDiff: () => diff.show(),
    cancelTurn: () => server.command("cancel"),
    undoTurn: () => server.command("undo"),
    compactSession: () => server.command("compact"),
    selectMode: () => selectMode(server, turns),
    selectModel: () => selectModel(server),
    showTranscript: () => transcript.show(),
    resumeSession: () => resumeSession(server, hunks, transcript),
    trustFolder: () => trustFolder(server),
    showMenu: () => showMenu(server, turns, hunks),
    restartServer: () => server.restart(),
    showLogs: async () => server.showLogs(),
    printDebugInformation: () => debugInformation(parts),
  };
  const registered = Object.entries(table).map(([name, run]) => vscode.commands.registerCommand(`interline.${name}`, () => report(run)));
  return vscode.Disposable.from(...registered);
}

/** A command of the server's from a code action, a lens or a key: asks for the words that it lacks. */
export async function runServerCommand({ server, transcript }: Parts, command: string, argument: unknown): Promise<void> {
  // What a lens says of a change is told in full there.
  if (command === "interline.transcript") return transcript.show((argument as { session?: string } | undefined)?.session);
  const full = await completed(command, argument, server);
  if (!full) return;
  const started = await server.command<Started>(command.replace("interline.", ""), full);
  if (command === "interline.explain") await showAnswer(transcript, started);
}

async function editSelection(server: Server): Promise<void> {
  const here = await place(server, false);
  const instruction = await askForText("edit", server);
  if (instruction !== undefined) await server.command("edit", { ...here, instruction });
}

/** The folder of the file on screen, where one is; the server asks the user first. */
async function trustFolder(server: Server): Promise<void> {
  const document = vscode.window.activeTextEditor?.document.uri;
  const uri = document?.scheme === "file" ? { uri: (await server.ready()).code2ProtocolConverter.asUri(document) } : {};
  await server.command("trust", { trusted: true, ...uri });
}

async function ask(server: Server, transcript: Transcript): Promise<void> {
  const text = await askForText("prompt", server);
  if (text === undefined) return;
  const here = vscode.window.activeTextEditor?.document.uri.scheme === "file" ? await place(server, false) : {};
  await showAnswer(transcript, await server.command("prompt", { ...here, text }));
}

/** An answer in words has no other place than the transcript. */
async function showAnswer(transcript: Transcript, started: Started): Promise<void> {
  await transcript.show(started.session ?? undefined);
}

/** Where the user is: the selection; without one the line where `problems` are meant, else the symbol under the caret. */
async function place(server: Server, problems: boolean): Promise<object> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) throw new Error("open a file first");
  const client = await server.ready();
  const convert = client.code2ProtocolConverter;
  const { document, selection } = editor;
  const range = selection.isEmpty ? document.lineAt(selection.active.line).range : selection;
  const diagnostics = problems ? othersDiagnostics(document.uri).filter((diagnostic) => diagnostic.range.intersection(range)) : [];
  return {
    uri: convert.asUri(document.uri),
    range: convert.asRange(range),
    ...(diagnostics.length > 0 ? { diagnostics: await convert.asDiagnostics(diagnostics) } : {}),
  };
}

async function onHunk(hunks: Hunks, run: (hunk: HunkInfo) => PromiseLike<unknown>): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const hunk = editor && hunks.near(editor.document.uri, editor.selection.active.line);
  if (!hunk) throw new Error("no change of Interline's in this file");
  await run(hunk);
}

/** Through all files, round and round. What no text editor shows (new files, bytes) is in the view of all changes. */
async function goTo({ hunks, diff }: Parts, step: 1 | -1): Promise<void> {
  const all = hunks.all.filter(({ hunk }) => hunk.kind !== "create" && hunk.kind !== "binary");
  if (all.length === 0 && hunks.all.length > 0) return diff.show();
  const editor = vscode.window.activeTextEditor;
  const here = editor?.document.uri.toString();
  const line = editor?.selection.active.line ?? 0;
  const inFile = all.filter(({ uri }) => uri.toString() === here).sort((one, other) => (one.hunk.startLine - other.hunk.startLine) * step);
  const elsewhere = all.filter(({ uri }) => uri.toString() !== here);
  const target = inFile.find(({ hunk }) => (hunk.startLine - line) * step > 0) ?? elsewhere.at(step === 1 ? 0 : -1) ?? inFile[0];
  if (!target) throw new Error("no changes to review");
  const position = new vscode.Position(target.hunk.startLine, 0);
  await vscode.window.showTextDocument(target.uri, { selection: new vscode.Range(position, position) });
}

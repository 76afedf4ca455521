// Shows a running turn with a way to cancel it, and what came of it where the editor would not show that by itself.
// Must not show more than one notification for one turn's end.

import * as vscode from "vscode";
import { report } from "./errors";
import type { Hunks } from "./hunks";
import { askForText } from "./input";
import type { SessionEvent } from "./protocol";
import type { Server } from "./server";
import type { Transcript } from "./transcript";
import type { Turn, Turns } from "./turns";

/** Short turns need no progress. */
const SHOW_AFTER_MS = 700;
const LONGEST = 300;
/** The tooltip of the status item has it for as long as there are changes to review. */
const VERDICT_MS = 20_000;

export function showProgress(server: Server, turns: Turns, hunks: Hunks, transcript: Transcript): vscode.Disposable {
  return vscode.Disposable.from(
    turns.onStart((turn) => void setTimeout(() => turns.all.includes(turn) && progress(server, turns, turn), SHOW_AFTER_MS)),
    turns.onEnd(({ turn, event }) => {
      if (event.outcome === "failed") void tell(vscode.window.showErrorMessage, event.message ?? "the turn failed", turn, transcript);
      else if (event.outcome === "stopped") void tell(vscode.window.showWarningMessage, event.message ?? "the turn was stopped", turn, transcript);
      else if (event.outcome === "done" && turn.hunks && outOfSight(hunks, turn)) void offerReview(hunks);
      else if (event.outcome === "done" && !turn.hunks && hunks.all.length === 0 && !transcript.isVisible(turn.session)) {
        void tell(vscode.window.showInformationMessage, short(turn.answer) || "done, with nothing to review", turn, transcript);
      }
    }),
    server.onEvent(({ session, event }) => {
      if (event.type === "question") void answerQuestion(server, session, event.text);
      if (event.type === "checked") vscode.window.setStatusBarMessage(verdict(event), VERDICT_MS);
      if (event.type === "notChecked") vscode.window.setStatusBarMessage(`$(question) Not checked: ${short(event.reason)}`, VERDICT_MS);
      if (event.type !== "notice") return;
      server.info(event.text);
      if (event.warning) void vscode.window.showWarningMessage(`Interline: ${event.text}`);
      else vscode.window.setStatusBarMessage(`Interline: ${event.text}`, 6000);
    }),
  );
}

/** The most important words first: the status bar cuts what is wider than two fifths of the window. */
function verdict({ newErrors, summary }: Extract<SessionEvent, { type: "checked" }>): string {
  return `$(${newErrors > 0 ? "warning" : "check"}) ${summary.charAt(0).toUpperCase()}${summary.slice(1)}`;
}

/** The turn waits: what the user types is the answer. Who closes the message can still answer by Interline: Ask. */
async function answerQuestion(server: Server, session: string | undefined, question: string): Promise<void> {
  const answer = "Answer…";
  if ((await vscode.window.showInformationMessage(`Interline asks: ${short(question)}`, answer)) !== answer) return;
  const text = await askForText("answer", server, `Interline asks: ${short(question)}`);
  if (text !== undefined) await report(() => server.command("prompt", { session, text }));
}

/** Hunks in files that are not on screen would go unnoticed. */
function outOfSight(hunks: Hunks, turn: Turn): boolean {
  const pending = hunks.all.filter(({ hunk }) => hunk.session === turn.session);
  const seen = vscode.window.visibleTextEditors.map(({ document }) => document.uri.toString());
  return pending.length > 0 && !pending.some(({ uri }) => seen.includes(uri.toString()));
}

async function offerReview(hunks: Hunks): Promise<void> {
  const show = "Show Changes";
  const count = hunks.all.length;
  const answer = await vscode.window.showInformationMessage(`Interline: ${count} change${count > 1 ? "s" : ""} to review in other files`, show);
  if (answer === show) await vscode.commands.executeCommand("interline.showDiff");
}

function progress(server: Server, turns: Turns, turn: Turn): void {
  const options = { location: vscode.ProgressLocation.Notification, title: `Interline: ${turn.title}`, cancellable: true };
  void vscode.window.withProgress(options, (bar, token) => new Promise<void>((resolve) => {
    token.onCancellationRequested(() => void server.command("cancel", { session: turn.session }));
    const show = (): void => bar.report({ message: [turn.activity, turn.cost].filter((text) => text !== "").join(" · ") });
    show();
    const part = turns.onChange(() => {
      if (turns.all.includes(turn)) return show();
      part.dispose();
      resolve();
    });
  }));
}

type Show = (message: string, ...items: string[]) => Thenable<string | undefined>;

async function tell(show: Show, text: string, turn: Turn, transcript: Transcript): Promise<void> {
  const more = "Show Transcript";
  if ((await show(`Interline: ${text}`, more)) === more) await transcript.show(turn.session);
}

function short(answer: string): string {
  const text = answer.trim().replace(/\s+/g, " ");
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

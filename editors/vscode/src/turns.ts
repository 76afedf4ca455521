// What runs now, folded from the server's events: turns, activity, model, mode, cost. Must not show anything.

import * as vscode from "vscode";
import type { Hunks } from "./hunks";
import type { SessionEvent } from "./protocol";
import type { Server } from "./server";

export interface Turn {
  id: string;
  session: string;
  title: string;
  activity: string;
  /** So far, such as "$0.12"; empty where that is nothing, or not known. */
  cost: string;
  /** The agent's words since the last tool call: at the end, its answer. */
  answer: string;
  hunks: boolean;
}

type Ended = Extract<SessionEvent, { type: "turnEnded" }>;

export class Turns implements vscode.Disposable {
  private readonly running = new Map<string, Turn>();
  private readonly changes = new vscode.EventEmitter<void>();
  private readonly starts = new vscode.EventEmitter<Turn>();
  private readonly ends = new vscode.EventEmitter<{ turn: Turn; event: Ended }>();
  private readonly parts: vscode.Disposable[];
  readonly onChange = this.changes.event;
  readonly onStart = this.starts.event;
  readonly onEnd = this.ends.event;
  model: string | undefined;
  mode: string | undefined;
  spent: string | undefined;
  /** What the session that was heard of last has cost, such as "$0.12"; empty where that is nothing, or not known. */
  cost = "";
  /** What the last turn's edits do to the project's problems, where something could check them. */
  verdict: string | undefined;

  constructor(server: Server, private readonly hunks: Hunks) {
    this.parts = [
      this.changes, this.starts, this.ends,
      server.onEvent(({ session, event }) => session !== undefined && this.fold(session, event)),
      server.onState(() => {
        if (!server.running) this.running.clear();
        this.changed();
      }),
    ];
  }

  get all(): Turn[] {
    return [...this.running.values()];
  }

  dispose(): void {
    this.parts.forEach((part) => part.dispose());
  }

  private fold(session: string, event: SessionEvent): void {
    const turn = "turn" in event ? this.running.get(event.turn) : undefined;
    switch (event.type) {
      case "turnStarted": {
        const started = { id: event.turn, session, title: event.title, activity: "", cost: "", answer: "", hunks: false };
        this.running.set(event.turn, started);
        this.verdict = undefined;
        this.starts.fire(started);
        break;
      }
      case "activity":
        if (turn) turn.activity = event.text;
        break;
      case "callStarted":
        if (turn) Object.assign(turn, { activity: event.title, answer: "" });
        break;
      case "text":
        if (turn) turn.answer += event.delta;
        return;
      case "hunksChanged":
        for (const each of this.running.values()) each.hunks ||= this.hunks.all.some(({ hunk }) => hunk.session === each.session);
        break;
      case "checked":
        this.verdict = `The edits: ${event.summary}`;
        break;
      case "notChecked":
        this.verdict = `The edits were not checked: ${event.reason}`;
        break;
      case "spent":
        if (turn) turn.cost = dollars(event.costUsd);
        this.cost = dollars(event.sessionCostUsd);
        this.spent = `${event.usage.input + event.usage.cacheRead + event.usage.cacheWrite} tokens in, ${event.usage.output} out${turn?.cost ? `, ${turn.cost}` : ""}${this.cost ? ` (session ${this.cost})` : ""}`;
        break;
      case "configured":
        Object.assign(this, { model: event.model, mode: event.mode });
        break;
      case "turnEnded":
        this.running.delete(event.turn);
        if (turn) this.ends.fire({ turn, event });
        break;
      default:
        return;
    }
    this.changed();
  }

  private changed(): void {
    void vscode.commands.executeCommand("setContext", "interline.running", this.running.size > 0);
    this.changes.fire();
  }
}

function dollars(usd: number | null | undefined): string {
  if (!usd) return "";
  return usd < 0.01 ? "<$0.01" : `$${usd.toFixed(2)}`;
}

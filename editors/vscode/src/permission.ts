// Asks the user what the server asks: permissions, and questions with options. A modal dialog with Deny first.
// Must not decide, nor remember an answer: the server checks each one against its single-use id.

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import type { PermissionParams, PermissionResult } from "./protocol";
import { quiet, sleep } from "./quiet";

/** An answer that comes sooner was meant for something else: the dialog shows again. */
const ARMING_MS = 600;

interface ShowMessageRequest {
  message: string;
  actions?: { title: string }[];
}

export function answerPrompts(client: LanguageClient): void {
  client.onRequest("interline/requestPermission", async (params: PermissionParams, token: vscode.CancellationToken): Promise<PermissionResult> => {
    // Trust is kept, what a call may do is not.
    const answers = new Map<string, PermissionResult["answer"]>([["Deny", "deny"], [params.tool === "trust" ? "Trust" : "Allow Once", "allow"]]);
    if (params.always !== undefined) answers.set("Always Allow", "allow_always");
    const title = await oneAtATime(() => ask(`Interline asks: ${visible(params.title)}`, detailOf(params), [...answers.keys()], token));
    return { id: params.id, answer: (title !== undefined && answers.get(title)) || "deny" };
  });
  client.onRequest("window/showMessageRequest", async (params: ShowMessageRequest, token: vscode.CancellationToken) => {
    const [first = "", ...rest] = params.message.split("\n");
    const actions = params.actions ?? [];
    const title = await oneAtATime(() => ask(visible(first), visible(rest.join("\n").trim()), actions.map((action) => action.title), token));
    return actions.find((action) => action.title === title) ?? null;
  });
}

/** What the user reads below the title: the whole command, what it would do, the rule that "always" would keep. */
export function detailOf(params: PermissionParams): string {
  // A short command is in the title already.
  const parts = params.title.endsWith(params.detail) ? [] : [visible(params.detail)];
  if (params.effects.length > 0) parts.push(params.effects.map((effect) => `• ${visible(effect)}`).join("\n"));
  if (params.danger) parts.push("⚠ This can destroy something, or send it away.");
  if (params.always !== undefined) parts.push(`Always Allow keeps this rule: ${visible(params.always)}`);
  return parts.filter((part) => part !== "").join("\n\n");
}

/** Characters that would hide or reorder text, spelled out. Line breaks and tabs stay. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu, (char) =>
    `⟨U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

async function ask(title: string, detail: string, answers: string[], token: vscode.CancellationToken): Promise<string | undefined> {
  await quiet();
  while (!token.isCancellationRequested) {
    const shown = Date.now();
    // Items in this order: the first one has the focus, so that Enter denies. Escape and Cancel give undefined.
    const answer = await vscode.window.showWarningMessage(title, { modal: true, detail }, ...answers);
    if (Date.now() - shown >= ARMING_MS) return answer;
    await sleep(ARMING_MS);
  }
  return undefined;
}

let queue: Promise<unknown> = Promise.resolve();

/** Two dialogs at once would take each other's keys. */
function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
  const result = queue.then(work);
  queue = result.catch(() => undefined);
  return result;
}

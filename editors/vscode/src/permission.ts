// Asks the user what the server asks: permissions, and questions with options. A modal dialog with Deny first; where
// something can be destroyed, a list in which Enter does nothing until the user has moved to an answer.
// Must not decide, nor remember an answer: the server checks each one against its single-use id.

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import type { PermissionParams, PermissionResult, SaveParams, SaveResult } from "./protocol";
import { quiet, sleep } from "./quiet";

/** An answer that comes sooner was meant for something else: the dialog shows again. */
const ARMING_MS = 600;

interface ShowMessageRequest {
  message: string;
  actions?: { title: string }[];
}

export function answerPrompts(client: LanguageClient): void {
  client.onRequest("interline/requestPermission", async (params: PermissionParams, token: vscode.CancellationToken): Promise<PermissionResult> => {
    const labels = params.options.map((option) => option.label);
    const queued = params.total > 1 ? ` (${params.position} of ${params.total})` : "";
    const asking = params.danger ? askTwice : ask;
    const label = await oneAtATime(() => asking(`Interline asks: ${visible(params.title)}${queued}`, detailOf(params), labels, token));
    return { id: params.id, answer: params.options.find((option) => option.label === label)?.answer ?? "deny" };
  });
  client.onRequest("interline/save", saveAll);
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
  if (params.always !== undefined) parts.push(`Always allow keeps this rule: ${visible(params.always)}`);
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

interface Choice extends vscode.QuickPickItem {
  answer?: string;
}

/** Characters of a line of the list; longer ones are broken, since the list would cut them. */
const LINE = 90;

/**
 * Asks by a list that begins with the text itself: Enter on a line of it does nothing, and typing does not filter, so
 * that an answer is only what the user has moved to.
 */
async function askTwice(title: string, detail: string, answers: string[], token: vscode.CancellationToken): Promise<string | undefined> {
  await quiet();
  if (token.isCancellationRequested) return undefined;
  const list = vscode.window.createQuickPick<Choice>();
  const text: Choice[] = detail.split("\n").flatMap(broken).map((label) => ({ label: plain(label), alwaysShow: true }));
  const choices: Choice[] = answers.map((answer) => ({ label: answer, answer, alwaysShow: true }));
  list.title = title;
  list.placeholder = "Move to an answer with the arrow keys, then press Enter. Escape denies.";
  list.ignoreFocusOut = true;
  list.items = [...text, { label: "Answer", kind: vscode.QuickPickItemKind.Separator }, ...choices];
  list.activeItems = text.slice(0, 1);
  const shown = Date.now();
  const cancelled = token.onCancellationRequested(() => list.hide());
  try {
    return await new Promise<string | undefined>((resolve) => {
      list.onDidChangeValue((value) => {
        if (value === "") return;
        list.value = "";
        list.activeItems = text.slice(0, 1);
      });
      list.onDidAccept(() => {
        const answer = list.activeItems[0]?.answer;
        if (answer !== undefined && Date.now() - shown >= ARMING_MS) resolve(answer);
      });
      list.onDidHide(() => resolve(undefined));
      list.show();
    });
  } finally {
    cancelled.dispose();
    list.dispose();
  }
}

function broken(line: string): string[] {
  return line.match(new RegExp(`.{1,${LINE}}`, "gu")) ?? [];
}

/** A list shows `$(name)` as an icon: not in a text that the user has to judge. */
function plain(text: string): string {
  return text.replace(/\$\(/gu, "$\u2060(");
}

/** Saves what the user's answer says; what can't be saved is told. */
async function saveAll({ uris }: SaveParams): Promise<SaveResult> {
  const open = vscode.workspace.textDocuments.filter((document) => document.isDirty);
  for (const uri of uris) {
    const wanted = vscode.Uri.parse(uri, true).toString();
    const document = open.find((candidate) => candidate.uri.toString() === wanted);
    if (document && !(await document.save())) return { problem: `${vscode.workspace.asRelativePath(document.uri)} could not be saved` };
  }
  return {};
}

let queue: Promise<unknown> = Promise.resolve();

/** Two dialogs at once would take each other's keys. */
function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
  const result = queue.then(work);
  queue = result.catch(() => undefined);
  return result;
}

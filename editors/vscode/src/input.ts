// Asks for the user's words where a command needs them, also for commands that code actions and lenses bring.
// Must not run anything, nor lose what was typed and not sent.

import * as vscode from "vscode";
import { offerMentions } from "./mentions";
import type { Server } from "./server";

interface Box {
  field: string;
  title: string;
  placeHolder: string;
}

const BOXES = {
  edit: { field: "instruction", title: "Interline: Edit Selection", placeHolder: "What should change? For example: make this return a Result" },
  revise: { field: "text", title: "Interline: Revise this Change", placeHolder: "What should be different?" },
  prompt: { field: "text", title: "Interline: Ask", placeHolder: "Ask, or tell what to do. @ names files and symbols. While a turn runs, this steers it" },
  answer: { field: "text", title: "Interline: Answer", placeHolder: "Your answer" },
} satisfies Record<string, Box>;

/** The last text of each box that was left without sending it. */
const unsent = new Map<string, string>();

/** undefined: the user went away, or said nothing. */
export function askForText(name: keyof typeof BOXES, server: Server, title: string = BOXES[name].title): Promise<string | undefined> {
  const box = vscode.window.createQuickPick();
  Object.assign(box, { title, placeholder: BOXES[name].placeHolder, ignoreFocusOut: true });
  const offers = offerMentions(box, server, unsent.get(name));
  return new Promise((resolve) => {
    let said: string | undefined;
    box.onDidAccept(() => {
      if (offers.take()) return;
      said = box.value.trim() || undefined;
      box.hide();
    });
    box.onDidHide(() => {
      if (said !== undefined) unsent.delete(name);
      else if (box.value.trim()) unsent.set(name, box.value.trim());
      box.dispose();
      resolve(said);
    });
    box.show();
  });
}

/** The argument of a server command, with the text that it lacks. */
export async function completed(command: string, argument: unknown, server: Server): Promise<object | undefined> {
  const given = typeof argument === "object" && argument !== null ? (argument as Record<string, unknown>) : {};
  const name = command.replace(/^interline\./, "");
  if (!(name in BOXES)) return given;
  const box = BOXES[name as keyof typeof BOXES];
  if (typeof given[box.field] === "string") return given;
  const text = await askForText(name as keyof typeof BOXES, server);
  return text === undefined ? undefined : { ...given, [box.field]: text };
}

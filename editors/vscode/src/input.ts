// Asks for the user's words where a command needs them, also for commands that code actions and lenses bring.
// Must not run anything.

import * as vscode from "vscode";

interface Box {
  field: string;
  title: string;
  placeHolder: string;
}

const BOXES = {
  edit: { field: "instruction", title: "Interline: Edit Selection", placeHolder: "What should change? For example: make this return a Result" },
  revise: { field: "text", title: "Interline: Revise this Change", placeHolder: "What should be different?" },
  prompt: { field: "text", title: "Interline: Ask", placeHolder: "Ask, or tell what to do. While a turn runs, this steers it" },
} satisfies Record<string, Box>;

/** undefined: the user went away, or said nothing. */
export async function askForText(name: keyof typeof BOXES, prompt = "Enter to start, Escape to leave"): Promise<string | undefined> {
  const { title, placeHolder } = BOXES[name];
  const text = await vscode.window.showInputBox({ title, placeHolder, prompt, ignoreFocusOut: true });
  return text?.trim() ? text.trim() : undefined;
}

/** The argument of a server command, with the text that it lacks. */
export async function completed(command: string, argument: unknown): Promise<object | undefined> {
  const given = typeof argument === "object" && argument !== null ? (argument as Record<string, unknown>) : {};
  const name = command.replace(/^interline\./, "");
  if (!(name in BOXES)) return given;
  const box = BOXES[name as keyof typeof BOXES];
  if (typeof given[box.field] === "string") return given;
  const text = await askForText(name as keyof typeof BOXES);
  return text === undefined ? undefined : { ...given, [box.field]: text };
}

// What the shim changes between the editor and the server: off-switches, the user's settings, commands that need text.
// Must not hold state, nor make up code actions, lenses or diagnostics.

import type { Middleware } from "vscode-languageclient/node";
import { enabled, serverSettings } from "./config";

/** Where documents live that the server is told of. */
export const SCHEMES = ["file", "untitled"];

/** Runs a command of the server's that a code action, a lens or a key brings. */
export type RunCommand = (command: string, argument: unknown) => Promise<void>;

export function middleware(run: RunCommand): Middleware {
  return {
    provideCodeActions: async (document, range, context, token, next) => {
      if (!SCHEMES.includes(document.uri.scheme)) return [];
      const actions = await next(document, range, context, token);
      if (!actions || enabled("codeActions.enable", document)) return actions;
      // Pending hunks can be answered even where the user wants no offers.
      return actions.filter((action) => /^interline\.(accept|reject|revise|cancel)$/.test(commandOf(action)));
    },
    provideCodeLenses: (document, token, next) => (enabled("codeLens.enable", document) ? next(document, token) : []),
    executeCommand: (command, args) => run(command, args[0]),
    // The status item and its notification show progress from the events, with a way to cancel: see progress.ts.
    handleWorkDoneProgress: () => {},
    workspace: {
      configuration: (params, token, next) => {
        const ours = params.items.map((item) => item.section === "interline");
        if (ours.every(Boolean)) return ours.map(() => serverSettings());
        return next(params, token);
      },
    },
  };
}

function commandOf(action: { command?: string | { command: string } }): string {
  return typeof action.command === "string" ? action.command : (action.command?.command ?? "");
}

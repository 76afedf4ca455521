// What the shim changes between the editor and the server: off-switches, the user's settings, commands that need text.
// Must not hold state, nor make up code actions, lenses or diagnostics.

import type { Middleware } from "vscode-languageclient/node";
import { enabled, serverSettings } from "./config";

/** Where documents live that the server is told of. */
export const SCHEMES = ["file", "untitled"];

/** `complete` adds the user's words to an argument that lacks them (undefined: there are none); `done` sees the result. */
export interface CommandHooks {
  complete(command: string, argument: unknown): Promise<object | undefined>;
  done(command: string, result: unknown): Promise<void>;
}

export function middleware(hooks: CommandHooks): Middleware {
  return {
    provideCodeActions: async (document, range, context, token, next) => {
      if (!SCHEMES.includes(document.uri.scheme)) return [];
      const actions = await next(document, range, context, token);
      if (!actions || enabled("codeActions.enable", document)) return actions;
      // Pending hunks can be answered even where the user wants no offers.
      return actions.filter((action) => /^interline\.(accept|reject|revise|cancel)$/.test(commandOf(action)));
    },
    provideCodeLenses: (document, token, next) => (enabled("codeLens.enable", document) ? next(document, token) : []),
    executeCommand: async (command, args, next) => {
      const argument = await hooks.complete(command, args[0]);
      if (!argument) return undefined;
      const result: unknown = await next(command, [argument]);
      await hooks.done(command, result);
      return result;
    },
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

// What is typed after an `@`, completed from the server's offers below the box. The editor does not tell where the caret is,
// so this is about the end of the text. Must not know what can be named: the server does.

import type { QuickPick, QuickPickItem } from "vscode";
import type { CompleteResult, MentionItem } from "./protocol";
import type { Server } from "./server";

/** At the end of a text, where the server would look for a mention; in quotes also with spaces. */
const MENTION = /(?:^|[\s([{<"'`,;])@("[^"]*|[^\s"'`<>]*)$/u;

interface Offer extends QuickPickItem {
  /** The text of the box that this is an offer for, and the one with it. */
  of: string;
  made: string;
}

/** `unsent`: what was typed before, offered while the box is empty. `take` puts in what is chosen; false: nothing is. */
export function offerMentions(box: QuickPick<QuickPickItem>, server: Server, unsent?: string): { take(): boolean } {
  const look = async (): Promise<void> => {
    const of = box.value;
    const offers = of === "" ? before(unsent) : await mentions(of, server);
    if (box.value === of) box.items = offers;
  };
  box.onDidChangeValue(() => void look());
  void look();
  return {
    take() {
      const offer = box.activeItems[0] as Offer | undefined;
      // What was offered for another text counts for nothing: the user was faster.
      if (!offer || offer.of !== box.value) return false;
      box.value = offer.made;
      box.items = [];
      void look();
      return true;
    },
  };
}

function before(unsent: string | undefined): Offer[] {
  return unsent ? [{ label: `$(history) ${unsent}`, description: "not sent", alwaysShow: true, of: "", made: unsent }] : [];
}

async function mentions(of: string, server: Server): Promise<Offer[]> {
  const begun = MENTION.exec(of)?.[1];
  if (begun === undefined) return [];
  // Without a server there are no offers; what is typed is good without them.
  const items = await server.command<CompleteResult>("complete", { begun }).then((answer) => answer.items, (): MentionItem[] => []);
  const whole = items.filter(({ text }) => text === begun);
  if (whole.length === items.length) return [];
  const rest = of.slice(0, of.length - begun.length);
  return [...whole, ...items.filter((item) => !whole.includes(item))].map(({ text, detail }) => ({
    label: text,
    description: detail,
    alwaysShow: true,
    of,
    made: `${rest}${goingOn(text)}`,
  }));
}

/** In a folder one goes on, within the quotes if there are some. */
function goingOn(text: string): string {
  return /\/"?$/u.test(text) ? text.replace(/"$/u, "") : `${text} `;
}

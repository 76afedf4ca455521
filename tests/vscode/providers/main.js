// Language features of plain text, each from two providers. What they do stands in the word that they are asked about:
// `same` both know, `broken` makes one throw, `slow` is never answered. Must not do anything by itself.

const vscode = require("vscode");

const TEXT = { language: "plaintext", scheme: "file" };
const never = () => new Promise(() => undefined);
const at = (line, from, to = from) => new vscode.Range(line, from, line, to);
const file = (document, name) => vscode.Uri.joinPath(document.uri, "..", name);

function word(document, position) {
  return document.getText(document.getWordRangeAtPosition(position));
}

function definition(more) {
  return (document, position) => {
    const asked = word(document, position);
    if (asked === "slow") return never();
    if (asked === "broken" && more) throw new Error("out of order");
    if (asked === "nothing") return undefined;
    const here = new vscode.Location(document.uri, at(0, 0, 4));
    return more ? [here, new vscode.Location(file(document, "closed.txt"), at(0, 4, 7))] : here;
  };
}

/** Of everything that an edit can be, in files that are open, closed and not there yet. */
function rename(document, position, name) {
  const asked = word(document, position);
  if (asked === "broken") throw new Error("not this one");
  const edit = new vscode.WorkspaceEdit();
  if (asked === "snippet") {
    edit.set(document.uri, [vscode.SnippetTextEdit.replace(at(0, 0, 1), new vscode.SnippetString("$0"))]);
    return edit;
  }
  const sure = { needsConfirmation: true, label: "sure?" };
  edit.replace(document.uri, document.getWordRangeAtPosition(position), name, sure);
  edit.replace(file(document, "closed.txt"), at(0, 4, 7), name, sure);
  edit.createFile(file(document, "made.txt"), { ignoreIfExists: true });
  edit.insert(file(document, "made.txt"), new vscode.Position(0, 0), `made of ${name}\n`);
  edit.renameFile(file(document, "old.txt"), file(document, "new.txt"));
  edit.deleteFile(file(document, "gone.txt"));
  return edit;
}

function actions(document) {
  const command = new vscode.CodeAction("only a command", vscode.CodeActionKind.QuickFix);
  command.command = { command: "test.act", title: "act" };
  const fix = new vscode.CodeAction("upper case", vscode.CodeActionKind.QuickFix);
  fix.edit = new vscode.WorkspaceEdit();
  fix.edit.replace(document.uri, at(0, 0, 4), "SAME");
  return [command, fix];
}

exports.activate = ({ subscriptions }) => {
  const { languages } = vscode;
  const collections = ["first", "second"].map((source) => ({ source, collection: languages.createDiagnosticCollection(source) }));
  const diagnose = (document) => document.languageId === "plaintext" && collections.forEach(({ source, collection }) => {
    collection.set(document.uri, [Object.assign(new vscode.Diagnostic(at(0, 0, 4), `${source} of ${document.lineCount}`, 0), { source })]);
  });
  subscriptions.push(
    languages.registerDefinitionProvider(TEXT, { provideDefinition: definition(false) }),
    languages.registerDefinitionProvider(TEXT, { provideDefinition: definition(true) }),
    languages.registerHoverProvider(TEXT, { provideHover: () => new vscode.Hover("from the first") }),
    languages.registerHoverProvider(TEXT, { provideHover: () => new vscode.Hover("from the second") }),
    languages.registerRenameProvider(TEXT, { provideRenameEdits: rename }),
    languages.registerCodeActionsProvider(TEXT, { provideCodeActions: actions }),
    vscode.workspace.onDidOpenTextDocument(diagnose),
    vscode.workspace.onDidChangeTextDocument(({ document }) => diagnose(document)),
    ...collections.map(({ collection }) => collection),
  );
  vscode.workspace.textDocuments.forEach(diagnose);
};

// The text that vscode-languageserver-textdocument makes of the same changes.
// Each line of stdin is a JSON array of content changes; each line of stdout is the text after them, as JSON.
'use strict';

const readline = require('node:readline');
const { TextDocument } = require('vscode-languageserver-textdocument');

let document = TextDocument.create('file:///a', 'text', 0, '');
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  document = TextDocument.update(document, JSON.parse(line), document.version + 1);
  process.stdout.write(JSON.stringify(document.getText()) + '\n');
});

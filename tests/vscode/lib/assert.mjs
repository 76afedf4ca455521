// Assertions whose failures say what stood on the screen.

import assert from "node:assert/strict";

export const { equal, deepEqual, ok } = assert;

export function includes(text, part) {
  if (!text.includes(part)) throw new Error(`expected ${JSON.stringify(part)} in:\n${text}`);
}

export function lacks(text, part) {
  if (text.includes(part)) throw new Error(`did not expect ${JSON.stringify(part)} in:\n${text}`);
}

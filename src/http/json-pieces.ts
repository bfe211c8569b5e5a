import { isJsonNumber } from '../base/json.js';
import { jsonSize } from '../base/json-size.js';

/** Characters of a piece, about: written without a pause, in a millisecond at most. */
const PIECE = 131_072;

/**
 * The texts that together are `JSON.stringify(value)`, for a value that is JSON except for members
 * that are undefined. Each is created when it is needed. A piece is longer than others if it
 * contains a long string.
 */
export function* jsonPieces(value: unknown): Generator<string> {
  let text = '';
  for (const part of parts(value)) {
    text += part;
    if (text.length < PIECE) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

/** Small values are written at once, which is fastest; only large ones are divided. */
function* parts(value: unknown): Generator<string> {
  if (
    typeof value !== 'object' ||
    value === null ||
    isJsonNumber(value) ||
    jsonSize(value, PIECE) <= PIECE
  )
    yield JSON.stringify(value);
  else if (Array.isArray(value)) yield* arrayParts(value);
  else yield* objectParts(value as Record<string, unknown>);
}

function* arrayParts(items: readonly unknown[]): Generator<string> {
  let before = '[';
  for (const item of items) {
    yield before;
    yield* parts(item ?? null);
    before = ',';
  }
  yield ']';
}

function* objectParts(object: Record<string, unknown>): Generator<string> {
  let before = '{';
  for (const key in object) {
    const value = object[key];
    if (value === undefined) continue;
    yield `${before}${JSON.stringify(key)}:`;
    yield* parts(value);
    before = ',';
  }
  yield '}';
}

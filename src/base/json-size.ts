import { ExactNumber } from './json.js';

/**
 * How many characters a value takes at least as JSON: all that is not escaped. It stops where it is
 * beyond `limit`, so that it costs no more than that, however large the value is.
 */
export function jsonSize(value: unknown, limit: number): number {
  switch (typeof value) {
    case 'string':
      return value.length + 2;
    case 'number':
    case 'boolean':
      return 1;
    case 'object':
      if (value === null) return 4;
      if (value instanceof ExactNumber) return value.text.length;
      return Array.isArray(value)
        ? arraySize(value, limit)
        : objectSize(value as Record<string, unknown>, limit);
    default:
      return 0;
  }
}

/** Each item with a comma or the end behind it. */
function arraySize(items: readonly unknown[], limit: number): number {
  let size = 1;
  for (let index = 0; index < items.length && size <= limit; index += 1)
    size += 1 + jsonSize(items[index], limit - size);
  return size;
}

function objectSize(object: Record<string, unknown>, limit: number): number {
  let size = 1;
  for (const key in object) {
    size += key.length + 4 + jsonSize(object[key], limit - size);
    if (size > limit) break;
  }
  return size;
}

/**
 * Bytes that a parsed object or list takes beside its text, and a member or an item of one: V8's,
 * about.
 */
const CONTAINER_BYTES = 64;
const MEMBER_BYTES = 32;
const ITEM_BYTES = 8;

/**
 * How many bytes more than its length a JSON text needs when it is parsed: `{},` needs many times
 * its length in memory. 0 for other texts.
 */
export function bytesWhenParsed(text: string): number {
  const first = text.charCodeAt(0);
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) return 0;
  let bytes = 0;
  for (let index = 0; index < text.length; index += 1) {
    switch (text.charCodeAt(index)) {
      case OPEN_OBJECT:
      case OPEN_LIST:
        bytes += CONTAINER_BYTES;
        break;
      case COLON:
        bytes += MEMBER_BYTES;
        break;
      case COMMA:
        bytes += ITEM_BYTES;
    }
  }
  return bytes;
}

const [OPEN_OBJECT, OPEN_LIST, COLON, COMMA] = ['{', '[', ':', ','].map(character =>
  character.charCodeAt(0),
) as [number, number, number, number];

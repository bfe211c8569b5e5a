import { createHash } from 'node:crypto';
import { badInput } from '../base/app-error.js';

/**
 * Where a page ends: the values of its order's columns in one row, as PostgreSQL's text, the id
 * last.
 */
export type Position = readonly (string | null)[];

const DIGEST_LENGTH = 8;
const CURSOR_OF_LIST =
  'this list in this order. Pass a cursor that this field returned with the same orderBy';

// A cursor is a position, not a permission: a forged one shows no row that paging does not show
// anyway. The digest refuses cursors that were damaged or belong to another list or order, which
// would otherwise return an arbitrary page.
function digest(order: string, position: string): Buffer {
  return createHash('sha256')
    .update(`weaver cursor 1\n${order}\n${position}`)
    .digest()
    .subarray(0, DIGEST_LENGTH);
}

/** An opaque cursor for `position`, good only for the same list in the same `order`. */
export function encodeCursor(order: string, position: Position): string {
  const text = JSON.stringify(position);
  return Buffer.concat([digest(order, text), Buffer.from(text)]).toString('base64url');
}

/**
 * The position behind `cursor`; an `AppError` that names `field` when it was made for another
 * order, or not by us. The digest has no secret in it, so whoever made a position up may have
 * signed it too: `isPosition` says whether it can be one.
 */
export function decodeCursor<P extends Position>(
  field: string,
  order: string,
  cursor: string,
  isPosition: (value: unknown) => value is P,
  description = CURSOR_OF_LIST,
): P {
  const bytes = Buffer.from(cursor, 'base64url');
  const text = bytes.subarray(DIGEST_LENGTH).toString();
  const isGenuine =
    bytes.length > DIGEST_LENGTH &&
    bytes.toString('base64url') === cursor &&
    digest(order, text).equals(bytes.subarray(0, DIGEST_LENGTH));
  const position = isGenuine ? parse(text) : undefined;
  if (!isPosition(position)) {
    throw badInput(field, `${field} is not a cursor of ${description}.`);
  }
  return position;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

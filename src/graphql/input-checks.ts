import type { Caller } from '../auth/caller.js';
import { AppError, badInput } from '../base/app-error.js';
import {
  controlCharacterIn,
  hasVisibleCharacter,
  withoutMark,
} from '../base/control-characters.js';
import { uuidInput } from './uuid-input.js';

/** Bytes that a JSON object may take as text, unless a field says otherwise. */
const MAX_JSON_BYTES = 65_536;

/**
 * A text of 1 to `max` characters (code points, as PostgreSQL counts), of which one shows; without
 * a byte order mark.
 */
export function textInput(field: string, given: string, max: number): string {
  const value = withoutMark(given);
  // A text has at least as many code units as code points, and counting them costs nothing.
  const length = value.length <= max ? value.length : countCodePoints(value);
  if (length > max)
    throw badInput(
      field,
      `${field} has ${formatNumber(length)} characters; the limit is ${formatNumber(max)}.`,
    );
  if (!hasVisibleCharacter(value))
    throw badInput(field, `${field} is blank; it needs at least one visible character.`);
  return value;
}

/**
 * The same for a text of one line, such as a name: it may not contain characters that control a
 * terminal.
 */
export function lineInput(field: string, given: string, max: number): string {
  const value = textInput(field, given, max);
  refuseControlCharacters(field, value);
  return value;
}

export function refuseControlCharacters(field: string, value: string): void {
  const found = controlCharacterIn(value);
  if (found) throw badInput(field, `${field} contains the control character ${found}. Remove it.`);
}

/**
 * A text of at most `max` bytes in UTF-8, of which a character shows; without a byte order mark.
 */
export function longTextInput(field: string, given: string, max: number): string {
  const value = withoutMark(given);
  const bytes = Buffer.byteLength(value);
  if (bytes > max)
    throw badInput(
      field,
      `${field} has ${formatNumber(bytes)} bytes in UTF-8; the limit is ${formatNumber(max)}.`,
    );
  if (!hasVisibleCharacter(value))
    throw badInput(field, `${field} is blank; it needs at least one visible character.`);
  return value;
}

/** A JSON value that takes at most `max` bytes as text. */
export function jsonInput<T>(field: string, value: T, max = MAX_JSON_BYTES): T {
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes > max)
    throw badInput(
      field,
      `${field} takes ${formatNumber(bytes)} bytes as JSON; the limit is ${formatNumber(max)}.`,
    );
  return value;
}

/**
 * `displayed` is what the message shows: a number beyond 2^53 has other digits as a JavaScript
 * number.
 */
export function intInput(
  field: string,
  value: number,
  min: number,
  max: number,
  displayed = String(value),
): number {
  if (value < min || value > max)
    throw badInput(
      field,
      `${field} must be from ${formatNumber(min)} to ${formatNumber(max)}; it is ${displayed}.`,
    );
  return value;
}

/** The items of a list of `min` to `max`. */
export function listInput<T>(
  field: string,
  items: readonly T[],
  min: number,
  max: number,
): readonly T[] {
  if (items.length < min || items.length > max)
    throw badInput(
      field,
      `${field} has ${items.length} items; it takes ${min} to ${formatNumber(max)}.`,
    );
  return items;
}

/**
 * The tenant whose rows are written: for an operator the one that the input names, for others their
 * own.
 */
export function tenantInput(
  { tenantId: callerTenantId }: Pick<Caller, 'tenantId'>,
  tenantIdInput: string | null | undefined,
  field = 'input.tenantId',
): string {
  const tenantId = tenantIdInput == null ? callerTenantId : uuidInput(field, tenantIdInput);
  if (tenantId === undefined)
    throw badInput(field, `${field} must name the tenant, because the operator belongs to none.`);
  if (callerTenantId !== undefined && tenantId !== callerTenantId)
    throw notFound('tenant', tenantId, field);
  return tenantId;
}

/** The error for a row that does not exist and for one that belongs to another tenant. */
export function notFound(typeName: string, id: string, field: string): AppError {
  const name = typeName.charAt(0).toUpperCase() + typeName.slice(1);
  return new AppError('NOT_FOUND', `${name} ${id} was not found.`, { field });
}

function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function formatNumber(count: number): string {
  return count.toLocaleString('en-US');
}

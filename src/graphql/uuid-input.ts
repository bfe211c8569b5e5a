import { badInput } from '../base/app-error.js';

/** `value` in lower case, or an `AppError` that names `field` when it is no UUID. */
export function uuidInput(field: string, value: string): string {
  if (!UUID.test(value))
    throw badInput(field, `${field} must be a UUID, such as 0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10.`);
  return value.toLowerCase();
}

// Any version: rows of older programs may hold any. (RFC 9562; PostgreSQL's braces and other
// spellings are not ids as we show them.)
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

import { LEGACY_PREFIX } from '../../db/legacy-names.js';

/** One row: where the database came from, and what leads back there. */
export const ADOPTION_TABLE = `${LEGACY_PREFIX}adoption`;
/** A row for each value that is no longer what it was, by the row's old id. */
export const CHANGES_TABLE = `${LEGACY_PREFIX}changes`;
/** A row for each id that was given anew. */
export const NEW_IDS_TABLE = `${LEGACY_PREFIX}new_ids`;
/** A digest of each row as adoption left it, by which later writes are found. */
export const ROWS_TABLE = `${LEGACY_PREFIX}rows`;

export const ADOPTED_TABLES = [
  'tenants',
  'profiles',
  'bots',
  'docs',
  'doc_chunks',
  'api_keys',
  'bot_queries',
] as const;
export type AdoptedTable = (typeof ADOPTED_TABLES)[number];

/** Where the old rows of a table are kept; the oldest revision called profiles users. */
export const legacyTableName = (table: string): string => `${LEGACY_PREFIX}${table}`;

const MAX_IDENTIFIER_BYTES = 63;

/** `name` under the prefix; undefined where PostgreSQL would cut it. */
export function legacyName(name: string): string | undefined {
  const prefixed = `${LEGACY_PREFIX}${name}`;
  return Buffer.byteLength(prefixed) <= MAX_IDENTIFIER_BYTES ? prefixed : undefined;
}

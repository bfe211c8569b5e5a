import type { Connection } from '@mikro-orm/core';
import { tableKey } from '../backup/counts.js';
import { countRows, passingOn, rowCountText, type RowCount } from '../row-counts.js';
import { SCHEMA } from '../../db/weavers-schema.js';
import { firstLine } from './failure.js';
import { isWiderText, readSql, type Loss } from './read-sql.js';

/** Something with rows that statements would remove. */
export interface Removal {
  /**
   * `docs`, or `docs.language` for a column; of what is unclear, the statement with what it does.
   */
  readonly what: string;
  readonly kind: 'table' | 'column' | 'rows' | 'values' | 'unclear';
  /** Rows of the table. Undefined where nobody can tell which table it is. */
  readonly rows: RowCount | undefined;
}

/** Whether somebody has to agree to it. */
export function isLoss({ rows }: Removal): boolean {
  return rows === undefined || !rows.isAll || rows.counted > 0;
}

/** Rows are counted up to this. */
export const COUNTED_ROWS = 1_000_000;

/**
 * What statements would remove from the tables that exist, each once, with its rows, and what may
 * remove any. Of the statements `kept` somebody says that they lose nothing that cannot be read
 * from them.
 */
export async function removalsOf(
  connection: Connection,
  statements: readonly string[],
  kept: ReadonlySet<string> = new Set(),
): Promise<Removal[]> {
  const found: { kind: Loss['kind']; table: string; what: string; type?: string | undefined }[] =
    [];
  const unclear: Removal[] = [];
  const oldNames = new Map<string, string>();
  const added = new Set<string>();
  const made = new Set<string>();
  for (const sql of statements) {
    const reading = await readSql(sql);
    for (const column of reading.adds) added.add(column);
    for (const { kind, table: named, column, type } of reading.losses) {
      const table = oldNames.get(named) ?? named;
      const what = column === undefined ? table : `${table}.${column}`;
      if (kind === 'values' && (added.has(what) || kept.has(sql))) continue;
      found.push({ kind, table, what, type });
    }
    for (const { from, to } of reading.renames) oldNames.set(to, oldNames.get(from) ?? from);
    for (const name of reading.createsFunctions) made.add(name);
    if (kept.has(sql)) continue;
    const writing = reading.calls.filter(name => made.has(name));
    const calls = [
      ...new Set([...writing, ...(await functionsThatWrite(connection, reading.calls))]),
    ].map(name => `calls ${name}()`);
    for (const doing of [...reading.unclear, ...calls])
      unclear.push({ kind: 'unclear', what: `${await firstLine(sql)} ${doing}`, rows: undefined });
  }
  const keyOf = (table: string): string => tableKey(SCHEMA, table);
  const rows = await countRows(
    passingOn(connection),
    found.map(({ table }) => keyOf(table)),
    COUNTED_ROWS,
  );
  const removals: Removal[] = [...unclear];
  for (const { kind, table, what, type } of found) {
    if (
      !rows.has(keyOf(table)) ||
      (type !== undefined && isWiderText(await typeOf(connection, what), type))
    )
      continue;
    removals.push({ kind, what, rows: rows.get(keyOf(table))! });
  }
  return [
    ...new Map(removals.map(removal => [`${removal.kind} ${removal.what}`, removal])).values(),
  ];
}

/**
 * Those of these functions that may write: not PostgreSQL's own, not an extension's, and not
 * declared to be stable.
 */
async function functionsThatWrite(
  connection: Connection,
  names: readonly string[],
): Promise<string[]> {
  if (names.length === 0) return [];
  const rows: { name: string }[] = await connection.execute(
    `select distinct proname::text as name from pg_proc p
      where proname in (${names.map(() => '?').join(', ')}) and provolatile = 'v'
        and pronamespace <> 'pg_catalog'::regnamespace
        and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
          and d.objid = p.oid and d.deptype = 'e') order by 1`,
    [...names],
  );
  return rows.map(row => row.name);
}

/** The type of a column such as `docs.filename`, as the grammar names it. */
async function typeOf(connection: Connection, what: string): Promise<string> {
  const [table, column] = what.split('.');
  const [row] = await connection.execute<{ type: string }[]>(
    'select format_type(atttypid, atttypmod) as type from pg_attribute ' +
      'where attrelid = to_regclass(quote_ident(?)) and attname = ? and not attisdropped',
    [table, column],
  );
  return (row?.type ?? '').replace('character varying', 'varchar');
}

/** One removal in words, for whoever is asked about it. */
export function removalText({ kind, what, rows }: Removal): string {
  if (rows === undefined) return `may remove rows, and nobody can tell which: ${what}`;
  const count = rowCountText(rows);
  if (kind === 'rows') return `removes rows of ${what} (${count})`;
  if (kind === 'values') return `writes over ${what} (${count})`;
  return `removes the ${kind} ${what} (${kind === 'column' ? `of a table with ${count}` : count})`;
}

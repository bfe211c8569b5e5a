import type { Connection } from '@mikro-orm/core';
import { firstLine } from './migration-failure.js';
import { isWiderText, readSql, type Loss } from './read-sql.js';

/** Something with rows that statements would remove. */
export interface Removal {
  /**
   * `docs`, or `docs.language` for a column; of what is unclear, the statement with what it does.
   */
  readonly what: string;
  readonly kind: 'table' | 'column' | 'rows' | 'values' | 'unclear';
  /**
   * Rows of the table, counted up to one more than `COUNTED_ROWS`. Undefined where nobody can tell.
   */
  readonly rows: number | undefined;
}

/** Whether somebody has to agree to it. */
export function isLoss({ rows }: Removal): boolean {
  return rows !== 0;
}

/** Rows are counted up to one more than this. */
const COUNTED_ROWS = 1_000_000;

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
      unclear.push({ kind: 'unclear', what: `${firstLine(sql)} ${doing}`, rows: undefined });
  }
  const rows = await countRows(
    connection,
    found.map(({ table }) => table),
  );
  const removals: Removal[] = [...unclear];
  for (const { kind, table, what, type } of found) {
    if (
      !rows.has(table) ||
      (type !== undefined && isWiderText(await typeOf(connection, what), type))
    )
      continue;
    removals.push({ kind, what, rows: rows.get(table)! });
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

const ROLL_BACK = new Error('Nothing is kept of a count.');

/**
 * Rows of the tables that exist, up to `most` and one more. Forced row-level security hides the
 * rows from the tables' owner too, who may lift it; all of it is rolled back.
 */
export async function countRows(
  connection: Connection,
  tables: readonly string[],
  most = COUNTED_ROWS,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  if (tables.length === 0) return counts;
  await connection
    .transactional(async transaction => {
      const run = <R>(sql: string, parameters: unknown[] = []): Promise<R[]> =>
        connection.execute(sql, parameters, 'all', transaction);
      await run(`set local lock_timeout = '10s'`);
      for (const table of new Set(tables)) {
        const [found] = await run<{ forced: boolean }>(
          'select relforcerowsecurity as forced from pg_class where oid = to_regclass(?) ' +
            "and relkind in ('r', 'p')",
          [`"${table}"`],
        );
        if (!found) continue;
        if (found.forced) await run(`alter table "${table}" no force row level security`);
        const [row] = await run<{ count: number }>(
          `select count(*)::int as count from (select from "${table}" ` +
            `limit ${most + 1}) as counted`,
        );
        counts.set(table, row!.count);
      }
      throw ROLL_BACK;
    })
    .catch(error => {
      if (error !== ROLL_BACK) throw error;
    });
  return counts;
}

/** One removal in words, for whoever is asked about it. */
export function removalText({ kind, what, rows }: Removal): string {
  if (rows === undefined) return `may remove rows, and nobody can tell which: ${what}`;
  const count =
    rows > COUNTED_ROWS ? `more than ${COUNTED_ROWS} rows` : `${rows} row${rows === 1 ? '' : 's'}`;
  if (kind === 'rows') return `removes rows of ${what} (${count})`;
  if (kind === 'values') return `writes over ${what} (${count})`;
  return `removes the ${kind} ${what} (${kind === 'column' ? `of a table with ${count}` : count})`;
}

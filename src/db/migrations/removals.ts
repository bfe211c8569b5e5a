import type { Connection } from '@mikro-orm/core';

/** Something with rows that statements would remove. */
export interface Removal {
  /** `docs`, or `docs.language` for a column. */
  readonly what: string;
  readonly kind: 'table' | 'column' | 'rows';
  /** Rows of the table, counted up to one more than `COUNTED_ROWS`. */
  readonly rows: number;
}

/** Rows are counted up to one more than this. */
const COUNTED_ROWS = 1_000_000;

const NAME = String.raw`"?(?:\w+"?\."?)?(\w+)"?`;
const DROP_TABLE = /^drop table (?:if exists )?(.+?)(?: cascade| restrict)?$/is;
const ALTER_TABLE = new RegExp(String.raw`^alter table (?:if exists )?(?:only )?${NAME}\s(.*)$`, 'is');
const DROP_COLUMN = new RegExp(String.raw`\bdrop (?:column )?(?!(?:constraint|default|expression|identity|not)\b)(?:if exists )?"?(\w+)"?`, 'gi');
const EMPTIES = new RegExp(String.raw`^(?:truncate (?:table )?|delete from )(?:only )?${NAME}`, 'i');

interface Named {
  readonly table: string;
  readonly column?: string;
  readonly empties?: boolean;
}

/** Tables and columns that a statement would drop or empty. */
export function removedBy(sql: string): Named[] {
  const bare = sql.replace(/\/\*.*?\*\/|--[^\n]*/gs, ' ').trim().replace(/\s*;$/, '').replace(/\s+/g, ' ');
  const tables = DROP_TABLE.exec(bare)?.[1];
  if (tables) return tables.split(',').map(name => ({ table: new RegExp(NAME).exec(name)![1]! }));
  const emptied = EMPTIES.exec(bare)?.[1];
  if (emptied) return [{ table: emptied, empties: true }];
  const [, table, changes] = ALTER_TABLE.exec(bare) ?? [];
  return [...(changes ?? '').matchAll(DROP_COLUMN)].map(match => ({ table: table!, column: match[1]! }));
}

/** The table that a statement makes. */
export function createdBy(sql: string): string | undefined {
  return /^\s*create (?:unlogged )?table (?:if not exists )?(?:"?\w+"?\.)?"?(\w+)"?/i.exec(sql)?.[1];
}

/** What statements would remove from the tables that exist, each once, with its rows. */
export async function removalsOf(connection: Connection, statements: readonly string[]): Promise<Removal[]> {
  const named = statements.flatMap(removedBy);
  const rows = await countRows(connection, named.map(({ table }) => table));
  const removals = named.flatMap(({ table, column, empties }) =>
    rows.has(table) ? [{ kind: column ? 'column' : empties ? 'rows' : 'table', what: column ? `${table}.${column}` : table, rows: rows.get(table)! } satisfies Removal] : [],
  );
  return [...new Map(removals.map(removal => [`${removal.kind} ${removal.what}`, removal])).values()];
}

const ROLL_BACK = new Error('Nothing is kept of a count.');

/**
 * Rows of the tables that exist, up to `most` and one more. Forced row-level security hides the rows from the tables' owner too, who may
 * lift it; all of it is rolled back.
 */
export async function countRows(connection: Connection, tables: readonly string[], most = COUNTED_ROWS): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  if (tables.length === 0) return counts;
  await connection
    .transactional(async transaction => {
      const run = <R>(sql: string, parameters: unknown[] = []): Promise<R[]> => connection.execute(sql, parameters, 'all', transaction);
      await run(`set local lock_timeout = '10s'`);
      for (const table of new Set(tables)) {
        const [found] = await run<{ forced: boolean }>(`select relforcerowsecurity as forced from pg_class where oid = to_regclass(?) and relkind in ('r', 'p')`, [`"${table}"`]);
        if (!found) continue;
        if (found.forced) await run(`alter table "${table}" no force row level security`);
        const [row] = await run<{ count: number }>(`select count(*)::int as count from (select from "${table}" limit ${most + 1}) as counted`);
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
  const count = rows > COUNTED_ROWS ? `more than ${COUNTED_ROWS} rows` : `${rows} row${rows === 1 ? '' : 's'}`;
  if (kind === 'rows') return `removes rows of ${what} (${count})`;
  return `removes the ${kind} ${what} (${kind === 'column' ? `of a table with ${count}` : count})`;
}

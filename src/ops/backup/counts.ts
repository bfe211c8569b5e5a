import { escapeIdentifier } from 'pg';
import type { RunSql } from '../migrations/catalogue.js';

/** Rows by table, whose name is `"schema"."table"`. */
export type Counts = ReadonlyMap<string, number>;

/** A table's name as the key of `Counts`, which SQL understands as well. */
export function tableKey(schema: string, table: string): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
}

/** A table in words: those of the schema public have no other name than their own. */
export function formatTableName(key: string): string {
  return key
    .replace(/^"public"\./, '')
    .replace(/"((?:[^"]|"")*)"/g, (_, name: string) => name.replaceAll('""', '"'));
}

/**
 * Tables that are kept, with a condition on unlogged ones. An extension makes its own tables by
 * itself, and of their rows a dump has only those that the extension wants to have kept.
 */
const tablesWhere = (condition: string): string => `
  select n.nspname::text as schema, c.relname::text as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind = 'r' and c.relpersistence <> 't'
     and (${condition})
     and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
     and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
       and d.objid = c.oid and d.deptype = 'e')
   order by 1, 2`;

/** The tables whose rows a dump holds. A standby has no rows of unlogged tables. */
export const DUMPED_TABLES = tablesWhere(`c.relpersistence <> 'u' or not pg_is_in_recovery()`);

/**
 * The tables whose rows an archive of a running database's files holds: opening it is like a start
 * after a crash, which empties unlogged tables.
 */
export const ARCHIVED_TABLES = tablesWhere(`c.relpersistence <> 'u'`);

/** Rows of the tables, asked as somebody whom no policy holds. */
export async function countTables(
  run: RunSql,
  tables: readonly { schema: string; name: string }[],
): Promise<Counts> {
  const counts = new Map<string, number>();
  for (const { schema, name } of tables) {
    const key = tableKey(schema, name);
    const [row] = await run<{ count: string }>(`select count(*)::text as count from only ${key}`);
    counts.set(key, Number(row!.count));
  }
  return counts;
}

/** Tables of which `actual` has another number of rows than it should, as lines. */
export function differences(expected: Counts, actual: Counts): string[] {
  const differing = [...expected].filter(([table, rows]) => actual.get(table) !== rows);
  return differing.map(
    ([table, rows]) =>
      `${formatTableName(table)}: ${rows} rows in the database, ` +
      `${actual.get(table) ?? 'no table'} in the file`,
  );
}

export function formatRowCounts(counts: Counts): string {
  const rows = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return `${rows} rows in ${counts.size} tables`;
}

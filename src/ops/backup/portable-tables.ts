import { escapeIdentifier, escapeLiteral } from 'pg';
import type { RunSql } from '../migrations/catalogue.js';
import { LOG_TABLE } from '../migrations/log.js';
import { OPERATOR_ROLE } from '../../db/roles.js';
import { tableKey } from './counts.js';
import type { PortableTable } from './portable-format.js';

/** A minute brings back what is in it. */
const EXCLUDED_TABLES = ['rate_limits'];

/** Text that every version of PostgreSQL reads as it was written. */
export const TEXT_SETTINGS = [
  `set local timezone = 'UTC'`,
  `set local datestyle = 'ISO, YMD'`,
  `set local intervalstyle = 'postgres'`,
  `set local bytea_output = 'hex'`,
  `set local extra_float_digits = 1`,
  `set local xmlbinary = 'base64'`,
];

/** A table with what its rows are ordered by. */
export interface KeyedTable extends PortableTable {
  /** The one column of its primary key, which is the first of `columns`. */
  readonly key: string;
}

/**
 * The tables whose rows a portable backup carries, so ordered that each comes after those that it
 * refers to: all of Weaver's that tenants or the operator use. The log of migrations is not among
 * them: a database's own tells how it was made. Nor is what the database itself makes of the rest,
 * such as the words of chunks, whose stems other versions of PostgreSQL may make otherwise.
 */
export async function portableTables(run: RunSql): Promise<KeyedTable[]> {
  const tables = await run<{ name: string; key: string[]; columns: string[]; parents: string[] }>(`
    select c.relname::text as name,
           array(select a.attname::text from pg_index i
                   join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
                  where i.indrelid = c.oid and i.indisprimary) as key,
           array(select a.attname::text from pg_attribute a
                  where a.attrelid = c.oid and a.attnum > 0
                    and not a.attisdropped and a.attgenerated = ''
                    and (c.relname, a.attname) <> ('doc_chunks', 'search_vector')
                  order by a.attnum) as columns,
           array(select distinct p.relname::text from pg_constraint f
                   join pg_class p on p.oid = f.confrelid
                  where f.conrelid = c.oid and f.contype = 'f'
                    and f.confrelid <> c.oid) as parents
      from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
       and c.relname <> all ('{${EXCLUDED_TABLES.join()}}')
       and exists (select from pg_policy p where p.polrelid = c.oid
         and to_regrole('${OPERATOR_ROLE}')::oid = any (p.polroles))
     order by c.relname collate "C"`);
  const ordered: KeyedTable[] = [];
  for (let remaining = tables; remaining.length > 0;) {
    const insertable = remaining.filter(({ parents }) =>
      parents.every(parent => !remaining.some(({ name }) => name === parent)),
    );
    if (insertable.length === 0)
      throw new Error(
        `These tables refer to each other: ${remaining.map(({ name }) => name).join(', ')}`,
      );
    for (const { name, key, columns } of insertable) {
      if (key.length !== 1) throw new Error(`${name} has no primary key of one column`);
      ordered.push({
        name,
        key: key[0]!,
        columns: [key[0]!, ...columns.filter(column => column !== key[0])],
      });
    }
    remaining = remaining.filter(table => !insertable.includes(table));
  }
  return ordered;
}

/** Names of the applied migrations, sorted; none where there is no log. */
export async function appliedMigrations(run: RunSql): Promise<string[]> {
  const [log] = await run<{ exists: boolean }>(
    `select to_regclass('public.${LOG_TABLE}') is not null as exists`,
  );
  if (!log!.exists) return [];
  return (await run<{ name: string }>(`select name from public.${LOG_TABLE}`))
    .map(({ name }) => name)
    .toSorted();
}

export const inPublic = ({ name }: PortableTable): string => tableKey('public', name);

const quotedColumns = ({ columns }: PortableTable): string =>
  columns.map(escapeIdentifier).join(', ');

/** Reads the rows of a table in the order of its key; `limit` of them behind `after`, if given. */
export function copyTo(
  table: KeyedTable,
  target: string,
  { after, limit }: { after?: string | undefined; limit?: number } = {},
): string {
  const key = escapeIdentifier(table.key);
  const where = after === undefined ? '' : ` where ${key} > ${escapeLiteral(after)}`;
  return (
    `copy (select ${quotedColumns(table)} from ${inPublic(table)}${where} order by ${key}` +
    `${limit === undefined ? '' : ` limit ${limit}`}) to ${target} (encoding 'UTF8')`
  );
}

/** Puts rows into a table. */
export function copyFrom(table: PortableTable, source: string): string {
  return `copy ${inPublic(table)} (${quotedColumns(table)}) from ${source} (encoding 'UTF8')`;
}

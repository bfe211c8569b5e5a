import { escapeIdentifier, escapeLiteral } from 'pg';
import { LEGACY_PREFIX } from '../../db/legacy-names.js';
import { ROWS_TABLE, ADOPTED_TABLES } from './names.js';
import { LOG_TABLE } from '../migrations/log.js';
import type { RunQuery } from './recognise.js';
import { withoutForcedRowSecurity } from './transactions.js';

/** Columns that use alone changes: that a key was used is no reason to keep what adoption made. */
const CHANGED_BY_USE: Record<string, readonly string[]> = {
  api_keys: ['last_used_at', 'updated_at', 'key_hash', 'key_prefix'],
};

/**
 * Rows that use alone adds: the first use of an older key gives it a digest of its own, and the
 * audit log says so. That a key was rotated stands there too, and counts.
 */
const ADDED_BY_USE: Record<string, string> = { audit_log: `action = 'upgradeApiKey'` };

/** Notes a digest of every row of the seven tables, and one for each other table as a whole. */
export async function storeDigests(run: RunQuery): Promise<void> {
  await eachDigest(
    run,
    async (table, digests) =>
      void (await run(
        `insert into ${ROWS_TABLE} (table_name, id, digest) select ${escapeLiteral(table)}, ` +
          `id, digest from (${digests}) d`,
      )),
  );
}

export interface TableDifference {
  readonly table: string;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  /**
   * Ids of some of them; none where the table is known as a whole only: its rows, which need have
   * no id, are then one that changed.
   */
  readonly samples: readonly string[];
}

/** Stands for all rows of a table that is known as a whole. */
const WHOLE_TABLE_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** What was written since `storeDigests`. */
export async function differences(run: RunQuery): Promise<TableDifference[]> {
  const found: TableDifference[] = [];
  await eachDigest(run, async (table, digests) => {
    const [row] = await run<TableDifference>(
      `select count(*) filter (where kind = 'added')::int as added,
              count(*) filter (where kind = 'changed')::int as changed,
              count(*) filter (where kind = 'removed')::int as removed,
              coalesce((array_agg(id::text
                order by id) filter (where id <> '${WHOLE_TABLE_ID}'))[1:3],
                       '{}') as samples
         from (select coalesce(d.id, r.id) as id,
                      case when r.id is null then 'added'
                           when d.id is null then 'removed'
                           else 'changed' end as kind
                 from (${digests}) d
                 full join (select id, digest from ${ROWS_TABLE}
                             where table_name = ${escapeLiteral(table)}) r on r.id = d.id
                where r.digest is distinct from d.digest) differing`,
    );
    if (row!.added + row!.changed + row!.removed > 0) found.push({ ...row!, table });
  });
  return found;
}

/** Calls `work` for each table with a query of ids and digests. */
async function eachDigest(
  run: RunQuery,
  work: (table: string, digests: string) => Promise<void>,
): Promise<void> {
  const others = await run<{ name: string }>(
    // What is unlogged is made to be lost.
    `select relname::text as name from pg_class
      where relnamespace = current_schema()::regnamespace
        and relkind = 'r' and relpersistence = 'p'
        and relname not like '${LEGACY_PREFIX.replaceAll('_', '\\_')}%'
        and relname not in ('${LOG_TABLE}', ${ADOPTED_TABLES.map(escapeLiteral).join(', ')})
      order by 1`,
  );
  const names = others.map(({ name }) => name);
  await withoutForcedRowSecurity(run, [...ADOPTED_TABLES, ...names], async () => {
    for (const table of ADOPTED_TABLES) {
      const columns = await run<{ name: string }>(
        'select attname::text as name from pg_attribute ' +
          `where attrelid = '${table}'::regclass and attnum > 0 and not attisdropped ` +
          "and attgenerated = '' order by attname",
      );
      const digested = columns
        .map(({ name }) => name)
        .filter(name => !CHANGED_BY_USE[table]?.includes(name));
      await work(
        table,
        `select id, md5(record_send(row(${digested.map(escapeIdentifier).join(', ')})))::uuid ` +
          `as digest from ${table}`,
      );
    }
    for (const name of names) {
      const row = `md5(coalesce(string_agg(digest, '' order by digest), ''))::uuid`;
      await work(
        name,
        `select '${WHOLE_TABLE_ID}'::uuid as id, ${row} as digest ` +
          `from (select md5(record_send(t)) as digest from ${escapeIdentifier(name)} t ` +
          `where ${ADDED_BY_USE[name] ? `not (${ADDED_BY_USE[name]})` : 'true'}) all_of_it`,
      );
    }
  });
}

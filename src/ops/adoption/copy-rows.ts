import { escapeLiteral } from 'pg';
import { StartupError } from '../../base/startup-error.js';
import { tableCopies, insertSql, type TableCopy, type LegacyTableName } from './table-copies.js';
import { CHANGES_TABLE, legacyTableName, NEW_IDS_TABLE } from './names.js';
import { duplicateIds, type AdoptionPlan } from './plan.js';
import { pgArray, type RunQuery } from './recognise.js';

/**
 * Chunks of one statement: enough for the database to be busy, few enough to tell how far it is.
 */
const BATCH = 5_000;

export type Progress = (doing: string, done?: number, total?: number) => void;

/**
 * Copies every old row into its new table, notes each value and id that changed, and makes sure
 * that none is missing.
 */
export async function copyRows(
  run: RunQuery,
  plan: AdoptionPlan,
  progress: Progress,
): Promise<void> {
  const legacyTable: LegacyTableName = becomes =>
    legacyTableName(plan.tables.find(({ to }) => to === becomes)!.from);
  const copies = tableCopies(legacyTable, plan.revision >= '007');
  await recordChanges(run, plan, copies, legacyTable);
  // Tenants bring their bots along.
  await run('alter table tenants disable trigger tenants_create_bot');
  for (const copy of copies) {
    const { table } = copy;
    progress(`Copying ${table}`);
    if (table === 'doc_chunks')
      await copyChunks(
        run,
        copy,
        legacyTable('doc_chunks'),
        plan.tables.find(({ to }) => to === table)!.rows,
        progress,
      );
    else await run(insertSql(copy, legacyTable(table)));
    if (table === 'bots') await insertMissingBots(run);
  }
  await run('alter table tenants enable trigger tenants_create_bot');
  for (const { table } of copies) await verifyCopy(run, table, legacyTable(table));
}

async function recordChanges(
  run: RunQuery,
  plan: AdoptionPlan,
  copies: readonly TableCopy[],
  legacyTable: LegacyTableName,
): Promise<void> {
  for (const { table, repairs } of copies) {
    const duplicates = duplicateIds(table, legacyTable);
    if (duplicates)
      await run(
        `insert into ${NEW_IDS_TABLE} (table_name, old_id) select '${table}', id ` +
          `from (${duplicates}) taken`,
      );
    const from = plan.tables.find(({ to }) => to === table)!.from;
    for (const { column, when, why } of repairs) {
      if (
        !plan.changes.some(
          change => change.table === from && change.column === column && change.why === why,
        )
      )
        continue;
      await run(
        `insert into ${CHANGES_TABLE} select '${table}', o.id, '${column}', ` +
          `${escapeLiteral(why)} from ${legacyTable(table)} o where ${when}`,
      );
    }
  }
  for (const { becomes, column, id, why } of plan.unfitVectors) {
    await run(`insert into ${CHANGES_TABLE} values (?, ?, ?, ?)`, [
      becomes,
      id,
      column,
      `the vector is ${why} and was set aside`,
    ]);
  }
}

/**
 * Document after document of tenant after tenant, in the order in which chunks are read: so they
 * lie side by side.
 */
async function copyChunks(
  run: RunQuery,
  copy: TableCopy,
  from: string,
  total: number,
  progress: Progress,
): Promise<void> {
  const documents = await run<{ id: string; chunks: number }>(
    `select doc_id as id, count(*)::int as chunks from ${from} ` +
      'group by tenant_id, doc_id order by tenant_id, doc_id',
  );
  let batch: string[] = [];
  let inBatch = 0;
  let done = 0;
  for (const [index, { id, chunks }] of documents.entries()) {
    batch.push(id);
    inBatch += chunks;
    if (inBatch < BATCH && index < documents.length - 1) continue;
    const sql = insertSql(
      copy,
      from,
      'where o.doc_id = any(?::uuid[])',
      'o.tenant_id, o.doc_id, o.chunk_index, o.id',
    );
    await run(sql, [pgArray(batch)]);
    done += inBatch;
    progress('Copying doc_chunks', done, total);
    batch = [];
    inBatch = 0;
  }
}

async function insertMissingBots(run: RunQuery): Promise<void> {
  await run(
    "insert into bots (tenant_id, name) select t.id, left(t.name, 251) || ' Bot' " +
      'from tenants t where not exists (select from bots b where b.tenant_id = t.id)',
  );
}

async function verifyCopy(run: RunQuery, table: string, from: string): Promise<void> {
  const [row] = await run<{ missing: number; extra: number }>(
    `select count(*) filter (where t.id is null)::int as missing,
            count(*) filter (where o.id is null)::int as extra
       from (select coalesce(n.new_id, k.id) as id
               from ${from} k
               left join ${NEW_IDS_TABLE} n on n.table_name = '${table}' and n.old_id = k.id) o
       full join ${table} t on t.id = o.id`,
  );
  const { missing, extra } = row!;
  if (missing > 0 || (extra > 0 && table !== 'bots'))
    throw new StartupError(
      `Nothing was changed: of ${table}, ${missing} rows were not copied and ${extra} were ` +
        'added. This is a bug in Weaver: please report it.',
    );
}

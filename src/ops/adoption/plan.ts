import { withUnicodeDomain } from '../../users/email-input.js';
import { tableCopies, type LegacyTableName } from './table-copies.js';
import { foldText } from './fold-text.js';
import type { LegacyTable, Revision } from './legacy-schema.js';
import type { AdoptedTable } from './names.js';
import type { Recognised, RunQuery } from './recognise.js';

interface RowProblem {
  readonly table: string;
  readonly id: string;
  readonly why: string;
}

/** A vector that half precision cannot hold. */
interface UnfitVector extends RowProblem {
  readonly becomes: AdoptedTable;
  readonly column: string;
}

export interface AdoptionPlan {
  readonly revision: Revision;
  readonly tables: readonly {
    readonly from: string;
    readonly to: AdoptedTable;
    readonly rows: number;
    readonly bytes: number;
  }[];
  /** Values that change, by table, column and reason. */
  readonly changes: readonly {
    readonly table: string;
    readonly column: string;
    readonly why: string;
    readonly rows: number;
  }[];
  readonly newIds: readonly { readonly table: string; readonly rows: number }[];
  /** Ids that a tenant and a user share; both keep theirs. */
  readonly sharedIds: readonly string[];
  readonly newBots: number;
  readonly unfitVectors: readonly UnfitVector[];
  /** Rows that nobody but the operator can decide about. */
  readonly rejectedRows: readonly RowProblem[];
}

export type LegacyDatabase = Extract<Recognised, { kind: 'legacy' }>;

/**
 * In which order tables keep their ids where two rows of different tables have the same one: the
 * later gets a new id.
 */
const ID_ORDER: readonly AdoptedTable[] = [
  'tenants',
  'profiles',
  'docs',
  'api_keys',
  'bots',
  'bot_queries',
  'doc_chunks',
];
/** Known outside: to clients and to the identity provider. */
const TABLES_KEEPING_IDS: readonly AdoptedTable[] = ['tenants', 'profiles'];

/** Old ids of a table that another kind of row has already. */
export function duplicateIds(
  table: AdoptedTable,
  legacyTable: LegacyTableName,
): string | undefined {
  if (TABLES_KEEPING_IDS.includes(table)) return undefined;
  const earlier = ID_ORDER.slice(0, ID_ORDER.indexOf(table)).map(
    name => `select id from ${legacyTable(name)}`,
  );
  return `select o.id from ${legacyTable(table)} o where o.id in (${earlier.join(' union all ')})`;
}

/** Counts what adoption would do. Reads every row, changes none. */
export async function planAdoption(
  run: RunQuery,
  { revision, tables }: LegacyDatabase,
): Promise<AdoptionPlan> {
  const legacyTable: LegacyTableName = becomes =>
    tables.find(table => table.targetTable === becomes)!.name;
  const counts = await countChanges(run, tables, legacyTable);
  const newIds: { table: string; rows: number }[] = [];
  for (const { targetTable, name } of tables) {
    const duplicates = duplicateIds(targetTable, legacyTable);
    const [row] = duplicates
      ? await run<{ rows: number }>(`select count(*)::int as rows from (${duplicates}) taken`)
      : [{ rows: 0 }];
    if (row!.rows > 0) newIds.push({ table: name, rows: row!.rows });
  }
  const sharedIds = await run<{ id: string }>(
    `select t.id from ${legacyTable('tenants')} t ` +
      `join ${legacyTable('profiles')} p on p.id = t.id order by 1`,
  );
  const [bots] = await run<{ missing: number }>(
    `select count(*)::int as missing from ${legacyTable('tenants')} t where not exists (select ` +
      `from ${legacyTable('bots')} b where b.tenant_id = t.id)`,
  );
  return {
    revision,
    ...counts,
    newIds,
    sharedIds: sharedIds.map(row => row.id),
    newBots: bots!.missing,
    unfitVectors: await unfitVectors(run, tables),
    rejectedRows: await findRejectedRows(run, legacyTable),
  };
}

async function countChanges(
  run: RunQuery,
  tables: readonly LegacyTable[],
  legacyTable: LegacyTableName,
): Promise<Pick<AdoptionPlan, 'tables' | 'changes'>> {
  const counts: AdoptionPlan['tables'][number][] = [];
  const changes: AdoptionPlan['changes'][number][] = [];
  for (const { table, repairs } of tableCopies(
    legacyTable,
    tables.some(({ columns }) => columns.query_embedding),
  )) {
    const from = legacyTable(table);
    const columns = [
      'count(*)::int as rows',
      `pg_total_relation_size('${from}')::float8 as bytes`,
      ...repairs.map(({ when }, index) => `count(*) filter (where ${when})::int as m${index}`),
    ];
    const [row] = await run<Record<string, number>>(`select ${columns.join(', ')} from ${from} o`);
    counts.push({ from, to: table, rows: row!.rows!, bytes: row!.bytes! });
    repairs.forEach(({ column, why }, index) => {
      if (row![`m${index}`]! > 0)
        changes.push({ table: from, column, why, rows: row![`m${index}`]! });
    });
  }
  return { tables: counts, changes };
}

/** From here on a number becomes infinite in half precision. */
const TOO_LARGE = 65_520;
/**
 * Vectors shorter than this may lose so much to half precision that their cosines change; longer
 * ones cannot.
 */
const MIN_NORM = 0.01;
const LARGEST_ERROR = 0.001;

async function unfitVectors(run: RunQuery, tables: readonly LegacyTable[]): Promise<UnfitVector[]> {
  const found: UnfitVector[] = [];
  for (const { name, targetTable, columns } of tables) {
    for (const column of ['embedding', 'query_embedding'].filter(
      vector => columns[vector] !== undefined,
    )) {
      // The norm tells almost all apart; a `case` keeps the cast from meeting what it would fail
      // on.
      const why = `case when vector_norm(v) = 0 then 'all zero'
        when vector_norm(v) > 65504
          and (select max(abs(x)) from unnest(v::real[]) x) >= ${TOO_LARGE} then 'out of range'
        when vector_norm(v) < ${MIN_NORM} then case
          when l2_norm(v::halfvec(1536)) = 0 then 'all zero in half precision'
            when (v <=> v::halfvec(1536)::vector(1536)) > ${LARGEST_ERROR} then
              'too small for half precision' end
        end`;
      const rows = await run<{ id: string; why: string }>(
        `select id, why from (select o.id, ${why} as why from (select id, ${column} as v ` +
          `from ${name} where ${column} is not null offset 0) o) judged ` +
          'where why is not null order by id',
      );
      found.push(...rows.map(row => ({ table: name, becomes: targetTable, column, ...row })));
    }
  }
  return found;
}

async function findRejectedRows(
  run: RunQuery,
  legacyTable: LegacyTableName,
): Promise<RowProblem[]> {
  const orphans = (table: AdoptedTable): string =>
    `select '${legacyTable(table)}' as "table", o.id, 'its tenant does not exist' as why ` +
    `from ${legacyTable(table)} o where not exists (select from ${legacyTable('tenants')} t ` +
    'where t.id = o.tenant_id)';
  const rows = await run<RowProblem>(
    [
      ...(['profiles', 'bots', 'docs', 'doc_chunks', 'api_keys', 'bot_queries'] as const).map(
        orphans,
      ),
      `select '${legacyTable('doc_chunks')}', o.id,
              case when d.id is null then 'its document does not exist'
                   else 'its tenant is not that of its document' end
         from ${legacyTable('doc_chunks')} o
         left join ${legacyTable('docs')} d on d.id = o.doc_id
        where d.tenant_id is distinct from o.tenant_id`,
    ].join(' union all ') + ' order by 1, 2',
  );
  return [
    ...rows,
    ...(await sharedAddresses(run, legacyTable('profiles'))),
    ...(await tooManyWords(run, legacyTable('doc_chunks'))),
  ];
}

/** Users of one tenant with one e-mail address, whatever its case. */
async function sharedAddresses(run: RunQuery, table: string): Promise<RowProblem[]> {
  const users = await run<{ id: string; tenantId: string; email: string }>(
    `select id, tenant_id as "tenantId", email from ${table} where email <> '' order by id`,
  );
  const byAddress = Map.groupBy(
    users,
    ({ tenantId, email }) => `${tenantId} ${foldText(withUnicodeDomain(email))}`,
  );
  return [...byAddress.values()].flatMap(group => {
    const isSpelledAlike = group.every(({ email }) => email === group[0]!.email);
    const why =
      'another user of its tenant has its e-mail ' +
      `address${isSpelledAlike ? '' : ', in another spelling'}`;
    return group.length === 1 ? [] : group.map(({ id }) => ({ table, id, why }));
  });
}

/** Texts below this have too few words for PostgreSQL to refuse them. */
const LONG_TEXT = 250_000;

/** Texts whose words do not fit what PostgreSQL can index: 1 MB for each text. */
async function tooManyWords(run: RunQuery, table: string): Promise<RowProblem[]> {
  const longTexts = await run<{ id: string }>(
    `select id from ${table} where octet_length(text) > ${LONG_TEXT} order by id`,
  );
  const rejectedRows: RowProblem[] = [];
  for (const { id } of longTexts) {
    await run('savepoint words');
    await run(`select to_tsvector('english', text) from ${table} where id = ?`, [id]).then(
      () => run('release savepoint words'),
      async () => {
        await run('rollback to savepoint words');
        rejectedRows.push({ table, id, why: 'its text has more words than PostgreSQL can index' });
      },
    );
  }
  return rejectedRows;
}

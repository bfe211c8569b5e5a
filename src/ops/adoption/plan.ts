import { copies, type OldTable } from './copies.js';
import { foldText } from './fold-text.js';
import type { LegacyTable, Revision } from './legacy-schema.js';
import type { SevenTable } from './names.js';
import type { Recognised, Run } from './recognise.js';

interface RowProblem {
  readonly table: string;
  readonly id: string;
  readonly why: string;
}

/** A vector that half precision cannot hold. */
interface UnfitVector extends RowProblem {
  readonly becomes: SevenTable;
  readonly column: string;
}

export interface AdoptionPlan {
  readonly revision: Revision;
  readonly tables: readonly {
    readonly from: string;
    readonly to: SevenTable;
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
  readonly refused: readonly RowProblem[];
}

export type LegacyDatabase = Extract<Recognised, { kind: 'legacy' }>;

/**
 * In which order tables keep their ids where two rows of different tables have the same one: the
 * later gets a new id.
 */
const ID_ORDER: readonly SevenTable[] = [
  'tenants',
  'profiles',
  'docs',
  'api_keys',
  'bots',
  'bot_queries',
  'doc_chunks',
];
/** Known outside: to clients and to the identity provider. */
const KEEPS_ID: readonly SevenTable[] = ['tenants', 'profiles'];

/** Old ids of a table that another kind of row has already. */
export function takenIds(table: SevenTable, old: OldTable): string | undefined {
  if (KEEPS_ID.includes(table)) return undefined;
  const earlier = ID_ORDER.slice(0, ID_ORDER.indexOf(table)).map(
    name => `select id from ${old(name)}`,
  );
  return `select o.id from ${old(table)} o where o.id in (${earlier.join(' union all ')})`;
}

/** Counts what adoption would do. Reads every row, changes none. */
export async function planAdoption(
  run: Run,
  { revision, tables }: LegacyDatabase,
): Promise<AdoptionPlan> {
  const old: OldTable = becomes => tables.find(table => table.becomes === becomes)!.name;
  const counted = await countChanges(run, tables, old);
  const newIds: { table: string; rows: number }[] = [];
  for (const { becomes, name } of tables) {
    const taken = takenIds(becomes, old);
    const [row] = taken
      ? await run<{ rows: number }>(`select count(*)::int as rows from (${taken}) taken`)
      : [{ rows: 0 }];
    if (row!.rows > 0) newIds.push({ table: name, rows: row!.rows });
  }
  const shared = await run<{ id: string }>(
    `select t.id from ${old('tenants')} t join ${old('profiles')} p on p.id = t.id order by 1`,
  );
  const [bots] = await run<{ missing: number }>(
    `select count(*)::int as missing from ${old('tenants')} t where not exists (select ` +
      `from ${old('bots')} b where b.tenant_id = t.id)`,
  );
  return {
    revision,
    ...counted,
    newIds,
    sharedIds: shared.map(row => row.id),
    newBots: bots!.missing,
    unfitVectors: await unfitVectors(run, tables),
    refused: await refusedRows(run, old),
  };
}

async function countChanges(
  run: Run,
  tables: readonly LegacyTable[],
  old: OldTable,
): Promise<Pick<AdoptionPlan, 'tables' | 'changes'>> {
  const counts: AdoptionPlan['tables'][number][] = [];
  const changes: AdoptionPlan['changes'][number][] = [];
  for (const { table, mends } of copies(
    old,
    tables.some(({ columns }) => columns.query_embedding),
  )) {
    const from = old(table);
    const columns = [
      'count(*)::int as rows',
      `pg_total_relation_size('${from}')::float8 as bytes`,
      ...mends.map(({ when }, index) => `count(*) filter (where ${when})::int as m${index}`),
    ];
    const [row] = await run<Record<string, number>>(`select ${columns.join(', ')} from ${from} o`);
    counts.push({ from, to: table, rows: row!.rows!, bytes: row!.bytes! });
    mends.forEach(({ column, why }, index) => {
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
const SHORT = 0.01;
const LARGEST_ERROR = 0.001;

async function unfitVectors(run: Run, tables: readonly LegacyTable[]): Promise<UnfitVector[]> {
  const found: UnfitVector[] = [];
  for (const { name, becomes, columns } of tables) {
    for (const column of ['embedding', 'query_embedding'].filter(
      vector => columns[vector] !== undefined,
    )) {
      // The norm tells almost all apart; a `case` keeps the cast from meeting what it would fail
      // on.
      const why = `case when vector_norm(v) = 0 then 'all zero'
        when vector_norm(v) > 65504
          and (select max(abs(x)) from unnest(v::real[]) x) >= ${TOO_LARGE} then 'out of range'
        when vector_norm(v) < ${SHORT} then case
          when l2_norm(v::halfvec(1536)) = 0 then 'all zero in half precision'
            when (v <=> v::halfvec(1536)::vector(1536)) > ${LARGEST_ERROR} then
              'too small for half precision' end
        end`;
      const rows = await run<{ id: string; why: string }>(
        `select id, why from (select o.id, ${why} as why from (select id, ${column} as v ` +
          `from ${name} where ${column} is not null offset 0) o) judged ` +
          'where why is not null order by id',
      );
      found.push(...rows.map(row => ({ table: name, becomes, column, ...row })));
    }
  }
  return found;
}

async function refusedRows(run: Run, old: OldTable): Promise<RowProblem[]> {
  const orphans = (table: SevenTable): string =>
    `select '${old(table)}' as "table", o.id, 'its tenant does not exist' as why ` +
    `from ${old(table)} o where not exists (select from ${old('tenants')} t ` +
    'where t.id = o.tenant_id)';
  const rows = await run<RowProblem>(
    [
      ...(['profiles', 'bots', 'docs', 'doc_chunks', 'api_keys', 'bot_queries'] as const).map(
        orphans,
      ),
      `select '${old('doc_chunks')}', o.id,
              case when d.id is null then 'its document does not exist'
                   else 'its tenant is not that of its document' end
         from ${old('doc_chunks')} o
         left join ${old('docs')} d on d.id = o.doc_id
        where d.tenant_id is distinct from o.tenant_id`,
    ].join(' union all ') + ' order by 1, 2',
  );
  return [
    ...rows,
    ...(await sharedAddresses(run, old('profiles'))),
    ...(await tooManyWords(run, old('doc_chunks'))),
  ];
}

/** Users of one tenant with one e-mail address, whatever its case. */
async function sharedAddresses(run: Run, table: string): Promise<RowProblem[]> {
  const users = await run<{ id: string; tenantId: string; email: string }>(
    `select id, tenant_id as "tenantId", email from ${table} where email <> '' order by id`,
  );
  const byAddress = Map.groupBy(users, ({ tenantId, email }) => `${tenantId} ${foldText(email)}`);
  return [...byAddress.values()].flatMap(sharing => {
    const isSpelledAlike = sharing.every(({ email }) => email === sharing[0]!.email);
    const why =
      'another user of its tenant has its e-mail ' +
      `address${isSpelledAlike ? '' : ', in another case or normal form'}`;
    return sharing.length === 1 ? [] : sharing.map(({ id }) => ({ table, id, why }));
  });
}

/** Texts below this have too few words for PostgreSQL to refuse them. */
const LONG_TEXT = 250_000;

/** Texts whose words do not fit what PostgreSQL can index: 1 MB for each text. */
async function tooManyWords(run: Run, table: string): Promise<RowProblem[]> {
  const long = await run<{ id: string }>(
    `select id from ${table} where octet_length(text) > ${LONG_TEXT} order by id`,
  );
  const refused: RowProblem[] = [];
  for (const { id } of long) {
    await run('savepoint words');
    await run(`select to_tsvector('english', text) from ${table} where id = ?`, [id]).then(
      () => run('release savepoint words'),
      async () => {
        await run('rollback to savepoint words');
        refused.push({ table, id, why: 'its text has more words than PostgreSQL can index' });
      },
    );
  }
  return refused;
}

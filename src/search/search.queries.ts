import type { ReadScope } from '../db/read-scope.js';
import { statement } from '../db/statement.js';
import type { RowSelection } from '../graphql/selection.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import type { CodeScanEdge } from './code-scan.js';
import type { QueryVector } from './query-vector.js';
import type { SearchScope } from './search.inputs.js';
import { SearchPath } from './search.types.js';

/** The least number of chunks that the code scan compares exactly, and how many more for each hit asked for (`docs/search.md`). */
const MIN_CANDIDATES = 400;
const CANDIDATES_PER_HIT = 8;

const CANDIDATES = '_candidates';
const COMPARABLE = '_comparable';
const EDGE = '_edge';
const SPREAD = '_spread';
const SIMILARITY = '_similarity';

export interface Ranking {
  readonly path: SearchPath;
  readonly vector: QueryVector;
  readonly scope: SearchScope;
  readonly topK: number;
  readonly minSimilarity: number | undefined;
  /** What to read of each chunk. */
  readonly selection: RowSelection;
}

export interface Ranked {
  /** The chunks with their similarities, the nearest first. */
  readonly hits: readonly { readonly chunk: object; readonly similarity: number }[];
  /** How many chunks were compared exactly. */
  readonly candidates: number;
  /** How many of them have a direction: a vector of zeros has none, and is like nothing. */
  readonly comparable: number;
  /** Whether no chunk of the scope was left out of the exact comparison. */
  readonly exact: boolean;
  /** Where the scan of the codes stopped; without meaning when no chunk was left out. */
  readonly edge: CodeScanEdge;
}

type RankedRow = { [CANDIDATES]: number; [COMPARABLE]: number; [EDGE]: number | null; [SPREAD]: number | null; [SIMILARITY]: number | null };

/** The chunks of a scope that are nearest to a vector, by exact cosine similarity and then by id. One statement. */
export async function rankChunks(reads: ReadScope, ranking: Ranking): Promise<Ranked> {
  const { path, scope, topK, selection } = ranking;
  const parameters = new SqlParameters();
  const query = `select ${parameters.add(ranking.vector, 'halfvec(1536)')} as vector`;
  const tenant = parameters.add(scope.tenantId, 'uuid');
  const conditions = scopeSql(scope, tenant, parameters);
  const limit = Math.max(MIN_CANDIDATES, CANDIDATES_PER_HIT * topK);
  const compared = path === SearchPath.EXACT ? exactSql(conditions) : codesSql(conditions, tenant, parameters.add(limit, 'int'));
  const least = parameters.add(ranking.minSimilarity ?? -1, 'float8');

  // NaN, the similarity to a vector of zeros, counts as greater than any number: hence `between`.
  // `limit 1` in the last join keeps it a look-up for each hit: the planner, who cannot know how few there are, might scan the tenant.
  const text = `
    with query as materialized (${query}), compared as materialized (${compared})
    select total.*, hit.similarity as "${SIMILARITY}", chunk.*
      from (
        select (select count(*)::int from compared) as "${CANDIDATES}", count(*)::int as "${COMPARABLE}",
               regr_intercept(similarity, bits) + regr_slope(similarity, bits) * max(bits) as "${EDGE}",
               sqrt(greatest(regr_syy(similarity, bits) - regr_sxy(similarity, bits) ^ 2 / nullif(regr_sxx(similarity, bits), 0), 0) / nullif(count(*), 0)) as "${SPREAD}"
          from compared where similarity <= 1
      ) total
      left join (
        select id, similarity from compared where similarity between ${least} and 1 order by similarity desc, id limit ${parameters.add(topK, 'int')}
      ) hit on true
      left join lateral (
        select ${selection.model.select(selection.properties, 't')} from doc_chunks t where t.tenant_id = ${tenant} and t.id = hit.id limit 1
      ) chunk on true
     order by hit.similarity desc, hit.id`;
  const rows = await reads.query<RankedRow>(statement(`searchChunks_${path}`, text), parameters.values);
  const { [CANDIDATES]: candidates, [COMPARABLE]: comparable, [EDGE]: similarity, [SPREAD]: spread } = rows[0]!;
  return {
    hits: rows.flatMap(row => (row[SIMILARITY] === null ? [] : [{ chunk: row, similarity: row[SIMILARITY] }])),
    candidates,
    comparable,
    exact: path === SearchPath.EXACT || candidates < limit,
    edge: { similarity, spread },
  };
}

/** Every chunk of the scope with its similarity. An index on vectors could not answer `1 - …` in order, so nothing is left to the planner. */
function exactSql(conditions: string): string {
  return `
    select t.id, 1 - (t.embedding <=> (select vector from query)) as similarity, null::float8 as bits
      from doc_chunks t where ${conditions} and t.embedding is not null`;
}

/**
 * The chunks of the scope whose codes differ from the query's in the fewest bits, with their similarities. The inner scan reads
 * `doc_chunks_codes` alone; `+ 0` keeps it a scan where there is an index on codes as well. The look-ups are a lateral join with
 * `limit 1` for the reason given above.
 */
function codesSql(conditions: string, tenant: string, limit: string): string {
  return `
    select near.id, 1 - (chunk.embedding <=> (select vector from query)) as similarity, near.bits
      from (
        select t.id, (t.embedding_bq <~> (select binary_quantize(vector)::bit(1536) from query)) + 0 as bits
          from doc_chunks t where ${conditions} and t.embedding_bq is not null order by bits, t.id limit ${limit}
      ) near
     cross join lateral (select t.embedding from doc_chunks t where t.tenant_id = ${tenant} and t.id = near.id limit 1) chunk`;
}

/** The chunks of a scope, as conditions on the table `t`. The tenant is always among them, whatever the policies do. */
function scopeSql({ botId, documentIds, metadata }: SearchScope, tenant: string, parameters: SqlParameters): string {
  const conditions = [`t.tenant_id = ${tenant}`];
  if (botId !== undefined) conditions.push(`t.bot_id = ${parameters.add(botId, 'uuid')}`);
  if (documentIds !== undefined) conditions.push(`t.doc_id = any(${parameters.add(documentIds, 'uuid[]')})`);
  if (metadata !== undefined) conditions.push(`t.chunk_metadata @> ${parameters.add(JSON.stringify(metadata), 'jsonb')}`);
  return conditions.join(' and ');
}

/** How many chunks a tenant has, or one of its bots; counted up to `most` only. */
export async function countChunks(reads: ReadScope, { tenantId, botId }: Pick<SearchScope, 'tenantId' | 'botId'>, most: number): Promise<number> {
  const parameters = new SqlParameters();
  const conditions = scopeSql({ tenantId, botId, documentIds: undefined, metadata: undefined }, parameters.add(tenantId, 'uuid'), parameters);
  const text = `select count(*)::int as count from (select from doc_chunks t where ${conditions} limit ${parameters.add(most, 'int')}) counted`;
  const [row] = await reads.query<{ count: number }>(statement('searchScopeSize', text), parameters.values);
  return row!.count;
}

const TENANT_EXISTS = statement('searchTenantExists', 'select exists (select from tenants where id = $1) as known');

export async function tenantExists(reads: ReadScope, id: string): Promise<boolean> {
  const [row] = await reads.query<{ known: boolean }>(TENANT_EXISTS, [id]);
  return row!.known;
}

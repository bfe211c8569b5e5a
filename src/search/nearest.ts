import type { ReadScope } from '../db/read-scope.js';
import { statement } from '../db/statement.js';
import { SqlParameters, unseen } from '../graphql/sql-parameters.js';
import { hasAllHits } from './has-all-hits.js';
import type { VectorPath } from './paths/vector-path.js';
import type { QueryVector } from './query-vector.js';
import { scopeSql, type SearchScope } from './search-scope.js';

/** Candidates of a path, at most: looking up more of them one by one takes as long as comparing all of a large tenant. */
const MAX_CANDIDATES = 4_000;

/** A place in the order of similarities: what comes after it is less similar, or as similar with a greater id. */
export interface VectorPlace {
  readonly similarity: number;
  readonly id: string;
}

/** Which chunks are wanted by vector, whatever path finds them. */
export interface Nearest {
  /** A vector, or the stored one of a chunk; a chunk without one is like nothing. */
  readonly vector: QueryVector | { readonly ofChunk: string };
  readonly scope: SearchScope;
  /** How many at most. */
  readonly wanted: number;
  /** How many the pages before had: they take the places of candidates too. */
  readonly seen: number;
  readonly after: VectorPlace | undefined;
  readonly minSimilarity: number | undefined;
}

/** What a path came to, whoever asked. */
export interface Compared {
  /** How many chunks were compared exactly; 0 where all were and nobody wants to know how many. */
  readonly candidates: number;
  /** How many chunks would be the nearest, were there no least similarity. */
  readonly comparable: number;
  /** Whether no chunk of the scope was left out of the exact comparison. */
  readonly exact: boolean;
  /** Whether no chunk that was left out could have been among those wanted. */
  readonly certain: boolean;
}

interface ComparedRow {
  readonly _candidates: number;
  readonly _comparable: number;
  readonly _edge: number | null;
  readonly _spread: number | null;
  readonly _points: number;
  readonly _lowest: number | null;
}

/** What a statement does with the nearest. */
export interface NearestStatement {
  /** The vector to compare with, as an expression that costs nothing to repeat. */
  readonly vector: string;
  /** Where the tenant stands among the parameters, which hold it already, and the conditions of the scope. */
  readonly tenant: string;
  readonly conditions: string;
  readonly parameters: SqlParameters;
}

/** What to read by the nearest. */
export interface NearestUse {
  /** The statement's name; the path's is added. */
  readonly name: string;
  /** A select over the common tables `nearest (id, similarity)` and `total`, whose columns each of its rows must have. */
  readonly select: (parts: NearestStatement) => string;
  /** Whether to count a scope that is compared as a whole: that takes a scan more. */
  readonly counts: boolean;
}

/** The rows of a select over the nearest chunks, along the paths: the next one follows where a chunk could have been missed. One statement for each path. */
export async function selectNearest<R>(reads: ReadScope, paths: readonly VectorPath[], nearest: Nearest, use: NearestUse): Promise<{ rows: R[]; path: VectorPath; compared: Compared }> {
  for (const [index, path] of paths.entries()) {
    const isLast = index === paths.length - 1;
    if (!isLast && (path.candidates(nearest.seen + nearest.wanted) ?? 0) > MAX_CANDIDATES) continue;
    const answer = await alongPath<R>(reads, path, nearest, use);
    if (answer.compared.certain || isLast) return { ...answer, path };
  }
  throw new Error('There is always a path.');
}

async function alongPath<R>(reads: ReadScope, path: VectorPath, nearest: Nearest, { name, select, counts }: NearestUse): Promise<{ rows: R[]; compared: Compared }> {
  const { scope, wanted, seen, after, minSimilarity } = nearest;
  const limit = path.candidates(seen + wanted);
  const parameters = new SqlParameters();
  const tenant = path.namesTenant ? `'${scope.tenantId}'::uuid` : unseen(parameters.add(scope.tenantId, 'uuid'));
  // Without a number of dimensions: a cast to that would be done again for each row.
  const vector =
    'ofChunk' in nearest.vector
      ? `(select v.embedding from doc_chunks v where v.tenant_id = ${tenant} and v.id = ${parameters.add(nearest.vector.ofChunk, 'uuid')})`
      : parameters.add(nearest.vector, 'halfvec');
  const conditions = scopeSql(scope, tenant, parameters);
  const compared = path.sql({ conditions, tenant, vector, limit: limit ?? 0, parameters });
  const most = unseen(parameters.add(wanted, 'int'));
  const least = parameters.add(minSimilarity ?? -1, 'float8');
  const beyond = after ? ` and ${afterSql(after, parameters)}` : '';
  const isWhole = limit === undefined;
  // A scope as a whole is never stored in between, which would take as long as to compare it. Behind `offset 0` a similarity that is both
  // filtered and ordered by is computed once. NaN, the similarity to a vector of zeros, counts as greater than any number: hence `<= 1`.
  const text = `
    with ${isWhole ? '' : `compared as materialized (${compared}),`}
    top as materialized (
      select id, similarity from ${isWhole ? `(${compared} offset 0) compared` : 'compared'} where similarity <= 1${beyond} order by similarity desc, id limit ${most}
    ),
    nearest as materialized (select id, similarity from top where similarity >= ${least}),
    total as materialized (
      select (select count(*)::int from top) as _comparable, ${isWhole ? nothingLeftOut(conditions, counts) : candidatesJudged(most)}
    )
    ${select({ vector, tenant, conditions, parameters })}`;
  const prepared = path.prepare?.(reads);
  const [rows] = await Promise.all([reads.query<R & ComparedRow>(statement(`${name}_${path.path}`, text), parameters.values), prepared]);
  return { rows, compared: comparedOf(rows[0]!, path, limit, nearest) };
}

function nothingLeftOut(conditions: string, counts: boolean): string {
  const count = counts ? `(select count(*)::int from doc_chunks t where ${conditions} and t.embedding_bq is not null)` : '0';
  return `${count} as _candidates, null::float8 as _lowest, null::float8 as _edge, null::float8 as _spread, 0 as _points`;
}

/** Copies of one chunk are one point of the line: a hundred of them tell no more of the scatter than one. */
function candidatesJudged(most: string): string {
  return `(select count(*)::int from compared) as _candidates, (select min(similarity) from nearest having count(*) >= ${most}) as _lowest, edge.*
        from (
          select regr_intercept(similarity, bits) + regr_slope(similarity, bits) * max(bits) as _edge, count(*)::int as _points,
                 sqrt(greatest(regr_syy(similarity, bits) - regr_sxy(similarity, bits) ^ 2 / nullif(regr_sxx(similarity, bits), 0), 0) / nullif(greatest(count(*) - 2, 0), 0)) as _spread
            from (select distinct similarity, bits from compared where similarity <= 1) points
        ) edge`;
}

function afterSql({ similarity, id }: VectorPlace, parameters: SqlParameters): string {
  const place = parameters.add(similarity, 'float8');
  return `(similarity < ${place} or (similarity = ${place} and id > ${parameters.add(id, 'uuid')}))`;
}

/**
 * A missed chunk would have been wanted if it were above the last one wanted, or where there are fewer, above the least similarity.
 * A path that does not see all and has fewer candidates than it may have got lost: nothing is known of what it left out.
 */
function comparedOf(row: ComparedRow, { seesAll }: VectorPath, limit: number | undefined, { minSimilarity }: Nearest): Compared {
  const { _candidates: candidates, _comparable: comparable, _edge: similarity, _spread: spread, _points: points, _lowest: lowest } = row;
  const isFull = limit !== undefined && candidates >= limit;
  const exact = seesAll && !isFull;
  return { candidates, comparable, exact, certain: exact || (isFull && hasAllHits({ similarity, spread, points }, lowest ?? minSimilarity)) };
}

import type { OperationReads } from '../db/operation-reads.js';
import { statement } from '../db/statement.js';
import { SqlParameters, forGenericPlan } from '../graphql/sql-parameters.js';
import { edgeSql, hasAllHits } from './has-all-hits.js';
import type { CandidateLimits, VectorPath } from './paths/vector-path.js';
import type { QueryVector } from './query-vector.js';
import { isInCodesIndex, searchFilterSql, type SearchFilter } from './search-filter.js';

/**
 * Candidates of a path, at most: looking up more of them one by one takes as long as comparing all
 * of a large tenant.
 */
const MAX_CANDIDATES = 4_000;
/** Of a path that compares all, and is not asked for less. */
const UNLIMITED: CandidateLimits = { first: Infinity, max: Infinity };

/**
 * A place in the order of similarities: what comes after it is less similar, or as similar with a
 * greater id.
 */
interface VectorPosition {
  readonly similarity: number;
  readonly id: string;
}

/** Which chunks are wanted by vector, whatever path finds them. */
export interface Nearest {
  /** A vector, or the stored one of a chunk; a chunk without one is like nothing. */
  readonly vector: QueryVector | { readonly chunkId: string };
  readonly filter: SearchFilter;
  /** How many at most. */
  readonly maxHits: number;
  /** How many the pages before had: they take the places of candidates too. */
  readonly hitsBefore: number;
  readonly after: VectorPosition | undefined;
  readonly minSimilarity: number | undefined;
}

/** What a path came to, whoever asked. */
export interface Comparison {
  /** How many chunks were compared exactly; 0 where all were and nobody wants to know how many. */
  readonly candidates: number;
  /** How many chunks would be the nearest, were there no least similarity. */
  readonly comparable: number;
  /** Whether no chunk of the scope was left out of the exact comparison. */
  readonly exact: boolean;
  /** Whether no chunk that was left out could have been among those wanted. */
  readonly certain: boolean;
}

/** The row that `NearestStatement.total` has: nothing but the first where nothing was left out. */
interface TotalRow {
  readonly _candidates: number;
  readonly _edge?: number | null;
  readonly _spread?: number | null;
  readonly _points?: number;
}

/** What a statement does with the nearest. */
interface NearestStatement {
  /**
   * A select of the nearest that are wanted, in no order: `id uuid, tid tid, similarity float8`.
   * The least similarity is not looked at.
   */
  readonly nearest: string;
  /** A select of one row, whose columns each row of the statement must have. */
  readonly total: string;
  /** The vector to compare with, as an expression that costs nothing to repeat. */
  readonly vector: string;
  /**
   * Where the tenant stands among the parameters, which hold it already, and the conditions of the
   * scope.
   */
  readonly tenant: string;
  readonly conditions: string;
  readonly parameters: SqlParameters;
}

/**
 * What a statement read of the nearest, before any of them is dropped for being too little similar.
 */
export interface NearestSummary {
  readonly comparable: number;
  /**
   * The similarity of the last one wanted; undefined where there are fewer that are similar enough.
   */
  readonly lowest: number | undefined;
}

/** What to read by the nearest. */
export interface NearestQuery<R> {
  /** The statement's name; the path's is added. */
  readonly name: string;
  /** The statement, which may follow common tables. It has one row at least. */
  readonly select: (parts: NearestStatement) => SelectParts;
  readonly summarize: (rows: readonly R[]) => NearestSummary;
  /** Whether to count a scope that is compared as a whole: that takes a scan more. */
  readonly withCount: boolean;
}

/** A select, and the common tables that it is over. */
interface SelectParts {
  readonly tables?: readonly string[];
  readonly select: string;
}

/**
 * The rows of a select over the nearest chunks, along the paths: the next one follows where a chunk
 * could have been missed. One statement for each path.
 */
export async function selectNearest<R>(
  reads: OperationReads,
  paths: readonly VectorPath[],
  nearest: Nearest,
  query: NearestQuery<R>,
): Promise<{ rows: R[]; path: VectorPath; comparison: Comparison }> {
  for (const [index, path] of paths.entries()) {
    const isLast = index === paths.length - 1;
    if (!isLast && (path.limits(nearest.hitsBefore + nearest.maxHits)?.max ?? 0) > MAX_CANDIDATES)
      continue;
    const result = await runPath<R>(reads, path, nearest, query);
    if (result.comparison.certain || isLast) return { ...result, path };
  }
  throw new Error('There is always a path.');
}

async function runPath<R>(
  reads: OperationReads,
  path: VectorPath,
  nearest: Nearest,
  { name, select, summarize, withCount }: NearestQuery<R>,
): Promise<{ rows: R[]; comparison: Comparison }> {
  const { filter, maxHits, hitsBefore, after, minSimilarity } = nearest;
  const limits = path.limits(hitsBefore + maxHits);
  const parameters = new SqlParameters();
  const tenant = path.needsTenantLiteral
    ? `'${filter.tenantId}'::uuid`
    : forGenericPlan(parameters.add(filter.tenantId, 'uuid'));
  // Without a number of dimensions: a cast to that would be done again for each row.
  const vector =
    'chunkId' in nearest.vector
      ? `(select v.embedding from doc_chunks v where v.tenant_id = ${tenant} ` +
        `and v.id = ${parameters.add(nearest.vector.chunkId, 'uuid')})`
      : parameters.add(nearest.vector, 'halfvec');
  const conditions = searchFilterSql(filter, tenant, parameters);
  const comparison = path.sql({
    conditions,
    readsIndexOnly: isInCodesIndex(filter),
    tenant,
    vector,
    maxHits: hitsBefore + maxHits,
    minSimilarity,
    limits: limits ?? UNLIMITED,
    parameters,
  });
  const limitParameter = forGenericPlan(parameters.add(maxHits, 'int'));
  const afterCondition = after ? ` and ${afterSql(after, parameters)}` : '';
  const comparesAll = limits === undefined;
  // A scope as a whole is never stored in between, which would take as long as to compare it.
  // Behind `offset 0` a similarity that is both filtered and ordered by is computed once. NaN, the
  // similarity to a vector of zeros, counts as greater than any number: hence `<= 1`.
  const { tables = [], select: lastSelect } = select({
    nearest:
      `select id, tid, similarity from ${comparesAll ? `(${comparison} offset 0)` : ''} compared ` +
      `where similarity <= 1${afterCondition} order by similarity desc, id limit ${limitParameter}`,
    total: comparesAll
      ? `select ${withCount ? `(${countSql(conditions)})` : '0'} as _candidates`
      : CANDIDATE_TOTALS,
    vector,
    tenant,
    conditions,
    parameters,
  });
  const ctes = [...(comparesAll ? [] : [`compared as materialized (${comparison})`]), ...tables];
  const text = `${ctes.length > 0 ? `with ${ctes.join(', ')}` : ''} ${lastSelect}`;
  const preparation = limits && path.prepare?.(reads, limits);
  const [rows] = await Promise.all([
    reads.query<R & TotalRow>(statement(`${name}_${path.path}`, text), parameters.values),
    preparation,
  ]);
  return { rows, comparison: comparisonOf(rows[0]!, summarize(rows), path, limits, nearest) };
}

function countSql(conditions: string): string {
  const embedded = `${conditions} and t.embedding_bq is not null`;
  return `select count(*)::int from doc_chunks t where ${embedded}`;
}

const CANDIDATE_TOTALS =
  'select (select count(*)::int from compared) as _candidates, edge.* ' +
  `from (${edgeSql('compared')}) edge`;

function afterSql({ similarity, id }: VectorPosition, parameters: SqlParameters): string {
  const similarityParameter = parameters.add(similarity, 'float8');
  const lastSelect = parameters.add(id, 'uuid');
  return (
    `(similarity < ${similarityParameter} or (similarity = ${similarityParameter} and id > ` +
    `${lastSelect}))`
  );
}

/**
 * Where the candidates are as many as the path takes, at first or at most, chunks may have been
 * left out. A missed chunk would have been wanted if it were above the last one wanted, or where
 * there are fewer, above the least similarity. A path that does not see all and has fewer
 * candidates than it may have got lost: nothing is known of what it left out.
 */
function comparisonOf(
  total: TotalRow,
  { comparable, lowest }: NearestSummary,
  { isExhaustive, certainty }: VectorPath,
  limits: CandidateLimits | undefined,
  { minSimilarity }: Nearest,
): Comparison {
  const {
    _candidates: candidates,
    _edge: similarity = null,
    _spread: spread = null,
    _points: points = 0,
  } = total;
  const isTruncated =
    limits !== undefined && (candidates === limits.first || candidates >= limits.max);
  const exact = isExhaustive && !isTruncated;
  return {
    candidates,
    comparable,
    exact,
    certain:
      exact ||
      (isTruncated &&
        hasAllHits({ similarity, spread, points }, lowest ?? minSimilarity, certainty)),
  };
}

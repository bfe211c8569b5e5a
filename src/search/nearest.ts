import type { ReadScope } from '../db/read-scope.js';
import { statement } from '../db/statement.js';
import { SqlParameters, unseen } from '../graphql/sql-parameters.js';
import { edgeSql, hasAllHits } from './has-all-hits.js';
import type { CandidateLimits, VectorPath } from './paths/vector-path.js';
import type { QueryVector } from './query-vector.js';
import { scopeSql, type SearchScope } from './search-scope.js';

/**
 * Candidates of a path, at most: looking up more of them one by one takes as long as comparing all
 * of a large tenant.
 */
const MAX_CANDIDATES = 4_000;
/** Of a path that compares all, and is not asked for less. */
const NO_LIMITS: CandidateLimits = { first: Infinity, most: Infinity };

/**
 * A place in the order of similarities: what comes after it is less similar, or as similar with a
 * greater id.
 */
interface VectorPlace {
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

/** The row that `NearestStatement.total` has: nothing but the first where nothing was left out. */
interface Total {
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
export interface NearestFound {
  readonly comparable: number;
  /**
   * The similarity of the last one wanted; undefined where there are fewer that are similar enough.
   */
  readonly lowest: number | undefined;
}

/** What to read by the nearest. */
export interface NearestUse<R> {
  /** The statement's name; the path's is added. */
  readonly name: string;
  /** The statement, which may follow common tables. It has one row at least. */
  readonly select: (parts: NearestStatement) => NearestText;
  readonly found: (rows: readonly R[]) => NearestFound;
  /** Whether to count a scope that is compared as a whole: that takes a scan more. */
  readonly counts: boolean;
}

/** A select, and the common tables that it is over. */
interface NearestText {
  readonly tables?: readonly string[];
  readonly select: string;
}

/**
 * The rows of a select over the nearest chunks, along the paths: the next one follows where a chunk
 * could have been missed. One statement for each path.
 */
export async function selectNearest<R>(
  reads: ReadScope,
  paths: readonly VectorPath[],
  nearest: Nearest,
  use: NearestUse<R>,
): Promise<{ rows: R[]; path: VectorPath; compared: Compared }> {
  for (const [index, path] of paths.entries()) {
    const isLast = index === paths.length - 1;
    if (!isLast && (path.limits(nearest.seen + nearest.wanted)?.most ?? 0) > MAX_CANDIDATES)
      continue;
    const answer = await alongPath<R>(reads, path, nearest, use);
    if (answer.compared.certain || isLast) return { ...answer, path };
  }
  throw new Error('There is always a path.');
}

async function alongPath<R>(
  reads: ReadScope,
  path: VectorPath,
  nearest: Nearest,
  { name, select, found, counts }: NearestUse<R>,
): Promise<{ rows: R[]; compared: Compared }> {
  const { scope, wanted, seen, after, minSimilarity } = nearest;
  const limits = path.limits(seen + wanted);
  const parameters = new SqlParameters();
  const tenant = path.namesTenant
    ? `'${scope.tenantId}'::uuid`
    : unseen(parameters.add(scope.tenantId, 'uuid'));
  // Without a number of dimensions: a cast to that would be done again for each row.
  const vector =
    'ofChunk' in nearest.vector
      ? `(select v.embedding from doc_chunks v where v.tenant_id = ${tenant} ` +
        `and v.id = ${parameters.add(nearest.vector.ofChunk, 'uuid')})`
      : parameters.add(nearest.vector, 'halfvec');
  const conditions = scopeSql(scope, tenant, parameters);
  const compared = path.sql({
    conditions,
    tenant,
    vector,
    wanted: seen + wanted,
    minSimilarity,
    limits: limits ?? NO_LIMITS,
    parameters,
  });
  const most = unseen(parameters.add(wanted, 'int'));
  const beyond = after ? ` and ${afterSql(after, parameters)}` : '';
  const isWhole = limits === undefined;
  // A scope as a whole is never stored in between, which would take as long as to compare it.
  // Behind `offset 0` a similarity that is both filtered and ordered by is computed once. NaN, the
  // similarity to a vector of zeros, counts as greater than any number: hence `<= 1`.
  const { tables = [], select: last } = select({
    nearest:
      `select id, tid, similarity from ${isWhole ? `(${compared} offset 0)` : ''} compared ` +
      `where similarity <= 1${beyond} order by similarity desc, id limit ${most}`,
    total: isWhole
      ? `select ${counts ? `(${countSql(conditions)})` : '0'} as _candidates`
      : CANDIDATES_JUDGED,
    vector,
    tenant,
    conditions,
    parameters,
  });
  const ctes = [...(isWhole ? [] : [`compared as materialized (${compared})`]), ...tables];
  const text = `${ctes.length > 0 ? `with ${ctes.join(', ')}` : ''} ${last}`;
  const prepared = limits && path.prepare?.(reads, limits);
  const [rows] = await Promise.all([
    reads.query<R & Total>(statement(`${name}_${path.path}`, text), parameters.values),
    prepared,
  ]);
  return { rows, compared: comparedOf(rows[0]!, found(rows), path, limits, nearest) };
}

function countSql(conditions: string): string {
  const embedded = `${conditions} and t.embedding_bq is not null`;
  return `select count(*)::int from doc_chunks t where ${embedded}`;
}

const CANDIDATES_JUDGED =
  'select (select count(*)::int from compared) as _candidates, edge.* ' +
  `from (${edgeSql('compared')}) edge`;

function afterSql({ similarity, id }: VectorPlace, parameters: SqlParameters): string {
  const place = parameters.add(similarity, 'float8');
  const last = parameters.add(id, 'uuid');
  return `(similarity < ${place} or (similarity = ${place} and id > ${last}))`;
}

/**
 * Where the candidates are as many as the path takes, at first or at most, chunks may have been
 * left out. A missed chunk would have been wanted if it were above the last one wanted, or where
 * there are fewer, above the least similarity. A path that does not see all and has fewer
 * candidates than it may have got lost: nothing is known of what it left out.
 */
function comparedOf(
  total: Total,
  { comparable, lowest }: NearestFound,
  { seesAll, certainty }: VectorPath,
  limits: CandidateLimits | undefined,
  { minSimilarity }: Nearest,
): Compared {
  const {
    _candidates: candidates,
    _edge: similarity = null,
    _spread: spread = null,
    _points: points = 0,
  } = total;
  const isFull = limits !== undefined && (candidates === limits.first || candidates >= limits.most);
  const exact = seesAll && !isFull;
  return {
    candidates,
    comparable,
    exact,
    certain:
      exact ||
      (isFull && hasAllHits({ similarity, spread, points }, lowest ?? minSimilarity, certainty)),
  };
}

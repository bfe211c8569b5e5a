import type { OperationReads } from '../../db/operation-reads.js';
import type { SqlParameters } from '../../graphql/sql-parameters.js';
import type { SearchPath } from '../search.types.js';

/** What a path writes its SQL with. */
export interface PathInput {
  /** The query's vector. */
  readonly vector: string;
  /** The scope, as conditions on `doc_chunks t`. Holds the tenant and every filter. */
  readonly conditions: string;
  /** Whether `doc_chunks_codes` has all columns that the conditions need. */
  readonly readsIndexOnly: boolean;
  /** The tenant, for look-ups by id. */
  readonly tenant: string;
  /** How many chunks are wanted, with those of earlier pages. */
  readonly maxHits: number;
  /** Below which similarity none is. */
  readonly minSimilarity: number | undefined;
  /** How many to compare exactly: what the path's own `limits` said. */
  readonly limits: CandidateLimits;
  readonly parameters: SqlParameters;
}

/** How many chunks a path compares exactly, where there are as many. */
export interface CandidateLimits {
  /** So many at first. */
  readonly first: number;
  /** So many where it found reason to go on. */
  readonly max: number;
}

/**
 * A way to find the chunks of a scope that are worth comparing exactly with a vector.
 *
 * To add one: a file beside this one, a value of `SearchPath`, and its place in `choose-paths.ts`.
 * Ranking, thresholds, paging, fusion with words and the judgement of what a path left out are the
 * same for all and know nothing of it.
 */
export interface VectorPath {
  readonly path: SearchPath;
  /**
   * Whether it looks at every chunk of the scope: then candidates that are neither `first` nor
   * `max` of its limits are all that there are.
   */
  readonly isExhaustive: boolean;
  /**
   * Whether its statement must hold the tenant as a literal. Then each tenant has a statement of
   * its own, so it is for a few of them only.
   */
  readonly needsTenantLiteral: boolean;
  /**
   * By how many spreads what it left out must lie below the last hit (`hasAllHits`), or else the
   * next path follows. A path that leaves nothing out is asked nothing.
   */
  readonly certainty: number;
  /**
   * How many chunks it compares exactly to find `maxHits` of them; undefined: every one of the
   * scope.
   */
  limits(maxHits: number): CandidateLimits | undefined;
  /**
   * A select of the chunks with their exact similarity: `id uuid, tid tid, similarity float8, bits
   * float8`. `bits` is what the path preferred them by, the smaller the better: `hasAllHits` judges
   * by it what was left out. A path that leaves nothing out has none.
   */
  sql(input: PathInput): string;
  /**
   * Settings of the transaction that its statement needs. Sent with the statement, in the same
   * turn: nothing waits for the answer.
   */
  prepare?(reads: OperationReads, limits: CandidateLimits): Promise<unknown>;
}

import { SearchPath } from '../search.types.js';
import type { VectorPath } from './vector-path.js';

/**
 * Every chunk of the scope with its similarity. An index on vectors could not answer `1 - …` in
 * order, so nothing is left to the planner.
 */
export const EXACT_PATH: VectorPath = {
  path: SearchPath.EXACT,
  isExhaustive: true,
  needsTenantLiteral: false,
  certainty: 0,
  limits: () => undefined,
  sql: ({ conditions, vector }) =>
    `select t.id, t.ctid as tid, 1 - (t.embedding <=> ${vector}) as similarity ` +
    `from doc_chunks t where ${conditions} and t.embedding is not null`,
};

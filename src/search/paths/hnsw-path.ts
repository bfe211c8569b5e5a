import { fixedStatement } from '../../db/statement.js';
import { SearchPath } from '../search.types.js';
import {
  compareExactly,
  MIN_FIRST_CANDIDATES,
  FIRST_CANDIDATES_PER_HIT,
  MAX_CANDIDATES_PER_HIT,
} from './compare-exactly.js';
import type { VectorPath } from './vector-path.js';

/**
 * So few that looking for them takes less than half of what scanning the codes of 50,000 chunks
 * does.
 */
const CANDIDATE_STEP = 300;

/** What pgvector takes at most; beyond that it looks again, and again. */
const MAX_EF_SEARCH = 1_000;

/**
 * More than of a scan. A graph leaves out some of the nearest, the more the less a question is like
 * any chunk, and what it has left out its candidates cannot tell: so it is trusted only where the
 * hits stand out (`docs/search-paths.md` has what it then finds).
 */
const CERTAINTY = 5;

const SETTINGS = fixedStatement(
  'searchGraphSettings',
  "select set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', " +
    "'relaxed_order', true)",
);

/**
 * The chunks that the tenant's own index, a graph over their codes, finds nearest to the query's
 * code, with their similarities. The index holds that tenant alone and knows nothing of filters.
 * The planner takes it only where the statement names the tenant as the index does: as a literal,
 * whose value is a UUID that was checked. The limit is a literal too, or else the planner would
 * have to plan each search anew to see that it is small: a multiple of 300, so that there are few
 * texts.
 */
export const HNSW_PATH: VectorPath = {
  path: SearchPath.HNSW,
  isExhaustive: false,
  needsTenantLiteral: true,
  certainty: CERTAINTY,
  limits: wanted => ({
    first: Math.max(MIN_FIRST_CANDIDATES, FIRST_CANDIDATES_PER_HIT * wanted),
    max: CANDIDATE_STEP * Math.ceil((MAX_CANDIDATES_PER_HIT * wanted) / CANDIDATE_STEP),
  }),
  sql(input) {
    const { conditions, vector, limits } = input;
    const near = `
        select t.id, t.embedding_bq <~> (select binary_quantize(${vector})::bit(1536)) as bits
          from doc_chunks t
         where ${conditions} and t.embedding_bq is not null
         order by t.embedding_bq <~> (select binary_quantize(${vector})::bit(1536))
         limit ${Math.trunc(limits.max)}`;
    return compareExactly(near, { minSpreads: CERTAINTY, minCandidates: limits.max }, input);
  },
  prepare: (reads, { max }) => reads.query(SETTINGS, [String(Math.min(max, MAX_EF_SEARCH))]),
};

import { forGenericPlan } from '../../graphql/sql-parameters.js';
import { SearchPath } from '../search.types.js';
import {
  compareExactly,
  MIN_FIRST_CANDIDATES,
  FIRST_CANDIDATES_PER_HIT,
  MAX_CANDIDATES_PER_HIT,
} from './compare-exactly.js';
import type { VectorPath } from './vector-path.js';

/** How many are compared at most, however few are wanted. */
const MIN_MAX_CANDIDATES = 600;

/**
 * In simulations (2,000 to 20,000 chunks in topics, with and without a common offset, unequal
 * scales and fewer dimensions, 200 to 400 candidates) all scans that had missed a hit lay below
 * 3.3, and those of questions about something in the tenant above 3.7. With 100 candidates of 2,000
 * to 10,000 chunks none that lay above 3.5 had missed one.
 */
const CERTAINTY = 3.5;

/**
 * Keeps a scan of the index alone in the session's own process: PostgreSQL gives no condition with
 * this function to parallel workers, and evaluates it once for a scan. Starting workers takes
 * longer than they save, and the plan for any tenant has them where the average tenant is large. A
 * setting would need a statement of its own, and other plans that are made while it holds would be
 * kept. https://www.postgresql.org/docs/current/parallel-safety.html
 */
const IN_ONE_PROCESS = ' and pg_backend_pid() > 0';

/**
 * The chunks of the scope whose codes differ from the query's in the fewest bits, with their
 * similarities. The scan reads `doc_chunks_codes` alone; `+ 0` keeps it a scan where there is an
 * index on codes as well.
 */
export const CODES_PATH: VectorPath = {
  path: SearchPath.CODES,
  isExhaustive: true,
  needsTenantLiteral: false,
  certainty: CERTAINTY,
  limits: wanted => ({
    first: Math.max(MIN_FIRST_CANDIDATES, FIRST_CANDIDATES_PER_HIT * wanted),
    max: Math.max(MIN_MAX_CANDIDATES, MAX_CANDIDATES_PER_HIT * wanted),
  }),
  sql(input) {
    const { conditions, vector, limits, parameters, readsIndexOnly } = input;
    const near = `
        select t.id, (t.embedding_bq <~> (select binary_quantize(${vector})::bit(1536))) + 0 as bits
          from doc_chunks t
         where ${conditions} and t.embedding_bq is not null${readsIndexOnly ? IN_ONE_PROCESS : ''}
         order by bits limit ${forGenericPlan(parameters.add(limits.max, 'int'))}`;
    return compareExactly(near, { minSpreads: CERTAINTY }, input);
  },
};

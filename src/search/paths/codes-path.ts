import { SearchPath } from '../search.types.js';
import type { VectorPath } from './vector-path.js';

/** The least number of chunks that are compared exactly, and how many more for each one that is wanted (`docs/search.md`). */
const MIN_CANDIDATES = 400;
const CANDIDATES_PER_HIT = 8;

/**
 * The chunks of the scope whose codes differ from the query's in the fewest bits, with their similarities. The inner scan reads
 * `doc_chunks_codes` alone; `+ 0` keeps it a scan where there is an index on codes as well. `limit 1` keeps the join a look-up for
 * each: the planner, who cannot know how few there are, might scan the tenant.
 */
export const CODES_PATH: VectorPath = {
  path: SearchPath.CODES,
  seesAll: true,
  namesTenant: false,
  candidates: wanted => Math.max(MIN_CANDIDATES, CANDIDATES_PER_HIT * wanted),
  sql: ({ conditions, tenant, limit, parameters }) => `
    select near.id, 1 - (chunk.embedding <=> (select vector from query)) as similarity, near.bits
      from (
        select t.id, (t.embedding_bq <~> (select binary_quantize(vector)::bit(1536) from query)) + 0 as bits
          from doc_chunks t where ${conditions} and t.embedding_bq is not null order by bits, t.id limit ${parameters.add(limit, 'int')}
      ) near
     cross join lateral (select t.embedding from doc_chunks t where t.tenant_id = ${tenant} and t.id = near.id limit 1) chunk`,
};

import { unseen } from '../../graphql/sql-parameters.js';
import { SearchPath } from '../search.types.js';
import type { VectorPath } from './vector-path.js';

/** How many more chunks are compared exactly for each one that is wanted. */
const CANDIDATES_PER_HIT = 8;

/**
 * The chunks of the scope whose codes differ from the query's in the fewest bits, `least` of them at least, with their similarities. The
 * inner scan reads `doc_chunks_codes` alone; `+ 0` keeps it a scan where there is an index on codes as well. `limit 1` keeps the join a
 * look-up for each: the planner, who cannot know how few there are, might scan the tenant.
 */
export function codesPath(least: number): VectorPath {
  return {
    path: SearchPath.CODES,
    seesAll: true,
    namesTenant: false,
    candidates: wanted => Math.max(least, CANDIDATES_PER_HIT * wanted),
    sql: ({ conditions, tenant, vector, limit, parameters }) => `
      select near.id, 1 - (chunk.embedding <=> ${vector}) as similarity, near.bits
        from (
          select t.id, (t.embedding_bq <~> (select binary_quantize(${vector})::bit(1536))) + 0 as bits
            from doc_chunks t where ${conditions} and t.embedding_bq is not null order by bits limit ${unseen(parameters.add(limit, 'int'))}
        ) near
       cross join lateral (select t.embedding from doc_chunks t where t.tenant_id = ${tenant} and t.id = near.id limit 1) chunk`,
  };
}

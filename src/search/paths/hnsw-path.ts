import { fixedStatement } from '../../db/statement.js';
import { SearchPath } from '../search.types.js';
import type { VectorPath } from './vector-path.js';

/**
 * More than the code scan compares: a graph leaves some of the nearest out. With 400 one question of 500 lost most of its hits,
 * with 600 none of 1,500. pgvector looks at no more than 1,000 before it begins a second round.
 */
const MIN_CANDIDATES = 600;
const CANDIDATES_PER_HIT = 8;

const SETTINGS = fixedStatement('searchGraphSettings', `select set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', 'relaxed_order', true)`);
const MAX_EF_SEARCH = 1_000;

/**
 * The chunks that the tenant's own index, a graph over their codes, finds nearest to the query's code, with their similarities. The
 * index holds that tenant alone and knows nothing of filters. The planner takes it only where the statement names the tenant as the
 * index does: as a literal, whose value is a UUID that was checked.
 */
export const HNSW_PATH: VectorPath = {
  path: SearchPath.HNSW,
  seesAll: false,
  namesTenant: true,
  candidates: wanted => Math.max(MIN_CANDIDATES, CANDIDATES_PER_HIT * wanted),
  sql: ({ conditions, tenant, limit, parameters }) => `
    select near.id, 1 - (chunk.embedding <=> (select vector from query)) as similarity, near.bits
      from (
        select t.id, t.embedding_bq <~> (select binary_quantize(vector)::bit(1536) from query) as bits
          from doc_chunks t where ${conditions}
         order by t.embedding_bq <~> (select binary_quantize(vector)::bit(1536) from query) limit ${parameters.add(limit, 'int')}
      ) near
     cross join lateral (select t.embedding from doc_chunks t where t.tenant_id = ${tenant} and t.id = near.id limit 1) chunk`,
  prepare: (reads, limit) => reads.query(SETTINGS, [String(Math.min(limit, MAX_EF_SEARCH))]),
};

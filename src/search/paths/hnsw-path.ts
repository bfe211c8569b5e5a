import { fixedStatement } from '../../db/statement.js';
import { SearchPath } from '../search.types.js';
import type { VectorPath } from './vector-path.js';

const CANDIDATES_PER_HIT = 8;

const SETTINGS = fixedStatement('searchGraphSettings', `select set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', 'relaxed_order', true)`);
/** pgvector looks at no more than so many before it begins a second round. */
const MAX_EF_SEARCH = 1_000;

/**
 * The chunks that the tenant's own index, a graph over their codes, finds nearest to the query's code, `least` of them at least, with
 * their similarities. The index holds that tenant alone and knows nothing of filters. The planner takes it only where the statement names
 * the tenant as the index does: as a literal, whose value is a UUID that was checked. The limit is a literal too, or else the planner
 * would have to plan each search anew to see that it is small.
 */
export function hnswPath(least: number): VectorPath {
  return {
    path: SearchPath.HNSW,
    seesAll: false,
    namesTenant: true,
    candidates: wanted => Math.max(least, CANDIDATES_PER_HIT * wanted),
    sql: ({ conditions, tenant, vector, limit }) => `
      select near.id, 1 - (chunk.embedding <=> ${vector}) as similarity, near.bits
        from (
          select t.id, t.embedding_bq <~> (select binary_quantize(${vector})::bit(1536)) as bits
            from doc_chunks t where ${conditions}
           order by t.embedding_bq <~> (select binary_quantize(${vector})::bit(1536)) limit ${Math.trunc(limit)}
        ) near
       cross join lateral (select t.embedding from doc_chunks t where t.tenant_id = ${tenant} and t.id = near.id limit 1) chunk`,
    prepare: (reads, limit) => reads.query(SETTINGS, [String(Math.min(limit, MAX_EF_SEARCH))]),
  };
}

import { fixedStatement } from '../../db/statement.js';
import { SearchPath } from '../search.types.js';
import type { VectorPath } from './vector-path.js';

/**
 * As many as pgvector looks at before it begins a second round. A graph leaves some of the nearest out, the more the fewer of it are
 * looked at and the less the question is like any chunk: of one-word questions about 11,000 chunks, by the built-in model, 200 candidates
 * found 0.67 of the hits, 600 found 0.90, and 1,000 found 0.97. What the graph has left out, the candidates cannot tell.
 */
const CANDIDATES = 1_000;
const CANDIDATES_PER_HIT = 8;

const SETTINGS = fixedStatement('searchGraphSettings', `select set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', 'relaxed_order', true)`);

/**
 * The chunks that the tenant's own index, a graph over their codes, finds nearest to the query's code, with their similarities. The
 * index holds that tenant alone and knows nothing of filters. The planner takes it only where the statement names the tenant as the
 * index does: as a literal, whose value is a UUID that was checked. The limit is a literal too, or else the planner would have to plan
 * each search anew to see that it is small: a multiple of 1,000, so that there are few texts.
 */
export const HNSW_PATH: VectorPath = {
  path: SearchPath.HNSW,
  seesAll: false,
  namesTenant: true,
  candidates: wanted => CANDIDATES * Math.ceil((CANDIDATES_PER_HIT * wanted) / CANDIDATES),
  sql: ({ conditions, tenant, vector, limit }) => `
    select near.id, 1 - (chunk.embedding <=> ${vector}) as similarity, near.bits
      from (
        select t.id, t.embedding_bq <~> (select binary_quantize(${vector})::bit(1536)) as bits
          from doc_chunks t where ${conditions}
         order by t.embedding_bq <~> (select binary_quantize(${vector})::bit(1536)) limit ${Math.trunc(limit)}
      ) near
     cross join lateral (select t.embedding from doc_chunks t where t.tenant_id = ${tenant} and t.id = near.id limit 1) chunk`,
  prepare: reads => reads.query(SETTINGS, [String(CANDIDATES)]),
};

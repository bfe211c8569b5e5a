import { unseen } from '../../graphql/sql-parameters.js';
import { edgeSql } from '../has-all-hits.js';
import type { PathInput } from './vector-path.js';

/** Between which spreads (`hasAllHits`) the first candidates leave a doubt that the rest may settle. */
export interface Doubt {
  /** Below this, the rest settles nothing; undefined: it always may. */
  readonly above?: number;
  readonly below: number;
  /** Where fewer than this were found near, the path got lost, and none is looked at; undefined: it never does. */
  readonly lostBelow?: number;
}

/**
 * The exact similarities of what a path found near by codes, `near (id, bits)`: of the first of them, and of the rest only where the first
 * leave a doubt. To look up a chunk takes as long as to scan the codes of ten, and of a question about something in the tenant the first
 * are enough. `limit 1` keeps the join a look-up for each: the planner, who cannot know how few there are, might scan the tenant.
 */
export function compareNear(near: string, { above, below, lostBelow }: Doubt, { tenant, vector, wanted, candidates, parameters }: PathInput): string {
  const compared = (some: string): string => `
      select near.id, chunk.place, 1 - (chunk.embedding <=> ${vector}) as similarity, near.bits
        from (${some}) near
       cross join lateral (select t.embedding, t.ctid as place from doc_chunks t where t.tenant_id = ${tenant} and t.id = near.id limit 1) chunk`;
  const doubted = `(select spreads from doubt) < ${below}${above === undefined ? '' : ` and (select spreads from doubt) >= ${above}`}`;
  const found = lostBelow === undefined ? 'near' : `near where (select count(*) from near) >= ${Math.trunc(lostBelow)}`;
  return `
      with near as materialized (${near}),
      first as materialized (${compared(`select id, bits from ${found} order by bits limit ${unseen(parameters.add(candidates.first, 'int'))}`)}),
      doubt as materialized (
        select (last.similarity - _edge) / nullif(_spread, 0) as spreads
          from (${edgeSql('first')}) edge,
               (select similarity from first where similarity <= 1 order by similarity desc offset ${unseen(parameters.add(wanted - 1, 'int'))} limit 1) last
      )
      select * from first
       union all
      ${compared(`select id, bits from near where ${doubted} and id not in (select id from first)`)}`;
}

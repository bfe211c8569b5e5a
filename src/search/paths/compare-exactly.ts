import { forGenericPlan } from '../../graphql/sql-parameters.js';
import { edgeSql, MIN_POINTS } from '../has-all-hits.js';
import type { PathInput } from './vector-path.js';

/** How many are compared at first, however few are wanted. */
export const MIN_FIRST_CANDIDATES = 100;
/** And at first, and at most, for each one that is wanted. */
export const FIRST_CANDIDATES_PER_HIT = 4;
export const MAX_CANDIDATES_PER_HIT = 8;

/** What a path makes of its first candidates. */
export interface EarlyStop {
  /** How many spreads (`hasAllHits`) they must show for the rest to be left out. */
  readonly minSpreads: number;
  /**
   * Where fewer than this were found near, the path got lost, and nothing is compared; undefined:
   * it never does, and fewer are all there are.
   */
  readonly minCandidates?: number;
}

/**
 * The exact similarities of what a path found near by codes, `near (id, bits)`: of the first of
 * them, and of the rest where the first leave a doubt. To look up a chunk takes as long as to scan
 * the codes of ten, and of a question about something in the tenant the first are enough. It
 * decides about time only: `hasAllHits` judges whatever was compared. `limit 1` keeps the join a
 * look-up for each: the planner, who cannot know how few there are, might scan the tenant.
 */
export function compareExactly(
  near: string,
  { minSpreads, minCandidates }: EarlyStop,
  { tenant, vector, maxHits, minSimilarity, limits, parameters }: PathInput,
): string {
  const similaritiesOf = (candidates: string): string => `
      select near.id, chunk.tid, 1 - (chunk.embedding <=> ${vector}) as similarity, near.bits
        from (${candidates}) near
       cross join lateral (
         select t.embedding, t.ctid as tid from doc_chunks t
          where t.tenant_id = ${tenant} and t.id = near.id limit 1
       ) chunk`;
  const hasEnough =
    minCandidates === undefined
      ? 'true'
      : `(select count(*) from near) >= ${Math.trunc(minCandidates)}`;
  const first =
    `select id, bits from near where ${hasEnough} ` +
    `order by bits limit ${forGenericPlan(parameters.add(limits.first, 'int'))}`;
  const rest =
    `select id, bits from near where ${hasEnough} ` +
    `and coalesce((select spreads from look) < ${minSpreads}, true) ` +
    'and id not in (select id from first)';
  return `
    with near as materialized (${near}),
    first as materialized (${similaritiesOf(first)}),
    look as materialized (
      select case when _points >= ${MIN_POINTS} then
               (greatest(${parameters.add(minSimilarity ?? null, 'float8')}, (
                  select similarity from first where similarity <= 1
                   order by similarity desc
                  offset ${forGenericPlan(parameters.add(maxHits - 1, 'int'))} limit 1
                )) - _edge) / nullif(_spread, 0)
             end as spreads
        from (${edgeSql('first')}) edge
    )
    select * from first
     union all
    ${similaritiesOf(rest)}`;
}

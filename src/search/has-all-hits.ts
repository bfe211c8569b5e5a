/**
 * Where the candidates of a path end, judged by the candidates themselves: those whose codes differ
 * in the most bits.
 */
export interface CandidateEdge {
  /**
   * The similarity to expect there, by linear regression of the candidates' similarities on their
   * differing bits; null where there is none.
   */
  readonly similarity: number | null;
  /** By how much similarities scatter about that line (standard deviation). */
  readonly spread: number | null;
  /** How many different candidates the line goes through. */
  readonly points: number;
}

/**
 * Fewer different candidates say too little of the scatter; of two there is none. Such are the
 * candidates of a tenant that stores the same few chunks many times.
 */
export const MIN_POINTS = 30;

/**
 * Whether a path's candidates surely hold every chunk more similar than `lowest`. Codes tell
 * similarities apart only so well, which depends on the embedding model and on the question: one
 * that resembles nothing has a thousand equally poor answers. So each search is judged by how
 * similarity fell with the bits that differ among its own candidates: those left out are at the
 * edge, or beyond. `certainty` is how many spreads the edge must lie below the last hit.
 */
export function hasAllHits(
  edge: CandidateEdge,
  lowest: number | undefined,
  certainty: number,
): boolean {
  if (
    edge.points < MIN_POINTS ||
    edge.similarity === null ||
    edge.spread === null ||
    lowest === undefined
  )
    return false;
  return lowest - edge.similarity >= certainty * edge.spread;
}

/**
 * A select of a path's edge, `_edge, _spread, _points`, from a table of its candidates. Copies of
 * one chunk are one point of the line: a hundred of them tell no more of the scatter than one.
 */
export function edgeSql(candidates: string): string {
  return `
    select regr_intercept(similarity, bits) + regr_slope(similarity, bits) * max(bits) as _edge,
           count(*)::int as _points,
           sqrt(greatest(regr_syy(similarity, bits)
             - regr_sxy(similarity, bits) ^ 2 / nullif(regr_sxx(similarity, bits), 0), 0)
             / nullif(greatest(count(*) - 2, 0), 0)) as _spread
      from (select distinct similarity, bits from ${candidates} where similarity <= 1) points`;
}

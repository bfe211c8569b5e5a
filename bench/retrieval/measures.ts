/** What share of questions had a right hit among the first, and the mean of 1 / its rank. */
export interface Measures {
  readonly questions: number;
  readonly hit1: number;
  readonly hit3: number;
  readonly hit10: number;
  readonly mrr: number;
}

/** `ranks`: of the first right hit of each question, from 1; null where there was none. */
export function measuresOf(ranks: readonly (number | null)[]): Measures {
  const share = (rank: number): number =>
    ranks.filter(each => each !== null && each <= rank).length / Math.max(1, ranks.length);
  return {
    questions: ranks.length,
    hit1: share(1),
    hit3: share(3),
    hit10: share(10),
    mrr:
      ranks.reduce<number>((sum, rank) => sum + (rank === null ? 0 : 1 / rank), 0) /
      Math.max(1, ranks.length),
  };
}

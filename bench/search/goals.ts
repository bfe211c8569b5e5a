import { median } from '../shared/report-text.js';
import { EXACT, EXACT_ORIGINAL, ORIGINAL, OURS, REPAIRED, STATEMENT } from './contenders.js';
import { digits, GRAPHQL, type ClassResult, type Results } from './report.js';

export interface Goal {
  readonly goal: string;
  readonly measured: string;
  readonly reached: boolean;
}

const LEAST_RECALL = 0.99;
const MOST_GATEWAY_MS = 1.5;

/**
 * What the search promises, with what was measured. Ratios are of rounds that followed each other.
 */
export function goalsOf(results: Results): Goal[] {
  const { classes } = results;
  return [
    recallGoal('recall@10', classes, ({ quality }) =>
      [OURS, GRAPHQL].map(way => quality.get(way)!.at10.recall),
    ),
    recallGoal('recall@50', classes, ({ quality }) =>
      [OURS, GRAPHQL].map(way => quality.get(way)!.at50.recall),
    ),
    recallGoal('recall@10 with filters', classes, ({ filters }) =>
      filters.map(({ ways }) => ways.find(({ name }) => name === OURS)!.quality.recall),
    ),
    shortGoal(classes),
    ...ratioGoals(classes, ORIGINAL, 4, ({ name }) => name === 'S100' || name === 'M300'),
    ...ratioGoals(classes, ORIGINAL, 5, ({ name }) => name === 'M1k'),
    ...ratioGoals(
      classes,
      REPAIRED,
      1.35,
      ({ name }) => name === 'M5k' || name === 'L20k' || name === 'L50k',
    ),
    ...ratioGoals(classes, EXACT_ORIGINAL, 12, ({ name }) => name === 'M5k', EXACT),
    ...ratioGoals(classes, EXACT_ORIGINAL, 50, ({ name }) => name === 'L50k', EXACT),
    ...gatewayGoals(classes),
    insertGoal(results),
  ];
}

function recallGoal(
  what: string,
  classes: readonly ClassResult[],
  of: (result: ClassResult) => number[],
): Goal {
  const least = Math.min(...classes.flatMap(of));
  return {
    goal: `${what} ≥ ${LEAST_RECALL} for every size`,
    measured: `${digits(least, 4)} at least`,
    reached: least >= LEAST_RECALL,
  };
}

function shortGoal(classes: readonly ClassResult[]): Goal {
  const counts = classes.flatMap(({ quality, filters }) => [
    ...[OURS, GRAPHQL].flatMap(way => [quality.get(way)!.at10.short, quality.get(way)!.at50.short]),
    ...filters.map(({ ways }) => ways.find(({ name }) => name === OURS)!.quality.short),
  ]);
  const short = counts.reduce((sum, count) => sum + count, 0);
  return { goal: 'no short answer', measured: `${short}`, reached: short === 0 };
}

/**
 * Judged as the others are sent: by the statement alone. `besides` is another to tell the ratio to.
 */
function ratioGoals(
  classes: readonly ClassResult[],
  other: string,
  least: number,
  isMeant: (of: ClassResult['tenantClass']) => boolean,
  besides?: string,
): Goal[] {
  return classes
    .filter(({ tenantClass }) => isMeant(tenantClass))
    .map(({ tenantClass, samples }) => {
      const ratioOf = (way: string, to = other): number =>
        median(
          samples
            .get(to)!
            .map((sample, round) => samples.get(way)![round]!.perSecond / sample.perSecond),
        )!;
      const ratio = ratioOf(STATEMENT);
      const more = [
        `${digits(ratioOf(OURS), 2)} with transaction, role and walls`,
        ...(besides ? [`${digits(ratioOf(STATEMENT, besides), 2)} of ${besides}`] : []),
      ];
      return {
        goal: `${tenantClass.chunks} chunks: ${least} × ${other}`,
        measured: `${digits(ratio, 2)} × (${more.join('; ')})`,
        reached: ratio >= least,
      };
    });
}

function gatewayGoals(classes: readonly ClassResult[]): Goal[] {
  const times = classes.map(({ samples }) =>
    median(samples.get(GRAPHQL)!.map(({ nodeMs }) => nodeMs)),
  );
  const most = times.some(time => time === undefined)
    ? undefined
    : Math.max(...(times as number[]));
  return most === undefined
    ? []
    : [
        {
          goal: `CPU of the gateway ≤ ${MOST_GATEWAY_MS} ms for a search of 10`,
          measured: `${digits(most, 2)} ms at most`,
          reached: most <= MOST_GATEWAY_MS,
        },
      ];
}

function insertGoal({ inserts }: Results): Goal {
  const [original, ours] = inserts;
  const ratio = median(
    ours!.rowsPerSecond.map((rate, round) => rate / original!.rowsPerSecond[round]!),
  )!;
  return {
    goal: 'inserts in batches of 500: 3 × original',
    measured: `${digits(ratio, 2)} ×`,
    reached: ratio >= 3,
  };
}

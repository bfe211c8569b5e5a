import type { Contender } from './contenders.js';
import type { Question } from './questions.js';

export interface Timing {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Asks question after question over so many connections for so long. At least one question of each
 * connection is asked, however long it takes.
 */
export async function timeRound(
  contender: Contender,
  questions: readonly Question[],
  { connections, seconds, topK }: { connections: number; seconds: number; topK: number },
): Promise<Timing> {
  const times: number[] = [];
  let next = Math.floor(Math.random() * questions.length);
  const startedAt = performance.now();
  const deadline = startedAt + seconds * 1_000;
  const caller = async (connection: number): Promise<void> => {
    for (let now = performance.now(); now < deadline;) {
      await contender.search(connection, questions[next++ % questions.length]!, topK);
      const answeredAt = performance.now();
      times.push(answeredAt - now);
      now = answeredAt;
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, connection) => caller(connection)));
  const elapsed = (performance.now() - startedAt) / 1_000;
  times.sort((a, b) => a - b);
  const percentile = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
  return { perSecond: times.length / elapsed, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}

export interface Quality {
  /** Mean share of the true nearest that were found. */
  readonly recall: number;
  /** Answers with fewer hits than there were to find. */
  readonly short: number;
}

/** Asks every question once, untimed, and compares with what should be found. */
export async function measureQuality(
  ask: (question: Question) => Promise<readonly string[]>,
  questions: readonly Question[],
  topK: number,
): Promise<Quality> {
  let recall = 0;
  let short = 0;
  for (const question of questions) {
    const expected = question.nearest.slice(0, topK);
    const found = new Set(await ask(question));
    if (found.size < expected.length) short += 1;
    recall +=
      expected.length === 0 ? 1 : expected.filter(id => found.has(id)).length / expected.length;
  }
  return { recall: recall / questions.length, short };
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ComputeScheduler } from '../../../src/base/compute-scheduler.js';

/** Holds the thread longer than one slice may take. */
function compute(): void {
  for (const end = performance.now() + 6; performance.now() < end;);
}

/** A computation of so many steps, each a slice of its own, that notes them. */
async function run(
  turns: ComputeScheduler,
  caller: string,
  steps: number,
  log: string[],
  signal?: AbortSignal,
): Promise<void> {
  const pause = turns.pauseFor(caller, signal);
  for (let step = 0; step < steps; step += 1) {
    await pause();
    log.push(caller);
    compute();
  }
}

test('in one turn of the event loop one computes, and whose turn it is goes round', async () => {
  const turns = new ComputeScheduler();
  const log: string[] = [];
  const all = Promise.all([
    run(turns, 'A', 4, log),
    run(turns, 'A', 1, log),
    run(turns, 'B', 2, log),
  ]);
  // The first one begins at once.
  await Promise.resolve();
  let most = 0;
  while (log.length < 7) {
    const before = log.length;
    await nextTurn();
    most = Math.max(most, log.length - before);
  }
  await all;
  expect(most).toBe(1);
  expect(log.toSorted().join('')).toBe('AAAAABB');
  // B came last, and waited for no more than one of A's between its own.
  expect(log.lastIndexOf('B')).toBeLessThanOrEqual(4);
});

test('what is short waits for nobody where nobody computes', () => {
  expect(new ComputeScheduler().pauseFor('A')()).toBeUndefined();
});

test('whoever has gone computes no more, and holds up nobody', async () => {
  const turns = new ComputeScheduler();
  const gone = new AbortController();
  const log: string[] = [];
  const left = run(turns, 'A', 100, log, gone.signal);
  const other = run(turns, 'B', 2, log);
  await nextTurn();
  gone.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  await other;
  expect(log.filter(caller => caller === 'B')).toHaveLength(2);
});

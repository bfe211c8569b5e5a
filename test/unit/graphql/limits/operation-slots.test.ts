import { expect, test } from 'vitest';
import { OperationSlots, OperationTurn } from '../../../../src/graphql/limits/operation-slots.js';

/** A promise, and how to end it. */
function pending<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>(settle => void (resolve = settle));
  return { promise, resolve };
}

async function turnOf(slots: OperationSlots, signal = new AbortController().signal): Promise<OperationTurn> {
  const turn = new OperationTurn(slots, 'caller', signal);
  await turn.begin();
  return turn;
}

/** Whether an operation gets a slot at once; it gives it back. */
async function isFree(slots: OperationSlots): Promise<boolean> {
  const turn = new OperationTurn(slots, 'another caller', AbortSignal.abort(new Error('would have to wait')));
  return turn.begin().then(() => (turn.end(), true), () => false);
}

test('an operation that waits for a service gives its slot up, and goes on when it has one again', async () => {
  const slots = new OperationSlots(1, 10);
  const waiting = await turnOf(slots);
  const service = pending<string>();
  const answer = waiting.away(() => service.promise);
  const other = await turnOf(slots);
  service.resolve('answer');
  let isBack = false;
  void answer.then(() => void (isBack = true));
  await new Promise(resolve => setImmediate(resolve));
  expect(isBack).toBe(false);
  other.end();
  expect(await answer).toBe('answer');
  expect(await isFree(slots)).toBe(false);
  waiting.end();
  expect(await isFree(slots)).toBe(true);
});

test('it is in turn with the others, and never refused for want of a place to wait', async () => {
  const slots = new OperationSlots(1, 1);
  const first = await turnOf(slots);
  const service = pending();
  const answer = first.away(() => service.promise);
  const second = await turnOf(slots);
  const third = turnOf(slots);
  service.resolve();
  second.end();
  (await third).end();
  await answer;
  first.end();
  expect(await isFree(slots)).toBe(true);
});

test('of several waits at the same time the last brings the slot back, once', async () => {
  const slots = new OperationSlots(1, 10);
  const turn = await turnOf(slots);
  const [one, two] = [pending(), pending()];
  const waits = [turn.away(() => one.promise), turn.away(() => two.promise)];
  one.resolve();
  await waits[0];
  expect(await isFree(slots)).toBe(true);
  two.resolve();
  await waits[1];
  expect(await isFree(slots)).toBe(false);
  // And while it comes back, another wait changes nothing.
  const three = pending();
  const third = turn.away(() => three.promise);
  const other = await turnOf(slots);
  three.resolve();
  await Promise.resolve();
  const fourth = turn.away(async () => {});
  other.end();
  await Promise.all([third, fourth]);
  turn.end();
  expect(await isFree(slots)).toBe(true);
});

test('a wait that fails brings the slot back as well, and an operation that ended meanwhile keeps none', async () => {
  const slots = new OperationSlots(1, 10);
  const turn = await turnOf(slots);
  await expect(turn.away(() => Promise.reject(new Error('down')))).rejects.toThrow('down');
  expect(await isFree(slots)).toBe(false);
  const service = pending();
  const answer = turn.away(() => service.promise);
  turn.end();
  service.resolve();
  await answer;
  expect(await isFree(slots)).toBe(true);
});

test('no more give their slot up than may wait', async () => {
  const slots = new OperationSlots(2, 1);
  const services = [pending(), pending()];
  const turns = [await turnOf(slots), await turnOf(slots)];
  const waits = turns.map((turn, index) => turn.away(() => services[index]!.promise));
  const third = await turnOf(slots);
  expect(await isFree(slots)).toBe(false);
  third.end();
  for (const service of services) service.resolve();
  await Promise.all(waits);
  for (const turn of turns) turn.end();
  // All places are there again.
  const again = await turnOf(slots);
  const service = pending();
  const wait = again.away(() => service.promise);
  expect(await isFree(slots)).toBe(true);
  service.resolve();
  await wait;
});

test('whoever has gone does not come back', async () => {
  const slots = new OperationSlots(1, 10);
  const controller = new AbortController();
  const turn = await turnOf(slots, controller.signal);
  const service = pending();
  const answer = turn.away(() => service.promise);
  const other = await turnOf(slots);
  service.resolve();
  controller.abort(new Error('the caller has gone'));
  await expect(answer).rejects.toThrow('the caller has gone');
  turn.end();
  other.end();
  expect(await isFree(slots)).toBe(true);
});

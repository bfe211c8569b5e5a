import { expect, test } from 'vitest';
import {
  OperationSlots,
  OperationSlot,
  type OperationCaller,
} from '../../../../src/graphql/limits/operation-slots.js';

/** A promise, and how to end it. */
function pending<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>(settle => void (resolve = settle));
  return { promise, resolve };
}

function callerOf(name: string, tenant = name): OperationCaller {
  return { name, tenant };
}

async function turnOf(
  slots: OperationSlots,
  signal = new AbortController().signal,
  caller = callerOf('caller'),
): Promise<OperationSlot> {
  const turn = new OperationSlot(slots, caller, signal);
  await turn.acquire();
  return turn;
}

/** Whether an operation gets a slot at once; it gives it back. */
async function isFree(slots: OperationSlots): Promise<boolean> {
  const turn = new OperationSlot(
    slots,
    callerOf('another caller'),
    AbortSignal.abort(new Error('would have to wait')),
  );
  return turn.acquire().then(
    () => (turn.release(), true),
    () => false,
  );
}

test('an operation gives its slot up while it waits for a service, then goes on', async () => {
  const slots = new OperationSlots(1, 10);
  const waiting = await turnOf(slots);
  const service = pending<string>();
  const answer = waiting.releaseDuring(() => service.promise);
  const other = await turnOf(slots);
  service.resolve('answer');
  let isBack = false;
  void answer.then(() => void (isBack = true));
  await new Promise(resolve => setImmediate(resolve));
  expect(isBack).toBe(false);
  other.release();
  expect(await answer).toBe('answer');
  expect(await isFree(slots)).toBe(false);
  waiting.release();
  expect(await isFree(slots)).toBe(true);
});

test('its other fields wait meanwhile, before they send a statement', async () => {
  const slots = new OperationSlots(1, 10);
  const turn = await turnOf(slots);
  expect(turn.untilReacquired()).toBeUndefined();
  const service = pending();
  const answer = turn.releaseDuring(() => service.promise);
  const other = await turnOf(slots);
  let mayGoOn = false;
  const field = turn.untilReacquired()!.then(() => void (mayGoOn = true));
  service.resolve();
  await new Promise(resolve => setImmediate(resolve));
  expect(mayGoOn).toBe(false);
  other.release();
  await Promise.all([answer, field]);
  expect(turn.untilReacquired()).toBeUndefined();
  // Nor for ever, where the operation ends first: then there is no slot to send it with.
  const wait = turn.releaseDuring(() => new Promise(() => {}));
  const left = turn.untilReacquired()!;
  turn.release();
  await expect(left).rejects.toThrow('The operation has ended.');
  void wait;
});

test('who comes back takes turns with the others, and newcomers alone are refused', async () => {
  const slots = new OperationSlots(1, 2);
  const services = [pending(), pending()];
  const aside = [await turnOf(slots)];
  const answers = [aside[0]!.releaseDuring(() => services[0]!.promise)];
  aside.push(await turnOf(slots));
  answers.push(aside[1]!.releaseDuring(() => services[1]!.promise));
  const running = new OperationSlot(
    slots,
    callerOf('another caller'),
    new AbortController().signal,
  );
  await running.acquire();
  for (const service of services) service.resolve();
  await new Promise(resolve => setImmediate(resolve));
  // Both wait for the slot. There are two places to wait beside theirs.
  const newcomers = ['a third caller', 'a third caller', 'a fourth'].map(
    caller => new OperationSlot(slots, callerOf(caller), new AbortController().signal),
  );
  const begun = newcomers.map(turn => turn.acquire());
  await expect(begun[1]).rejects.toThrow('Too many operations are waiting');
  running.release();
  const order: string[] = [];
  const endAfter = (name: string, turn: OperationSlot, begins: Promise<void>): Promise<void> =>
    begins.then(() => (order.push(name), turn.release()));
  await Promise.all([
    ...answers.map((answer, index) => endAfter(`back ${index}`, aside[index]!, answer)),
    endAfter('third', newcomers[0]!, begun[0]!),
    endAfter('fourth', newcomers[2]!, begun[2]!),
  ]);
  expect(order).toEqual(['back 0', 'third', 'fourth', 'back 1']);
  expect(await isFree(slots)).toBe(true);
});

test('an operation that ends while it waits to come back keeps no slot and no place', async () => {
  const slots = new OperationSlots(1, 1);
  // Once while the service is waited for, once while the slot is.
  for (const isAnswered of [false, true]) {
    const turn = await turnOf(slots);
    const service = pending();
    const answer = turn.releaseDuring(() => service.promise);
    const other = await turnOf(slots);
    if (isAnswered) service.resolve();
    await new Promise(resolve => setImmediate(resolve));
    turn.release();
    other.release();
    service.resolve();
    await answer;
    expect(await isFree(slots)).toBe(true);
  }
  // And one that came back keeps no place aside either: there is one, and the next one has it.
  for (let round = 0; round < 2; round += 1) {
    const turn = await turnOf(slots);
    const service = pending();
    const answer = turn.releaseDuring(() => service.promise);
    expect(await isFree(slots)).toBe(true);
    service.resolve();
    await answer;
    turn.release();
  }
});

test('of several waits at the same time the last brings the slot back, once', async () => {
  const slots = new OperationSlots(1, 10);
  const turn = await turnOf(slots);
  const [one, two] = [pending(), pending()];
  const waits = [turn.releaseDuring(() => one.promise), turn.releaseDuring(() => two.promise)];
  one.resolve();
  await waits[0];
  expect(await isFree(slots)).toBe(true);
  two.resolve();
  await waits[1];
  expect(await isFree(slots)).toBe(false);
  // And while it comes back, another wait changes nothing.
  const three = pending();
  const third = turn.releaseDuring(() => three.promise);
  const other = await turnOf(slots);
  three.resolve();
  await Promise.resolve();
  const fourth = turn.releaseDuring(async () => {});
  other.release();
  await Promise.all([third, fourth]);
  turn.release();
  expect(await isFree(slots)).toBe(true);
});

test('a wait that fails brings the slot back, but not for an operation that ended', async () => {
  const slots = new OperationSlots(1, 10);
  const turn = await turnOf(slots);
  await expect(turn.releaseDuring(() => Promise.reject(new Error('down')))).rejects.toThrow('down');
  expect(await isFree(slots)).toBe(false);
  const service = pending();
  const answer = turn.releaseDuring(() => service.promise);
  turn.release();
  service.resolve();
  await answer;
  expect(await isFree(slots)).toBe(true);
});

test('no more give their slot up than may wait', async () => {
  const slots = new OperationSlots(2, 1);
  const services = [pending(), pending()];
  const turns = [await turnOf(slots), await turnOf(slots, undefined, callerOf('another'))];
  const waits = turns.map((turn, index) => turn.releaseDuring(() => services[index]!.promise));
  const third = await turnOf(slots);
  expect(await isFree(slots)).toBe(false);
  third.release();
  for (const service of services) service.resolve();
  await Promise.all(waits);
  for (const turn of turns) turn.release();
  // All places are there again.
  const again = await turnOf(slots);
  const service = pending();
  const wait = again.releaseDuring(() => service.promise);
  expect(await isFree(slots)).toBe(true);
  service.resolve();
  await wait;
});

test('whoever has gone does not come back', async () => {
  const slots = new OperationSlots(1, 10);
  const controller = new AbortController();
  const turn = await turnOf(slots, controller.signal);
  const service = pending();
  const answer = turn.releaseDuring(() => service.promise);
  const other = await turnOf(slots);
  service.resolve();
  controller.abort(new Error('the caller has gone'));
  await expect(answer).rejects.toThrow('the caller has gone');
  turn.release();
  other.release();
  expect(await isFree(slots)).toBe(true);
});

test('a tenant with all its callers gets a slot only while more are free than it has', async () => {
  const slots = new OperationSlots(8, 10);
  const never = new AbortController();
  const begun: string[] = [];
  const begin = async (name: string, tenant: string): Promise<OperationSlot> => {
    const turn = new OperationSlot(slots, callerOf(name, tenant), never.signal);
    await turn.acquire();
    begun.push(name);
    return turn;
  };
  const many = Array.from({ length: 6 }, (_, n) => begin(`A${n}`, 'A'));
  for (const name of ['B', 'B', 'C']) await begin(name, name);
  expect(begun).toEqual(['A0', 'A1', 'A2', 'A3', 'B', 'B', 'C']);
  // What one of its own gives back is the next one's of its own.
  (await many[0]!).release();
  expect(
    await Promise.race([
      many[4]!.then(() => 'begun'),
      new Promise(resolve => setImmediate(resolve, 'waits')),
    ]),
  ).toBe('waits');
  (await many[1]!).release();
  await many[4];
  expect(begun.at(-1)).toBe('A4');
});

import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  ConnectionScheduler,
  type ConnectionPermit,
} from '../../../src/db/connection-scheduler.js';
import {
  GATEWAY_SCOPE,
  OPERATOR_SCOPE,
  tenantScope,
  type DatabaseScope,
} from '../../../src/db/database-scope.js';

const [A, B, C, D] = ['a', 'b', 'c', 'd'].map(letter =>
  tenantScope(`00000000-0000-4000-8000-00000000000${letter}`),
) as [DatabaseScope, DatabaseScope, DatabaseScope, DatabaseScope];

/** A request for a connection, and whether it has one. */
class Asked {
  turn: ConnectionPermit | undefined;
  error: unknown;

  constructor(turn: Promise<ConnectionPermit>) {
    turn.then(
      given => (this.turn = given),
      error => (this.error = error),
    );
  }

  end(): void {
    this.turn!.end();
    this.turn = undefined;
  }
}

/** So many requests of a scope, and the number of them that have a connection. */
async function ask(
  turns: ConnectionScheduler,
  scope: DatabaseScope,
  times = 1,
  kind: 'read' | 'write' = 'read',
  signal?: AbortSignal,
): Promise<Asked[]> {
  const asked = Array.from(
    { length: times },
    () => new Asked(turns[kind](scope, signal ?? new AbortController().signal)),
  );
  await nextTurn();
  return asked;
}

/**
 * Notes in `order` when a scope has its connection, which it gives back in the next turn of the
 * event loop.
 */
async function note(
  turns: ConnectionScheduler,
  scope: DatabaseScope,
  name: string,
  order: string[],
): Promise<void> {
  const turn = await turns.read(scope);
  order.push(name);
  setImmediate(() => turn.end());
}

const having = (asked: readonly Asked[]): number => asked.filter(({ turn }) => turn).length;

describe('connections', () => {
  test.each([
    [10, 4],
    [5, 2],
    [4, 2],
    [3, 1],
    [2, 1],
    [1, 1],
  ])('of %i, a tenant that asks for all has %i', async (connections, most) => {
    expect(having(await ask(new ConnectionScheduler({ connections }), A, 40))).toBe(most);
  });

  test('that a tenant leaves are for others, and some for the gateway alone', async () => {
    const turns = new ConnectionScheduler({ connections: 10 });
    const had: number[] = [];
    for (const scope of [A, B, C, D, OPERATOR_SCOPE]) had.push(having(await ask(turns, scope, 40)));
    expect(had).toEqual([4, 2, 1, 1, 0]);
    const own = await ask(turns, GATEWAY_SCOPE, 3);
    expect(having(own)).toBe(2);
    own[0]!.end();
    await nextTurn();
    expect(having(own)).toBe(2);
  });

  test('go round among the tenants that wait', async () => {
    const turns = new ConnectionScheduler({ connections: 1 });
    const [first] = await ask(turns, D);
    const order: string[] = [];
    for (const [scope, name] of [
      [A, 'A'],
      [A, 'A'],
      [A, 'A'],
      [B, 'B'],
      [B, 'B'],
      [C, 'C'],
    ] as const) {
      void note(turns, scope, name, order);
    }
    first!.end();
    while (order.length < 6) await nextTurn();
    expect(order.join('')).toBe('ABCABA');
  });

  test('go to the gateway first, though not for ever', async () => {
    const turns = new ConnectionScheduler({ connections: 1 });
    const [first] = await ask(turns, D);
    const order: string[] = [];
    for (const [scope, name, times] of [
      [A, 'A', 2],
      [GATEWAY_SCOPE, 'G', 150],
    ] as const) {
      for (let n = 0; n < times; n += 1) void note(turns, scope, name, order);
    }
    first!.end();
    while (order.length < 152) await nextTurn();
    expect([order.indexOf('A'), order.lastIndexOf('A')]).toEqual([100, 151]);
  });

  test('are given back by who has gone, before their turn and among those that write', async () => {
    const turns = new ConnectionScheduler({ connections: 1 });
    const [first] = await ask(turns, A, 1, 'write');
    const gone = new AbortController();
    const left = [
      ...(await ask(turns, A, 2, 'write', gone.signal)),
      ...(await ask(turns, B, 2, 'read', gone.signal)),
      ...(await ask(turns, B, 2, 'write', gone.signal)),
    ];
    const [later] = await ask(turns, A, 1, 'write');
    gone.abort(new Error('gone'));
    await nextTurn();
    expect(left.map(({ error }) => (error as Error).message)).toEqual(Array(6).fill('gone'));
    first!.end();
    await nextTurn();
    expect(later!.turn).toBeDefined();
    later!.end();
    expect(having(await ask(turns, B, 1, 'write'))).toBe(1);
  });
});

describe('a look-up', () => {
  test('keeps its connection for whom it found, as far as that tenant may have one', async () => {
    const turns = new ConnectionScheduler({ connections: 10 });
    const own = await ask(turns, GATEWAY_SCOPE, 5);
    expect(own.map(({ turn }) => turn!.transferTo(A))).toEqual([true, true, true, true, false]);
    expect(own[4]!.turn!.transferTo(B)).toBe(true);
    for (const one of own) one.end();
    // All of them are there again.
    expect(having(await ask(turns, A, 40))).toBe(4);
    expect(having(await ask(turns, GATEWAY_SCOPE, 40))).toBe(5);
  });

  test.each([1, 2])(
    'gives up the last of %i connections where others would wait for all looked up before',
    async connections => {
      const turns = new ConnectionScheduler({ connections });
      if (connections === 2) await ask(turns, B);
      const own = await ask(turns, GATEWAY_SCOPE, 2);
      expect(having(own)).toBe(1);
      expect(own[0]!.turn!.transferTo(A)).toBe(false);
      own[0]!.end();
      await nextTurn();
      expect(own[1]!.turn!.transferTo(A)).toBe(true);
    },
  );
});

describe('writes', () => {
  test.each([
    [undefined, 3],
    [1, 1],
    [50, 4],
  ])(
    'of one tenant, limited to %s of ten connections, run %i at a time beside its reads',
    async (concurrentWrites, most) => {
      const turns = new ConnectionScheduler({ connections: 10, concurrentWrites });
      const writes = await ask(turns, A, 40, 'write');
      expect(having(writes)).toBe(most);
      expect(having(await ask(turns, A, 40))).toBe(4 - most);
      writes.find(({ turn }) => turn)!.end();
      await nextTurn();
      expect(having(writes) + having(await ask(turns, B, 1, 'write'))).toBeGreaterThanOrEqual(most);
    },
  );

  test('of the gateway itself are not limited like those', async () => {
    const turns = new ConnectionScheduler({ connections: 10, concurrentWrites: 1 });
    expect(having(await ask(turns, GATEWAY_SCOPE, 40, 'write'))).toBe(5);
    expect(having(await ask(turns, OPERATOR_SCOPE, 40, 'write'))).toBe(1);
  });
});

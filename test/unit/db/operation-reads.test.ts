import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { OPERATOR_SCOPE, tenantScope } from '../../../src/db/database-scope.js';
import type { ScheduledRead, ReadScheduler } from '../../../src/db/connection-scheduler.js';
import { OperationReads } from '../../../src/db/operation-reads.js';
import { statement, type Row } from '../../../src/db/statement.js';

const TENANT = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10';
const ASK = statement('ask', 'select 1');
const SCOPE = { ...tenantScope(TENANT), tenantId: TENANT };

/**
 * Connections that note what happens to them. A statement answers when its parameter, a promise,
 * does.
 */
class NotedConnections implements ReadScheduler {
  readonly events: string[] = [];
  failing: Error | undefined;
  /** Whether a connection may be kept by whoever reads on. */
  passes = true;
  #begun = 0;

  async begin(): Promise<ScheduledRead> {
    const n = ++this.#begun;
    this.events.push(`begin ${n}`);
    if (this.failing) throw this.failing;
    return {
      transferTo: () => this.passes,
      enter: async scope => {
        this.events.push(`enter ${scope.role} ${n}`);
        if (this.failing) throw this.failing;
      },
      query: async (_, [answer]) => {
        this.events.push(`query ${n}`);
        const rows = (await answer) as Row[];
        return { read: () => rows };
      },
      end: async () => void this.events.push(`end ${n}`),
    };
  }
}

function open(): {
  connections: NotedConnections;
  scope: OperationReads;
  ask(answer?: unknown): Promise<Row[]>;
} {
  const connections = new NotedConnections();
  const scope = new OperationReads(SCOPE, connections, () => {});
  return { connections, scope, ask: (answer = []) => scope.query(ASK, [answer]) };
}

const nextTurn = (): Promise<void> => sleep(5);

describe('ReadScope', () => {
  test('begins nothing before the first statement', async () => {
    const { connections } = open();
    await nextTurn();
    expect(connections.events).toEqual([]);
  });

  test('asks all statements in one transaction, and ends it when nothing more comes', async () => {
    const { connections, ask } = open();
    await Promise.all([ask(), ask()]);
    await ask();
    await Promise.resolve().then(() => ask());
    expect(connections.events).toEqual(['begin 1', 'query 1', 'query 1', 'query 1', 'query 1']);
    await nextTurn();
    expect(connections.events.slice(5)).toEqual(['end 1']);
  });

  test('waits until it may before a statement, and holds no transaction meanwhile', async () => {
    const connections = new NotedConnections();
    let ready: PromiseWithResolvers<void> | undefined;
    const scope = new OperationReads(SCOPE, connections, () => {}, {
      statementMs: 1_000,
      lockMs: 1_000,
      signal: new AbortController().signal,
      untilReady: () => ready?.promise,
    });
    await scope.query(ASK, [[]]);
    ready = Promise.withResolvers();
    const asked = Promise.all([scope.query(ASK, [[]]), scope.query(ASK, [[]])]);
    await nextTurn();
    expect(connections.events).toEqual(['begin 1', 'query 1', 'end 1']);
    ready.resolve();
    await asked;
    expect(connections.events.slice(3)).toEqual(['begin 2', 'query 2', 'query 2']);
    ready = Promise.withResolvers();
    const refused = scope.query(ASK, [[]]);
    ready.reject(new Error('no slot to be had'));
    await expect(refused).rejects.toThrow('no slot to be had');
  });

  test('begins another after a pause, and ends each exactly once', async () => {
    const { connections, ask } = open();
    await ask();
    await nextTurn();
    await ask();
    await nextTurn();
    await nextTurn();
    expect(connections.events).toEqual([
      'begin 1',
      'query 1',
      'end 1',
      'begin 2',
      'query 2',
      'end 2',
    ]);
  });

  test('does not end a transaction that still has something to answer', async () => {
    const { connections, ask } = open();
    const slow = ask(sleep(30, []));
    await ask();
    await nextTurn();
    await ask();
    expect(connections.events).toEqual(['begin 1', 'query 1', 'query 1', 'query 1']);
    await slow;
    await nextTurn();
    expect(connections.events.at(-1)).toBe('end 1');
  });

  test('leaves a transaction where a statement failed, and ends it after all answers', async () => {
    const { connections, ask } = open();
    const slow = ask(sleep(30, []));
    await expect(ask(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await ask();
    await nextTurn();
    expect(connections.events).toEqual([
      'begin 1',
      'query 1',
      'query 1',
      'begin 2',
      'query 2',
      'end 2',
    ]);
    await slow;
    await nextTurn();
    expect(connections.events.at(-1)).toBe('end 1');
  });

  test('tells everyone that it cannot begin, ends nothing, and tries again next time', async () => {
    const { connections, ask } = open();
    connections.failing = new Error('no connection');
    const answers = await Promise.allSettled([ask(), ask()]);
    expect(answers).toMatchObject([
      { reason: connections.failing },
      { reason: connections.failing },
    ]);
    await nextTurn();
    connections.failing = undefined;
    await ask();
    await nextTurn();
    expect(connections.events).toEqual(['begin 1', 'begin 2', 'query 2', 'end 2']);
  });

  test('gives its connection back even where whoever counts statements fails', async () => {
    const connections = new NotedConnections();
    const scope = new OperationReads(SCOPE, connections, () => {
      throw new Error('cannot count');
    });
    await expect(scope.query(ASK, [[]])).rejects.toThrow('cannot count');
    await nextTurn();
    expect(connections.events).toEqual(['begin 1', 'end 1']);
  });

  describe('continueAs', () => {
    test('goes on in the open transaction, in the other scope, and ends it once', async () => {
      const { connections, scope, ask } = open();
      await ask();
      const operator = scope.continueAs(OPERATOR_SCOPE);
      await operator.query(ASK, [[]]);
      await operator.query(ASK, [[]]);
      await nextTurn();
      expect(connections.events).toEqual([
        'begin 1',
        'query 1',
        'enter weaver_operator 1',
        'query 1',
        'query 1',
        'end 1',
      ]);
      expect(operator.tenantId).toBeUndefined();
    });

    test('begins its own where none was begun, or where the last one ended or failed', async () => {
      const fresh = open();
      await fresh.scope.continueAs(OPERATOR_SCOPE).query(ASK, [[]]);
      expect(fresh.connections.events).toEqual(['begin 1', 'query 1']);

      const ended = open();
      await ended.ask();
      const later = ended.scope.continueAs(OPERATOR_SCOPE);
      await nextTurn();
      await later.query(ASK, [[]]);
      expect(ended.connections.events).toEqual([
        'begin 1',
        'query 1',
        'end 1',
        'begin 2',
        'query 2',
      ]);

      const failed = open();
      await expect(failed.ask(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
      await failed.scope.continueAs(OPERATOR_SCOPE).query(ASK, [[]]);
      expect(failed.connections.events).toEqual(['begin 1', 'query 1', 'begin 2', 'query 2']);
    });

    test('ends the transaction whose connection it may not keep, before it waits', async () => {
      const { connections, scope, ask } = open();
      await ask();
      connections.passes = false;
      const operator = scope.continueAs(OPERATOR_SCOPE);
      await Promise.all([operator.query(ASK, [[]]), operator.query(ASK, [[]])]);
      await nextTurn();
      expect(connections.events).toEqual([
        'begin 1',
        'query 1',
        'end 1',
        'begin 2',
        'query 2',
        'query 2',
        'end 2',
      ]);
    });

    test('ends the transaction when it cannot enter the other scope, and asks none', async () => {
      const { connections, scope, ask } = open();
      await ask();
      connections.failing = new Error('no such role');
      const operator = scope.continueAs(OPERATOR_SCOPE);
      expect(
        await Promise.allSettled([operator.query(ASK, [[]]), operator.query(ASK, [[]])]),
      ).toMatchObject([{ reason: connections.failing }, { reason: connections.failing }]);
      await nextTurn();
      expect(connections.events).toEqual([
        'begin 1',
        'query 1',
        'enter weaver_operator 1',
        'end 1',
      ]);
    });

    describe('before it is known whose they are', () => {
      const bounds = (confirmed: Promise<void>) => ({
        statementMs: 1_000,
        lockMs: 1_000,
        signal: new AbortController().signal,
        confirmed,
      });

      /** A look-up that is under way, and reads that continue it. */
      function guess() {
        const { connections, scope } = open();
        const [found, confirmation] = [
          Promise.withResolvers<Row[]>(),
          Promise.withResolvers<void>(),
        ];
        const lookUp = scope.queryAndEnter(ASK, [found.promise], SCOPE.tenantId);
        const early = scope.continueAs(SCOPE, bounds(confirmation.promise));
        return { connections, found, confirmation, lookUp, early };
      }

      test('is sent behind the look-up, and gives nothing until that is known', async () => {
        const { connections, found, confirmation, lookUp, early } = guess();
        let rows: Row[] | undefined;
        // Answers come in the order of the statements.
        const answer = found.promise.then(() => [{ n: 1 }]);
        const read = early.query(ASK, [answer]).then(all => (rows = all));
        await nextTurn();
        expect(connections.events).toEqual(['begin 1', 'query 1', 'query 1']);
        expect(rows).toBeUndefined();
        found.resolve([]);
        await lookUp;
        expect(rows).toBeUndefined();
        confirmation.resolve();
        expect(await read).toEqual([{ n: 1 }]);
        await nextTurn();
      });

      test('reads on in the same transaction', async () => {
        const { connections, found, confirmation, lookUp, early } = guess();
        const read = early.query(ASK, [[]]);
        found.resolve([]);
        await lookUp;
        confirmation.resolve();
        await read;
        await early.query(ASK, [[]]);
        await nextTurn();
        expect(connections.events).toEqual(['begin 1', ...Array(3).fill('query 1'), 'end 1']);
      });

      test('reads again what its transaction read, where that has ended meanwhile', async () => {
        const { connections, found, confirmation, lookUp, early } = guess();
        const read = early.query(ASK, [[{ n: 1 }]]);
        found.resolve([]);
        await lookUp;
        await nextTurn();
        expect(connections.events).toEqual(['begin 1', 'query 1', 'query 1', 'end 1']);
        confirmation.resolve();
        expect(await read).toEqual([{ n: 1 }]);
        await early.query(ASK, [[]]);
        await nextTurn();
        expect(connections.events.slice(4)).toEqual(['begin 2', 'query 2', 'query 2', 'end 2']);
      });

      test('is never heard of where it was a wrong guess, and holds no connection', async () => {
        const { connections, found, lookUp, early } = guess();
        let isHeardOf = false;
        for (const answer of [[], Promise.reject(new Error('broken'))])
          early.query(ASK, [answer]).finally(() => (isHeardOf = true));
        found.resolve([]);
        await lookUp;
        await nextTurn();
        expect(connections.events.at(-1)).toBe('end 1');
        expect(isHeardOf).toBe(false);
      });

      test('waits for the look-up where its connection may not be kept', async () => {
        const { connections, found, confirmation, lookUp, early } = guess();
        connections.passes = false;
        const read = early.query(ASK, [[]]);
        await nextTurn();
        expect(connections.events).toEqual(['begin 1', 'query 1']);
        found.resolve([]);
        await lookUp;
        confirmation.resolve();
        await read;
        await nextTurn();
        expect(connections.events.slice(2)).toEqual(['end 1', 'begin 2', 'query 2', 'end 2']);
      });
    });

    test('does not take a transaction that still has something to answer', async () => {
      const { connections, scope, ask } = open();
      const slow = ask(sleep(20, []));
      await scope.continueAs(OPERATOR_SCOPE).query(ASK, [[]]);
      await slow;
      await nextTurn();
      expect(connections.events).toEqual([
        'begin 1',
        'begin 2',
        'query 1',
        'query 2',
        'end 2',
        'end 1',
      ]);
    });
  });

  test('names the tenant to filter by, and none for the operator', () => {
    expect(open().scope.tenantId).toBe('0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10');
    expect(
      new OperationReads(OPERATOR_SCOPE, new NotedConnections(), () => {}).tenantId,
    ).toBeUndefined();
  });
});

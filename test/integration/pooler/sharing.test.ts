import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../../src/db/database.js';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { statement } from '../../../src/db/statement.js';
import { ENTITIES } from '../../../src/entities.js';
import { weaver } from '../../support/command.js';
import { Crowd } from '../../support/crowd.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { until } from '../../support/row-locks.js';
import { joinPatterns } from '../../support/join-patterns.js';
import { sessionStates, poolOf } from '../../support/session-state.js';
import { hasPooler, startPooler, type Pooler } from '../../support/pooler.js';
import { postgresAt } from '../../support/postgres-at.js';

/** Other than what a scope sets, so that what it leaves behind would show. */
const SETTINGS = { timezone: 'Asia/Tokyo', statement_timeout: '71s' };

describe.runIf(hasPooler)(
  'a pooler in transaction mode, with fewer connections to the server than the gateway has to it',
  () => {
    let pooler: Pooler;
    let gateway: TestGateway;
    let crowd: Crowd;

    beforeAll(async () => {
      pooler = await startPooler(2);
      gateway = await startTestGateway({ poolSize: 3, pooler, settings: SETTINGS });
      crowd = await Crowd.gather(gateway, 37);
    });
    afterAll(async () => {
      await gateway?.close();
      await pooler?.close();
    });

    test('gives 300 operations at once all of their own tenant, and nothing else', async () => {
      await crowd.ask(300);
      await crowd.ask(300);
    });

    test('has its connections free afterwards, and hands on nothing of their use', async () => {
      const pool = await poolOf(gateway.db.database);
      const states = (): Promise<{ state: string }[]> =>
        gateway.db.asSuperuser(
          "select state from pg_stat_activity where application_name = 'weaver' " +
            'and datname = current_database()',
        );
      await until(async () => (await states()).every(({ state }) => state === 'idle'));
      expect(await states()).toHaveLength(pooler.size);
      expect({ idle: pool.idleCount, waiting: pool.waitingCount }).toEqual({ idle: 3, waiting: 0 });
      const connections = await sessionStates(pool, pooler.size);
      expect(new Set(connections.map(({ pid }) => pid)).size).toBe(pooler.size);
      for (const { left } of connections) expect(left).toEqual({});
    });
  },
);

describe.runIf(hasPooler)('two gateways behind a pooler with one connection to the server', () => {
  let pooler: Pooler;
  let db: TestDatabase;
  let other: Database;

  beforeAll(async () => {
    pooler = await startPooler(1);
    db = await openTestDatabase({ pooler, poolSize: 1 });
    const url = db.urls!.login;
    other = await Database.open(
      postgresAt(url, { ownerUrl: db.urls!.admin, pooler: 'transaction', poolSize: 1 }),
      ENTITIES,
    );
  });
  afterAll(async () => {
    await other?.close();
    await db?.close();
    await pooler?.close();
  });

  test('have it in turn, however much one of them has to ask', async () => {
    const asks = statement('asks', 'select 1');
    const flood = { asked: 0, goesOn: true };
    const keepAsking = async (): Promise<void> => {
      while (flood.goesOn && flood.asked < 2_000) {
        flood.asked += 1;
        await db.database.reads(OPERATOR_SCOPE).query(asks, []);
      }
    };
    const busy = Promise.all(Array.from({ length: 10 }, keepAsking));
    await other.reads(OPERATOR_SCOPE).query(asks, []);
    flood.goesOn = false;
    await busy;
    expect(flood.asked).toBeLessThan(200);
  });

  test('are told of it by the doctor, unless they say that they know', async () => {
    const env = { DATABASE_URL: db.urls!.login, WEAVER_MIGRATION_URL: db.urls!.admin };
    const told = await weaver({ ...env, DATABASE_POOLER: 'transaction' }, ['db', 'doctor']);
    expect(told).toMatchObject({ code: 0, out: expect.not.stringContaining('pooler') });
    expect((await weaver(env, ['db', 'doctor'])).out).toMatch(
      joinPatterns(
        /^warn +DATABASE_URL leads to a pooler in transaction mode.*\n +→ Set /m,
        /DATABASE_POOLER=transaction\.$/,
      ),
    );
    expect(
      (await weaver({ ...env, DATABASE_URL: db.urls!.admin }, ['db', 'doctor'])).out,
    ).not.toContain('pooler');
  });
});

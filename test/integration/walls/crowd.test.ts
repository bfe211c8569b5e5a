import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Crowd } from '../../support/crowd.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { until } from '../../support/row-locks.js';
import { sessionStates, embeddedSessionState, poolOf } from '../../support/session-state.js';

const onPostgres = inject('template').kind === 'postgres';
const CONNECTIONS = 3;
const sessions = onPostgres ? `${CONNECTIONS} connections` : 'one session';

/** Six hundred operations over one session of a busy machine. */
const TIMEOUT = { timeout: 300_000 };

describe('three hundred operations of many tenants at once', TIMEOUT, () => {
  let gateway: TestGateway;
  let crowd: Crowd;

  beforeAll(async () => {
    gateway = await startTestGateway({ poolSize: CONNECTIONS });
    crowd = await Crowd.gather(gateway, 37);
  });
  afterAll(() => gateway?.close());

  test(`are answered over ${sessions}, each with all of its own tenant and no more`, async () => {
    await crowd.ask(300);
    // Statements have names by now, and connections have been everybody's.
    await crowd.ask(300);
  });

  test.runIf(onPostgres)(
    'leave all connections free, outside of any transaction, and as they were',
    async () => {
      const pool = await poolOf(gateway.db.database);
      // The last commit may be held back for a moment, to travel with what follows.
      await until(
        async () =>
          (
            await gateway.db.asSuperuser(
              "select from pg_stat_activity where application_name = 'weaver' " +
                "and datname = current_database() and state = 'idle'",
            )
          ).length === CONNECTIONS,
      );
      expect({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }).toEqual({
        total: CONNECTIONS,
        idle: CONNECTIONS,
        waiting: 0,
      });
      const connections = await sessionStates(pool, CONNECTIONS);
      expect(new Set(connections.map(({ pid }) => pid)).size).toBe(CONNECTIONS);
      // Prepared statements stay on purpose: they hold no values.
      for (const {
        left: { prepared, ...left },
      } of connections)
        expect({ left, prepared }).toEqual({ left: {}, prepared: expect.any(Array) });
    },
  );

  test.skipIf(onPostgres)('leave the session as it was', async () => {
    const [session] = await embeddedSessionState(sql => gateway.db.asSuperuser(sql));
    expect(session!.left).toEqual({});
  });
});

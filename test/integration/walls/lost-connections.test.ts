import { setTimeout as sleep } from 'node:timers/promises';
import { Client as PostgresClient } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { startGateway, type Gateway } from '../../../src/app.js';
import { Database } from '../../../src/db/database.js';
import { tenantScope } from '../../../src/db/database-scope.js';
import { ENTITIES } from '../../../src/entities.js';
import { Client } from '../../support/client.js';
import { CuttableProxy } from '../../support/cuttable-proxy.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { OPERATOR_TOKEN, testConfig } from '../../support/config.js';
import { collectLog } from '../../support/log-lines.js';
import { poolOf } from '../../support/session-state.js';
import { World, type TenantWorld } from '../../support/world.js';
import { postgresAt } from '../../support/postgres-at.js';

const UNAVAILABLE = {
  status: 503,
  data: undefined,
  errors: [
    {
      message: expect.stringContaining('Try again'),
      extensions: { code: 'UNAVAILABLE', requestId: expect.any(String), retryAfterMs: 1000 },
    },
  ],
};

describe.runIf(inject('template').kind === 'postgres')('a gateway that loses PostgreSQL', () => {
  let db: TestDatabase;
  let proxy: CuttableProxy;
  let database: Database;
  let gateway: Gateway;
  let tenant: TenantWorld;
  let client: Client;
  let operator: Client;
  const log = collectLog();
  /**
   * What would end the process: an error event without a listener, or a rejection that nobody
   * handles.
   */
  const fatal: unknown[] = [];
  const note = (reason: unknown): void => void fatal.push(reason);

  beforeAll(async () => {
    process.on('unhandledRejection', note).on('uncaughtException', note);
    db = await openTestDatabase();
    const url = new URL(db.urls!.login);
    proxy = new CuttableProxy({ host: url.hostname, port: Number(url.port || 5432) });
    await proxy.mend();
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    database = await Database.open(postgresAt(url.href, { poolSize: 3 }), ENTITIES);
    gateway = await startGateway({ config: testConfig(), database, log: log.log });
    tenant = await new World(db.database).tenant();
    client = new Client(gateway.url, (await tenant.key()).secret);
    operator = new Client(gateway.url, OPERATOR_TOKEN);
  });
  afterEach(() => {
    if (fatal.length > 0)
      throw new AggregateError(fatal.splice(0), 'This would have ended the process.');
  });
  afterAll(async () => {
    process.off('unhandledRejection', note).off('uncaughtException', note);
    await gateway.close();
    // Waits for every connection: a lost one that nobody gave back would keep it for ever.
    await database.close();
    await proxy.cut();
    await db.close();
  });

  const ready = async (): Promise<number> => (await fetch(`${gateway.url}/health/ready`)).status;
  const bots = '{ bots { totalCount } }';
  const one = { status: 200, data: { bots: { totalCount: 1 } } };

  /**
   * The answers of operations that were waiting in the database when `happening` happened to it.
   */
  async function during(
    happening: () => Promise<unknown>,
    ask: () => Promise<unknown>,
  ): Promise<unknown> {
    const locker = new PostgresClient({ connectionString: db.urls!.admin });
    await locker.connect();
    try {
      await locker.query('begin; lock table bots in access exclusive mode');
      const answer = ask();
      await waiting();
      await happening();
      return await answer;
    } finally {
      await locker.end();
    }
  }

  async function waiting(): Promise<void> {
    for (;;) {
      const [row] = await db.asSuperuser<{ n: number }>(
        'select count(*)::int as n from pg_stat_activity ' +
          "where datname = current_database() and wait_event_type = 'Lock'",
      );
      if (row!.n > 0) return;
      await sleep(10);
    }
  }

  const terminate = (): Promise<unknown> =>
    db.asSuperuser(
      'select pg_terminate_backend(pid) from pg_stat_activity ' +
        'where datname = current_database() and usename = ?',
      [new URL(db.urls!.login).username],
    );

  test('answers 503 when the server ends its connections, and serves what comes next', async () => {
    expect(await client.query(bots)).toMatchObject(one);
    expect(await during(terminate, () => operator.query(bots))).toMatchObject(UNAVAILABLE);
    // Before it has heard of the end of each connection, the next operation may still get one.
    const pool = await poolOf(database);
    await expect.poll(() => pool.totalCount).toBe(0);
    expect(await client.query(bots)).toMatchObject(one);
  });

  test('answers 503 to operations in flight when the network breaks', async () => {
    const answer = during(
      async () => proxy.cut().then(() => proxy.mend()),
      () => operator.query(bots),
    );
    expect(await answer).toMatchObject(UNAVAILABLE);
    expect(await client.query(bots)).toMatchObject(one);
  });

  test('fails more writes in flight than the pool has connections, and writes again', async () => {
    const write = (): Promise<unknown> =>
      database.write('rename', tenantScope(tenant.id), em =>
        em.execute(`update bots set name = 'Renamed'`),
      );
    for (let round = 0; round < 4; round += 1) {
      const failed = await during(terminate, () => write().catch((error: unknown) => error));
      expect(failed).toMatchObject({ code: '57P01' });
    }
    await write();
    expect(await db.asSuperuser(`select name from bots where tenant_id = ?`, [tenant.id])).toEqual([
      { name: 'Renamed' },
    ]);
  });

  test('survives connections that break while they are idle', async () => {
    await Promise.all([client.query(bots), client.query(bots), client.query(bots)]);
    await sleep(20);
    await terminate();
    await sleep(50);
    expect(await client.query(bots)).toMatchObject(one);
  });

  test('answers 503 to everybody while there is no server, and then is ready again', async () => {
    expect(await ready()).toBe(200);
    await proxy.cut();
    expect(await client.query(bots), 'the key cannot be looked up').toMatchObject(UNAVAILABLE);
    expect(await operator.query(bots), 'no field could be answered').toMatchObject(UNAVAILABLE);
    expect(
      await operator.query(
        `{ bots { totalCount } bot(id: "${tenant.id}") { name } node(id: "${tenant.id}") { id } }`,
      ),
    ).toMatchObject({ status: 503, data: undefined });
    expect((await client.query(bots)).headers.get('retry-after')).toBe('1');
    expect(await ready()).toBe(503);
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
    await proxy.mend();
    expect(await ready()).toBe(200);
    expect(await client.query(bots)).toMatchObject(one);
  });

  test('keeps what does not need the database, and says which field does', async () => {
    await proxy.cut();
    expect(
      await operator.query(`{ viewer { kind } bot(id: "${tenant.id}") { name } }`),
    ).toMatchObject({
      status: 200,
      data: { viewer: { kind: 'OPERATOR' }, bot: null },
      errors: [{ path: ['bot'], extensions: { code: 'UNAVAILABLE', retryAfterMs: 1000 } }],
    });
    expect(
      await new Client(gateway.url).query('{ __schema { queryType { name } } }'),
    ).toMatchObject({ status: 200 });
    await proxy.mend();
  });

  test('logs what happened for the operator alone', () => {
    const messages = log.entries().filter(entry => entry.msg === 'Unavailable');
    expect(messages.length).toBeGreaterThan(4);
    expect(JSON.stringify(messages)).toMatch(/ECONNREFUSED/);
    expect(log.lines.join('')).not.toContain(decodeURIComponent(new URL(db.urls!.login).password));
    expect(log.entries().filter(entry => entry.level >= 50)).toEqual([]);
  });
});

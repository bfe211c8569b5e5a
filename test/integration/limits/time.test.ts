import { setTimeout as sleep } from 'node:timers/promises';
import { Client as PostgresClient } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startGateway, type Gateway } from '../../../src/app.js';
import { Client, type Answer } from '../../support/client.js';
import { testConfig } from '../../support/config.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { isKeyLookUp } from '../../support/gateway.js';
import { until } from '../../support/row-locks.js';
import { collectLog } from '../../support/log-lines.js';
import { World, type TenantWorld } from '../../support/world.js';

let db: TestDatabase;
let tenant: TenantWorld;
let bot: string;
let secret: string;
const gateways: Gateway[] = [];

beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await new World(db.database).tenant();
  bot = (await tenant.bot()).id;
  secret = (await tenant.key({ scopes: ['read', 'write', 'search'] })).secret;
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  await db.close();
});

async function start(
  env: Record<string, string>,
): Promise<{ url: string; client: Client; log: ReturnType<typeof collectLog> }> {
  const log = collectLog();
  const gateway = await startGateway({
    config: testConfig(env),
    database: db.database,
    log: log.log,
  });
  gateways.push(gateway);
  return { url: gateway.url, client: new Client(gateway.url, secret), log };
}

const unavailable = (message: RegExp): object => ({
  status: 503,
  data: undefined,
  errors: [
    {
      message: expect.stringMatching(message),
      extensions: { code: 'UNAVAILABLE', retryAfterMs: 1_000, requestId: expect.any(String) },
    },
  ],
});
const BOTS = '{ bots { totalCount } }';
const RENAME = 'mutation ($input: UpdateBotInput!) { updateBot(input: $input) { bot { name } } }';

describe.runIf(inject('template').kind === 'postgres')('on PostgreSQL', () => {
  /** Holds locks of another session while `work` runs. */
  async function holding<T>(lock: string, work: () => Promise<T>): Promise<T> {
    const locker = new PostgresClient({ connectionString: db.urls!.admin });
    await locker.connect();
    try {
      await locker.query(`begin; ${lock}`);
      return await work();
    } finally {
      await locker.end();
    }
  }

  test('a lock is waited for no longer than it may be, in reads and in writes', async () => {
    const { client } = await start({ WEAVER_MAX_LOCK_MS: '50' });
    const read = await holding('lock table bots in access exclusive mode', () =>
      client.query(BOTS),
    );
    expect(read).toMatchObject(unavailable(/Another operation is changing/));
    expect(read.headers.get('retry-after')).toBe('1');
    const write = await holding(`select from bots where id = '${bot}' for update`, () =>
      client.query(RENAME, { input: { id: bot, name: 'Changed' } }),
    );
    expect(write).toMatchObject(unavailable(/Another operation is changing/));
    expect(await db.asSuperuser('select name from bots where id = ?', [bot])).toEqual([
      { name: 'Bot' },
    ]);
    expect(await client.query(BOTS)).toMatchObject({ status: 200 });
  });

  test('a statement is stopped when its time is over, in reads and in writes', async () => {
    const { client } = await start({ WEAVER_MAX_OPERATION_MS: '100' });
    expect(
      await holding('lock table bots in access exclusive mode', () => client.query(BOTS)),
    ).toMatchObject(unavailable(/took longer/));
    expect(
      await holding(`select from bots where id = '${bot}' for update`, () =>
        client.query(RENAME, { input: { id: bot, name: 'Changed' } }),
      ),
    ).toMatchObject(unavailable(/took longer/));
    expect(await db.asSuperuser('select name from bots where id = ?', [bot])).toEqual([
      { name: 'Bot' },
    ]);
    expect(await client.query(BOTS)).toMatchObject({ status: 200 });
  });

  describe('statements that are sent ahead together', () => {
    const fields = Array.from(
      { length: 20 },
      (_, n) =>
        `k${n}: searchChunks(input: {text: "tent", mode: KEYWORD, topK: ${n + 1}}) { ` +
        'hits { score } }',
    ).join(' ');
    const running = (): Promise<unknown[]> =>
      db.asSuperuser(
        'select query from pg_stat_activity where datname = current_database() ' +
          "and pid <> pg_backend_pid() and state = 'active'",
      );

    // Each takes less than its time, and all of them more than is waited for below.
    beforeAll(async () => {
      const document = await (await tenant.bot()).document();
      await document.chunks([{ text: 'A tent for two.', chunkIndex: 0, embedding: null }]);
      await db.asSuperuser(
        'create function slow() returns boolean language plpgsql volatile as $$ begin ' +
          'perform pg_sleep(0.7); return true; end $$',
      );
      await db.asSuperuser(
        'create policy slow on doc_chunks as restrictive for select using ((select slow()))',
      );
    });
    afterAll(async () => {
      await db.asSuperuser('drop policy if exists slow on doc_chunks');
      await db.asSuperuser('drop function if exists slow');
    });

    test('have the time of their operation together, and none runs on', async () => {
      const { client } = await start({ WEAVER_MAX_OPERATION_MS: '1000' });
      expect(await client.query(`{ ${fields} }`)).toMatchObject(
        unavailable(/^The operation took longer than the limit of 1000 ms/),
      );
      await until(async () => (await running()).length === 0);
      expect(await client.query(BOTS)).toMatchObject({ status: 200 });
    });

    test('end when their caller has gone', async () => {
      const { url, log } = await start({});
      const gone = new AbortController();
      const answer = fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        signal: gone.signal,
        body: JSON.stringify({ query: `{ ${fields} }` }),
      });
      await until(async () => (await running()).length > 0);
      gone.abort();
      await answer.catch(() => {});
      await until(() => log.entries().some(({ aborted }) => aborted));
      await until(async () => (await running()).length === 0);
      expect(log.entries().filter(({ level }) => level !== 'info' && level !== 30)).toEqual([]);
    });
  });

  test('nothing of these times stays on the connection', async () => {
    const { client } = await start({ WEAVER_MAX_OPERATION_MS: '12345' });
    await client.query(BOTS);
    const [row] = await db.database.write('look', { role: 'weaver_operator' }, em =>
      em.execute(
        "select current_setting('statement_timeout') as statement, " +
          "current_setting('lock_timeout') as lock",
      ),
    );
    expect(row).toEqual({ statement: '0', lock: '0' });
  });

  test('an operation whose caller has gone asks nothing more, and is not logged', async () => {
    const { url, log } = await start({});
    const asked: string[] = [];
    db.database.onStatement = ({ name }) => void asked.push(name);
    const gone = new AbortController();
    await holding('lock table bots in access exclusive mode', async () => {
      const answer = fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        signal: gone.signal,
        body: JSON.stringify({ query: '{ bots { nodes { documents { nodes { id } } } } }' }),
      });
      while (asked.length < 2) await sleep(5);
      gone.abort();
      await answer.catch(() => {});
      while (!log.entries().some(({ aborted }) => aborted)) await sleep(5);
    });
    await sleep(100);
    db.database.onStatement = () => {};
    expect(asked.filter(name => !isKeyLookUp(name))).toHaveLength(1);
    expect(log.entries().filter(({ level }) => level !== 'info' && level !== 30)).toEqual([]);
  });
});

describe('operations at once', () => {
  /** A gateway in which one operation runs that does not end before `let go` is called. */
  async function busy(
    env: Record<string, string>,
  ): Promise<{ url: string; client: Client; letGo: () => Promise<unknown> }> {
    const { url, client } = await start(env);
    const entered = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const { write } = db.database;
    db.database.write = async (name, ...rest) => {
      if (name === 'updateBot') {
        entered.resolve();
        await held.promise;
      }
      return write.call(db.database, name, ...rest) as never;
    };
    const running = client.query(RENAME, { input: { id: bot, name: 'Bot' } });
    await entered.promise;
    db.database.write = write;
    return { url, client, letGo: () => (held.resolve(), running) };
  }

  test('beyond what may run and what may wait are refused at once; what waits is run', async () => {
    const { client, letGo } = await busy({
      WEAVER_MAX_OPERATIONS_AT_ONCE: '1',
      WEAVER_MAX_OPERATIONS_IN_QUEUE: '2',
    });
    const refused: Answer[] = [];
    const waiting = Array.from({ length: 4 }, () =>
      client.query(BOTS).then(answer => (answer.status === 503 && refused.push(answer), answer)),
    );
    while (refused.length < 2) await sleep(5);
    expect(refused[0]).toMatchObject(unavailable(/Too many operations/));
    expect(refused[0]!.headers.get('retry-after')).toBe('1');
    expect(await letGo()).toMatchObject({ status: 200 });
    expect((await Promise.all(waiting)).map(({ status }) => status).toSorted()).toEqual([
      200, 200, 503, 503,
    ]);
  });

  test('wait in turn by caller: one who sends many keeps nobody waiting', async () => {
    const { url, client, letGo } = await busy({
      WEAVER_MAX_OPERATIONS_AT_ONCE: '1',
      WEAVER_MAX_OPERATIONS_IN_QUEUE: '6',
    });
    const other = new Client(url, (await tenant.key({ scopes: ['read'] })).secret);
    const order: string[] = [];
    const many = Array.from({ length: 6 }, () =>
      client.query(BOTS).then(({ status }) => void order.push(`many ${status}`)),
    );
    await sleep(200);
    const few = other.query(BOTS).then(({ status }) => void order.push(`few ${status}`));
    while (order.length === 0) await sleep(5);
    expect(order).toEqual(['many 503']);
    await letGo();
    await Promise.all([...many, few]);
    expect(order.indexOf('few 200')).toBeLessThanOrEqual(2);
    expect(order.filter(entry => entry === 'many 200')).toHaveLength(5);
  });

  test('that wait too long, or whose caller has gone, give up their place', async () => {
    const { url, client, letGo } = await busy({
      WEAVER_MAX_OPERATIONS_AT_ONCE: '1',
      WEAVER_MAX_OPERATIONS_IN_QUEUE: '1',
      WEAVER_MAX_OPERATION_MS: '400',
    });
    const gone = new AbortController();
    const left = fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
      signal: gone.signal,
      body: JSON.stringify({ query: BOTS }),
    }).catch(() => {});
    await sleep(100);
    gone.abort();
    await left;
    await sleep(50);
    expect(await client.query(BOTS)).toMatchObject(
      unavailable(/took longer than the limit of 400 ms/),
    );
    // The running one is over its time as well: what nobody waits for is not stored.
    expect(await letGo()).toMatchObject({ status: 503 });
    expect(await client.query(BOTS)).toMatchObject({ status: 200 });
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { startGateway, type Gateway } from '../../../src/app.js';
import { newKey } from '../../../src/api-keys/key-format.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client, type Answer } from '../../support/client.js';
import { OPERATOR_TOKEN, testConfig, USER_SECRET } from '../../support/config.js';
import { Database } from '../../../src/db/database.js';
import { ENTITIES } from '../../../src/entities.js';
import { cleanLeases } from '../../../src/rate-limits/lease.js';
import { CuttableProxy } from '../../support/cuttable-proxy.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { isKeyLookUp } from '../../support/gateway.js';
import { tokenFor } from '../../support/identity-provider.js';
import { World, type TenantWorld } from '../../support/world.js';
import { postgresAt } from '../../support/postgres-at.js';

let db: TestDatabase;
let tenant: TenantWorld;
let gateways: Gateway[] = [];

const RATES = {
  WEAVER_MAX_ANONYMOUS_RPM: '25',
  WEAVER_MAX_USER_RPM: '25',
  WEAVER_MAX_FAILED_TOKENS_RPM: '25',
};

async function start(env: Record<string, string> = {}): Promise<Gateway> {
  const gateway = await startGateway({
    config: testConfig({ ...RATES, ...env }),
    database: db.database,
    log: createLogger('silent'),
  });
  gateways.push(gateway);
  return gateway;
}

beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await new World(db.database).tenant();
});
beforeEach(async () => {
  // What is counted in one minute must not end in the next.
  const [{ left } = { left: 0 }] = await db.asSuperuser<{ left: number }>(
    `select (60 - extract(second from clock_timestamp()))::int as left`,
  );
  if (left < 20) await new Promise(resolve => setTimeout(resolve, (left + 1) * 1_000));
  await db.asSuperuser('delete from rate_limits');
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close();
});
afterAll(() => db.close());

const QUERY = '{ viewer { kind } }';
const count = (answers: Answer[], status: number): number =>
  answers.filter(answer => answer.status === status).length;

/** Sends so many requests to each gateway, a few at a time. */
async function flood(clients: Client[], times: number, query = QUERY): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let sent = 0; sent < times; sent += 5)
    answers.push(
      ...(await Promise.all(
        clients.flatMap(client => Array.from({ length: 5 }, () => client.query(query))),
      )),
    );
  return answers;
}

describe('a key', () => {
  test('makes as many requests a minute as it may, whichever gateways serve them', async () => {
    const { secret } = await tenant.key({ rate_limit_rpm: 60 });
    const clients = [await start(), await start()].map(({ url }) => new Client(url, secret));
    const answers = await flood(clients, 60);
    const served = count(answers, 200);
    expect(served).toBeGreaterThanOrEqual(60);
    expect(served).toBeLessThanOrEqual(66);
    expect(count(answers, 429)).toBe(answers.length - served);
  });

  test('is told that it is used up and when to come again, before anything is read', async () => {
    const { secret } = await tenant.key({ rate_limit_rpm: 1 });
    const client = new Client((await start()).url, secret);
    expect(await client.query(QUERY)).toMatchObject({ status: 200 });
    const names: string[] = [];
    db.database.onStatement = ({ name }) => void names.push(name);
    const { status, headers, errors, data } = await client.query('{ this is no document');
    db.database.onStatement = () => {};
    expect([status, data, names.map(isKeyLookUp)]).toEqual([429, undefined, [true]]);
    const { retryAfterMs } = errors![0]!.extensions;
    expect(errors).toMatchObject([
      {
        message: expect.stringContaining('limit of 1 requests a minute'),
        extensions: { code: 'RATE_LIMITED', requestId: headers.get('x-request-id') },
      },
    ]);
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(headers.get('retry-after')).toBe(String(Math.ceil((retryAfterMs as number) / 1_000)));
  });

  test('is served again in the next minute', async () => {
    const { id, secret } = await tenant.key({ rate_limit_rpm: 5 });
    const first = new Client((await start()).url, secret);
    await flood([first], 5);
    expect((await new Client((await start()).url, secret).query(QUERY)).status).toBe(429);
    await db.asSuperuser(
      `update rate_limits set minute = minute - interval '1 minute' where subject = ?`,
      [`key:${id}`],
    );
    expect((await new Client((await start()).url, secret).query(QUERY)).status).toBe(200);
  });

  test('costs no statement of its own for most requests', async () => {
    const { secret } = await tenant.key({ rate_limit_rpm: 1_000 });
    const client = new Client((await start()).url, secret);
    const writes: string[] = [];
    const { write } = db.database;
    db.database.write = function (this: unknown, name: string, ...rest: unknown[]) {
      writes.push(name);
      return (write as Function).call(db.database, name, ...rest);
    } as never;
    try {
      await flood([client], 100);
      expect(writes).toEqual(['takeRateLimit']);
    } finally {
      db.database.write = write;
    }
  });

  test('learns from each answer how it stands', async () => {
    const { secret } = await tenant.key({ rate_limit_rpm: 100 });
    const client = new Client((await start()).url, secret);
    const [{ headers }, second] = [await client.query(QUERY), await client.query(QUERY)];
    expect(headers.get('ratelimit-policy')).toBe('"minute";q=100;w=60');
    expect(headers.get('ratelimit')).toMatch(/^"minute";r=99;t=\d+$/);
    expect(second.headers.get('ratelimit')).toMatch(/^"minute";r=98;t=\d+$/);
  });

  test('does not use up what others have', async () => {
    const [one, other] = [
      await tenant.key({ rate_limit_rpm: 1 }),
      await tenant.key({ rate_limit_rpm: 1 }),
    ];
    const { url } = await start();
    expect((await new Client(url, one.secret).query(QUERY)).status).toBe(200);
    expect((await new Client(url, one.secret).query(QUERY)).status).toBe(429);
    expect((await new Client(url, other.secret).query(QUERY)).status).toBe(200);
  });
});

describe('callers without a key', () => {
  const from = (
    url: string,
    address: string,
    headers: Record<string, string> = {},
  ): Promise<number> =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': address, ...headers },
      body: '{"query":"{ __typename }"}',
    }).then(response => response.status);

  test('have a limit for each address; forwarded ones need a trusted proxy', async () => {
    const [open, behind] = [await start(), await start({ WEAVER_TRUST_PROXY: '127.0.0.1' })];
    const statuses = await Promise.all(
      Array.from({ length: 30 }, (_, nth) => from(open.url, `192.0.2.${nth}`)),
    );
    expect(statuses.filter(status => status === 200)).toHaveLength(25);
    expect(statuses.filter(status => status === 429)).toHaveLength(5);
    for (let nth = 0; nth < 25; nth += 1)
      expect(await from(behind.url, '2001:db8:1:2::a')).toBe(200);
    expect(await from(behind.url, '2001:db8:1:2:ffff::b'), 'the same network').toBe(429);
    expect(await from(behind.url, '2001:db8:1:3::a'), 'another network').toBe(200);
    expect(await from(behind.url, '192.0.2.1'), 'another address').toBe(200);
    expect(
      await from(behind.url, '192.0.2.1, 198.51.100.9'),
      'what the caller says of itself does not count',
    ).toBe(200);
  });

  test('are slowed down after many wrong tokens, which keeps no good token away', async () => {
    const { secret } = await tenant.key();
    const { url } = await start();
    for (let nth = 0; nth < 25; nth += 1)
      expect(await from(url, '', { 'x-api-key': nth % 2 ? 'wrong' : newKey().secret })).toBe(401);
    expect(await from(url, '', { 'x-api-key': newKey().secret })).toBe(429);
    expect(await from(url, '', { 'x-api-key': secret })).toBe(200);
  });

  test('leave nothing behind: no address is stored as it is', async () => {
    await from((await start({ WEAVER_TRUST_PROXY: '127.0.0.1' })).url, '192.0.2.77');
    const rows = await db.asSuperuser<{ subject: string }>('select subject from rate_limits');
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain('192.0.2');
  });
});

test('a user has a limit of requests a minute of their own, whatever their tokens', async () => {
  const { url } = await start();
  const [one, other] = [await tenant.user(), await tenant.user()];
  const signedIn = async (sub: string, claims: object = {}): Promise<Client> =>
    new Client(url, await tokenFor({ secret: USER_SECRET, alg: 'HS256' }, { sub, ...claims }));
  const answers = await flood(
    [await signedIn(one), await signedIn(one, { nonce: 'another token' })],
    15,
  );
  expect([count(answers, 200), count(answers, 429)]).toEqual([25, 5]);
  expect(answers.find(({ status }) => status === 429)!.errors).toMatchObject([
    {
      message: expect.stringContaining('limit of 25 requests a minute'),
      extensions: { code: 'RATE_LIMITED', retryAfterMs: expect.any(Number) },
    },
  ]);
  expect((await (await signedIn(other)).query(QUERY)).status).toBe(200);
  expect((await new Client(url).query('{ __typename }')).status, 'the address has its own').toBe(
    200,
  );
});

describe.runIf(inject('template').kind === 'postgres')('while the database is down', () => {
  let proxy: CuttableProxy;
  let database: Database;
  let gateway: Gateway;

  beforeAll(async () => {
    const url = new URL(db.urls!.login);
    proxy = new CuttableProxy({ host: url.hostname, port: Number(url.port || 5432) });
    await proxy.mend();
    [url.hostname, url.port] = ['127.0.0.1', String(proxy.port)];
    database = await Database.open(postgresAt(url.href, { poolSize: 3 }), ENTITIES);
    gateway = await startGateway({
      config: testConfig(RATES),
      database,
      log: createLogger('silent'),
    });
  });
  afterAll(async () => {
    await gateway.close();
    await database.close();
    await proxy.cut();
  });

  test('keys are UNAVAILABLE while nothing can be leased, and are served afterwards', async () => {
    const client = new Client(gateway.url, (await tenant.key({ rate_limit_rpm: 60 })).secret);
    const { write } = database;
    // The key is found, and then there is nothing to lease from.
    database.write = async (...parameters) => {
      if (parameters[0] === 'takeRateLimit') await proxy.cut();
      return write.apply(database, parameters) as never;
    };
    const answers = await Promise.all([client.query(QUERY), client.query(QUERY)]).finally(
      () => void (database.write = write),
    );
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: 503,
        data: undefined,
        errors: [{ extensions: { code: 'UNAVAILABLE', retryAfterMs: 1_000 } }],
      });
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    expect((await client.query(QUERY)).status, 'nor can the key be looked up').toBe(503);
    await proxy.mend();
    expect((await client.query(QUERY)).status).toBe(200);
  });

  test('callers without a token are counted by the process alone', async () => {
    await proxy.cut();
    const answers = await flood([new Client(gateway.url)], 30, '{ __typename }');
    await proxy.mend();
    expect([count(answers, 200), count(answers, 429)]).toEqual([25, 5]);
  });
});

test('what is over since minutes is removed, and what is not stays', async () => {
  await db.asSuperuser(
    'insert into rate_limits (subject, minute, used, granted) ' +
      "values ('old', now() - interval '6 minutes', 1, 1), ('young', now() - interval '1 " +
      "minute', 1, 1)",
  );
  await cleanLeases(db.database);
  expect(await db.asSuperuser('select subject from rate_limits')).toEqual([{ subject: 'young' }]);
});

test('the operator has no limit', async () => {
  const { url } = await start();
  expect(count(await flood([new Client(url, OPERATOR_TOKEN)], 60), 200)).toBe(60);
  expect(await db.asSuperuser('select subject from rate_limits')).toEqual([]);
});

import type { Socket } from 'node:net';
import type { PoolClient } from 'pg';
import type { PostgreSqlConnection } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { hashOf } from '../../../src/api-keys/key-format.js';
import type { Client } from '../../support/client.js';
import { isKeyLookUp, startTestGateway, type TestGateway } from '../../support/gateway.js';
import { collectLog } from '../../support/log-lines.js';
import type { TenantWorld } from '../../support/world.js';

/**
 * A key's first request says whose it is; the later ones with a known query are read as that
 * tenant's before the key is looked up again.
 */
const QUERY = '{ tenant { id name bots { nodes { name tenant { id } } } } }';
const { log, entries } = collectLog();
let gateway: TestGateway;
let mine: TenantWorld;
let other: TenantWorld;
let secret: string;
let client: Client;

beforeAll(async () => {
  gateway = await startTestGateway({ log });
  [mine, other] = [await gateway.world.tenant(), await gateway.world.tenant()];
  for (const tenant of [mine, other]) await tenant.bot();
});
afterAll(() => gateway.close());
beforeEach(async () => {
  ({ secret } = await mine.key({ rate_limit_rpm: 1_000 }));
  client = gateway.client(secret);
  // So that the text is known, and whose the key is.
  for (let times = 0; times < 2; times += 1) await client.data(QUERY);
});

/** What another process, or an operator by hand, does to the key. */
const change = (set: string): Promise<unknown> =>
  gateway.db.asSuperuser(`update api_keys set ${set} where key_hash = ?`, [hashOf(secret)]);

describe('a key that was used before', () => {
  test.each([
    ['was revoked', 'revoked = true'],
    ['has expired', "expires_at = now() - interval '1 second'"],
  ])('is refused at the next request after it %s', async (_, set) => {
    await change(set);
    for (let times = 0; times < 2; times += 1)
      expect(await client.query(QUERY)).toMatchObject({
        status: 401,
        data: undefined,
        errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
      });
  });

  test('reads as another tenant at the next request after it became that one’s', async () => {
    await change(`tenant_id = '${other.id}'`);
    for (let times = 0; times < 3; times += 1) {
      const { tenant } = await client.data(QUERY);
      expect(tenant.id).toBe(other.id);
      for (const bot of tenant.bots.nodes) expect(bot.tenant.id).toBe(other.id);
      expect(tenant.bots.nodes.length).toBeGreaterThan(0);
    }
  });

  test('may do at the next request what its scopes allow then', async () => {
    await change(`scopes = '{search}'`);
    expect(await client.query(QUERY)).toMatchObject({
      errors: expect.arrayContaining([
        expect.objectContaining({ extensions: expect.objectContaining({ code: 'FORBIDDEN' }) }),
      ]),
    });
    await change(`scopes = '{read}'`);
    expect((await client.data(QUERY)).tenant.id).toBe(mine.id);
    expect((await client.data(QUERY)).tenant.id).toBe(mine.id);
  });

  test('names another tenant in a header in vain', async () => {
    expect(
      await client.post(JSON.stringify({ query: QUERY }), { 'x-tenant-id': other.id }),
    ).toMatchObject({ data: undefined, errors: [{ extensions: { code: 'FORBIDDEN' } }] });
  });

  test('is counted and noted once for each request, however the guess turned out', async () => {
    const remaining = async (): Promise<number> =>
      Number(/;r=(\d+);/.exec((await client.query(QUERY)).headers.get('ratelimit')!)![1]);
    const before = await remaining();
    expect(await remaining()).toBe(before - 1);
    const lines = entries().length;
    const names: string[] = [];
    gateway.db.database.onStatement = ({ name }) => void names.push(name);
    try {
      await change(`scopes = '{read,search}'`);
      expect(await remaining()).toBe(before - 2);
      await change(`tenant_id = '${other.id}'`);
      await client.data(QUERY);
    } finally {
      gateway.db.database.onStatement = () => {};
    }
    expect(names.filter(isKeyLookUp)).toHaveLength(2);
    const noted = entries().slice(lines);
    expect(noted.filter(({ level }) => level >= 40)).toEqual([]);
    expect(noted).toHaveLength(2);
  });

  test('has nothing read for it beyond its rate limit', async () => {
    await change('rate_limit_rpm = 1');
    let answer = await client.query(QUERY);
    while (answer.status !== 429) answer = await client.query(QUERY);
    expect(
      await gateway.statements(async () => expect((await client.query(QUERY)).status).toBe(429)),
    ).toEqual([]);
  });

  test('changes nothing before it is looked up', async () => {
    await change(`scopes = '{read,write}'`);
    const mutation = 'mutation { createBot(input: { name: "early" }) { bot { id } } }';
    for (let times = 0; times < 2; times += 1) await client.data(mutation);
    await change('revoked = true');
    expect((await client.query(mutation)).status).toBe(401);
    const bots = await gateway.db.asSuperuser(`select 1 from bots where name = 'early'`);
    expect(bots).toHaveLength(2);
  });
});

test.skipIf(inject('template').kind !== 'postgres')(
  'the look-up of a key and the first statement are one packet, which the server answers once',
  async () => {
    const connection = gateway.db.database.orm.em.getDriver().getConnection();
    const pool = await (connection as PostgreSqlConnection).getNativeClient();
    let letters = '';
    const listen = (acquired: PoolClient): void => {
      const { stream } = (acquired as unknown as { connection: { stream: Socket } }).connection;
      const write = stream.write;
      stream.write = function (chunk: Buffer, ...rest: never[]) {
        letters += String.fromCharCode(chunk[0]!);
        return write.call(stream, chunk, ...rest);
      } as typeof write;
      pool.once('release', () => (stream.write = write));
    };
    const point = '{ tenant { name } }';
    for (let times = 0; times < 12; times += 1) await client.data(point);
    await new Promise(resolve => setTimeout(resolve, 50));
    pool.once('acquire', listen);
    await client.data(point);
    // `begin`, the settings, the look-up, the statement.
    expect(letters).toBe(`${'BE'.repeat(4)}S`);
  },
);

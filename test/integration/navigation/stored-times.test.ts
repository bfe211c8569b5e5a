import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeyUsage } from '../../../src/api-keys/key-usage.js';
import { createLogger } from '../../../src/observability/logger.js';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

let gateway: TestGateway;
let tenant: TenantWorld;
let client: Client;
let bot: string;
let endless: string;

/** Rows as they may be from before the constraint, which a migration then leaves not valid. */
async function before(table: string, condition: string, write: () => Promise<void>): Promise<void> {
  await gateway.db.asSuperuser(`alter table ${table} drop constraint ${table}_times_rfc3339`);
  await write();
  await gateway.db.asSuperuser(
    `alter table ${table} add constraint ${table}_times_rfc3339 check (${condition}) not valid`,
  );
}

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  client = gateway.client(
    (await tenant.key({ scopes: ['read', 'write', 'search', 'ask', 'admin'] })).secret,
  );
  await before('bots', 'weaver_is_rfc3339(created_at)', async () => {
    bot = (await tenant.bot({ name: 'Ancient', created_at: '0044-03-15 12:00:00+00 BC' })).id;
  });
  await before('api_keys', 'weaver_is_rfc3339(expires_at)', async () => {
    ({ id: endless } = await tenant.key({ name: 'Endless', expires_at: 'infinity' }));
  });
});
afterAll(() => gateway.close());

describe('a row with a time that RFC 3339 cannot write', () => {
  test('is answered with an error at the field, never with another time', async () => {
    const { data, errors } = await client.query(
      `{ node(id: "${endless}") { ... on ApiKey { name expiresAt } } }`,
    );
    expect(data).toEqual({ node: { name: 'Endless', expiresAt: null } });
    expect(errors).toMatchObject([
      {
        path: ['node', 'expiresAt'],
        extensions: { code: 'INTERNAL_SERVER_ERROR' },
        message: expect.stringContaining('contains the time "infinity" here'),
      },
    ]);
    const other = await client.query(`{ bot(id: "${bot}") { name createdAt } }`);
    expect(other.data).toEqual({ bot: null });
    expect(other.errors).toMatchObject([
      {
        path: ['bot', 'createdAt'],
        message: expect.stringContaining('"0044-03-15 12:00:00+00 BC"'),
      },
    ]);
  });

  test('gives a cursor that its list takes', async () => {
    const { tenant: found } = await client.data(
      '{ tenant { apiKeys(orderBy: {field: EXPIRES_AT}, first: 1) { pageInfo { endCursor ' +
        '} nodes { name } } } }',
    );
    expect(found.apiKeys.nodes).toEqual([{ name: 'Endless' }]);
    const after = found.apiKeys.pageInfo.endCursor;
    const next = await client.data(
      'query ($after: String) { tenant { apiKeys(orderBy: {field: EXPIRES_AT}, after: ' +
        '$after) { nodes { expiresAt } } } }',
      { after },
    );
    expect(next.tenant.apiKeys.nodes).toEqual([{ expiresAt: null }]);
  });

  test('cannot be changed, and says why', async () => {
    const conflict = [
      {
        extensions: { code: 'CONFLICT' },
        message: expect.stringContaining('The stored row contains a time that cannot be shown'),
      },
    ];
    expect(
      (
        await client.query(
          'mutation ($input: UpdateBotInput!) { updateBot(input: $input) { bot { id } } }',
          { input: { id: bot, name: 'New' } },
        )
      ).errors,
    ).toMatchObject(conflict);
  });

  describe('of a key', () => {
    const REVOKE =
      'mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { apiKey { ' +
      'revoked expiresAt } } }';
    const ROTATE =
      'mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { apiKey { ' +
      'expiresAt } secret } }';
    const timed = async (
      times: Record<string, string>,
    ): Promise<{ id: string; secret: string }> => {
      let made: { id: string; secret: string } | undefined;
      const [column, value] = Object.entries(times)[0]!;
      await before(
        'api_keys',
        'weaver_is_rfc3339(expires_at) and weaver_is_rfc3339(last_used_at) and ' +
          'weaver_is_rfc3339(previous_expires_at) and weaver_is_rfc3339(created_at)',
        async () => {
          made = await tenant.key();
          await gateway.db.asSuperuser(`update api_keys set ${column} = ? where id = ?`, [
            value,
            made.id,
          ]);
        },
      );
      return made!;
    };
    const alive = async (secret: string): Promise<boolean> =>
      (await gateway.client(secret).query('{ viewer { kind } }')).status === 200;

    test.each([
      ['expires_at', 'infinity', null],
      ['expires_at', '10000-01-01T00:00:00Z', null],
      ['expires_at', '-infinity', '0001-01-01T00:00:00.000000Z'],
      ['last_used_at', 'infinity', null],
      ['created_at', 'infinity', null],
    ])('lets its tenant withdraw it: %s = %s', async (column, value, expiresAt) => {
      const { id, secret } = await timed({ [column]: value });
      expect(await alive(secret)).toBe(value !== '-infinity');
      expect(await client.data(REVOKE, { input: { id } })).toEqual({
        revokeApiKey: { apiKey: { revoked: true, expiresAt } },
      });
      expect(await alive(secret)).toBe(false);
    });

    test('lets its tenant rotate it, and keeps what the time means', async () => {
      const { id, secret } = await timed({ expires_at: 'infinity' });
      const { rotateApiKey } = await client.data(ROTATE, { input: { id, overlapSeconds: 600 } });
      expect(rotateApiKey).toEqual({ apiKey: { expiresAt: null }, secret: expect.any(String) });
      for (const good of [secret, rotateApiKey.secret]) expect(await alive(good)).toBe(true);
      const expired = await timed({ expires_at: '0044-03-15 12:00:00+00 BC' });
      const answer = await client.query(ROTATE, { input: { id: expired.id } });
      for (const token of [expired.secret, answer.data?.rotateApiKey?.secret])
        if (token) expect(await alive(token)).toBe(false);
    });
  });

  test('does not keep the uses of other keys from being noted', async () => {
    const { id } = await tenant.key();
    const usage = new KeyUsage(gateway.db.database, createLogger('silent'));
    for (const key of [endless, id]) usage.record(key, tenant.id);
    await usage.close();
    const used = await gateway.db.asSuperuser<{ id: string }>(
      'select id from api_keys where last_used_at is not null and id in (?, ?)',
      [endless, id],
    );
    expect(used).toEqual([{ id }]);
  });
});

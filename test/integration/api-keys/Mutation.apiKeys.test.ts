import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway } from '../../../src/app.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client } from '../../support/client.js';
import { testConfig } from '../../support/config.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

const CREATE =
  'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { ' +
  'id name prefix scopes rateLimitRpm revoked expiresAt lastUsedAt previousExpiresAt ' +
  'tenant { id } } } }';
const ROTATE =
  'mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { secret apiKey { ' +
  'id prefix previousExpiresAt } } }';
const REVOKE =
  'mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { apiKey { id revoked } } }';
const ALL = ['read', 'write', 'search', 'ask', 'admin'];

let gateway: TestGateway;
let tenant: TenantWorld;
let stranger: TenantWorld;
let owner: Client;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  stranger = await gateway.world.tenant();
  owner = await gateway.user(tenant, 'owner');
});
afterAll(() => gateway.close());

const create = async (input: object, client = owner) =>
  (await client.data(CREATE, { input: { name: 'App', scopes: ['READ'], ...input } })).createApiKey;
const rotate = async (id: string, overlapSeconds?: number, client = owner) =>
  (await client.data(ROTATE, { input: { id, overlapSeconds } })).rotateApiKey;
const works = async (secret: string): Promise<boolean> =>
  (await gateway.client(secret).query('{ viewer { kind } }')).status === 200;
const stored = async (id: string) =>
  (
    await gateway.db.asSuperuser<Record<string, any>>('select * from api_keys where id = ?', [id])
  )[0]!;
const audited = (id: string) =>
  gateway.db.asSuperuser<Record<string, any>>(
    'select action, actor_kind, actor_id, tenant_id, details, request_id from audit_log ' +
      'where target_id = ? order by id',
    [id],
  );

async function expectRefused(
  client: Client,
  query: string,
  input: object,
  error: object,
): Promise<void> {
  const count = async () =>
    gateway.db.asSuperuser(
      'select (select count(*)::int from api_keys) as keys, (select count(*)::int ' +
        'from audit_log) as events, (select max(updated_at) from api_keys) as touched',
    );
  const before = await count();
  const answer = await client.query(query, { input });
  expect(answer.errors).toMatchObject([{ extensions: error }]);
  expect(await count()).toEqual(before);
}

describe('createApiKey', () => {
  test('gives the secret once, and stores only its digest', async () => {
    const { secret, apiKey } = await create({
      name: 'My app',
      scopes: ['READ', 'SEARCH', 'READ'],
      rateLimitRpm: 120,
      expiresAt: '2999-01-01T00:00:00Z',
    });
    expect(secret).toMatch(/^wvr_\w{8}_[\w-]{49}$/);
    expect(apiKey).toEqual({
      id: expect.any(String),
      name: 'My app',
      prefix: secret.slice(0, 12),
      scopes: ['READ', 'SEARCH'],
      rateLimitRpm: 120,
      revoked: false,
      expiresAt: '2999-01-01T00:00:00.000000Z',
      lastUsedAt: null,
      previousExpiresAt: null,
      tenant: { id: tenant.id },
    });
    expect(
      (await gateway.client(secret).data('{ viewer { scopes apiKey { id } } }')).viewer,
    ).toEqual({ scopes: ['READ', 'SEARCH'], apiKey: { id: apiKey.id } });
    for (const table of ['api_keys', 'audit_log', 'idempotency_keys'])
      expect(
        JSON.stringify(await gateway.db.asSuperuser(`select * from ${table}`)),
        table,
      ).not.toContain(secret.slice(13));
  });

  test('under an idempotency key gives the same key again, without its secret', async () => {
    const input = { idempotencyKey: v4() };
    const first = await create(input);
    const again = await create(input);
    expect(first.secret).toMatch(/^wvr_/);
    expect(again).toEqual({ ...first, secret: null });
    expect(await audited(first.apiKey.id)).toHaveLength(1);
    for (const table of ['idempotency_keys', 'audit_log'])
      expect(
        JSON.stringify(await gateway.db.asSuperuser(`select * from ${table}`)),
        table,
      ).not.toContain(first.secret.slice(13));
  });

  test.each([
    [{ name: ' ' }, 'input.name'],
    [{ name: 'x'.repeat(256) }, 'input.name'],
    [{ scopes: [] }, 'input.scopes'],
    [{ rateLimitRpm: 0 }, 'input.rateLimitRpm'],
    [{ rateLimitRpm: 1_000_001 }, 'input.rateLimitRpm'],
    [{ expiresAt: '2020-01-01T00:00:00Z' }, 'input.expiresAt'],
    [{ tenantId: 'mine' }, 'input.tenantId'],
  ])('refuses %j by name', async (input, field) => {
    await expectRefused(
      owner,
      CREATE,
      { name: 'App', scopes: ['READ'], ...input },
      { code: 'BAD_USER_INPUT', field },
    );
  });

  test('is for ADMIN, in the own tenant only, and for an operator in any', async () => {
    const input = { name: 'App', scopes: ['READ'] };
    await expectRefused(await gateway.user(tenant, 'member'), CREATE, input, {
      code: 'FORBIDDEN',
      field: 'Mutation.createApiKey',
    });
    await expectRefused(
      gateway.client((await tenant.key({ scopes: ALL.slice(0, 4) })).secret),
      CREATE,
      input,
      { code: 'FORBIDDEN', field: 'Mutation.createApiKey' },
    );
    for (const tenantId of [stranger.id, v4()])
      await expectRefused(
        owner,
        CREATE,
        { ...input, tenantId },
        { code: 'NOT_FOUND', field: 'input.tenantId' },
      );
    await expectRefused(gateway.operator, CREATE, input, {
      code: 'BAD_USER_INPUT',
      field: 'input.tenantId',
    });
    await expectRefused(
      gateway.operator,
      CREATE,
      { ...input, tenantId: v4() },
      { code: 'NOT_FOUND', field: 'input.tenantId' },
    );
    expect(
      (
        await create(
          { tenantId: stranger.id, scopes: ['ADMIN'], rateLimitRpm: 1_000_000 },
          gateway.operator,
        )
      ).apiKey.tenant.id,
    ).toBe(stranger.id);
  });
});

describe('nobody gives more than they have', () => {
  const maker = async (values: {
    scopes: string[];
    expires_at?: string;
    rate_limit_rpm?: number;
  }) => gateway.client((await tenant.key(values as never)).secret);

  test('in scopes', async () => {
    const key = await maker({ scopes: ['admin', 'read'] });
    for (const scope of ['WRITE', 'SEARCH', 'ASK'])
      await expectRefused(
        key,
        CREATE,
        { name: 'App', scopes: ['READ', scope] },
        { code: 'FORBIDDEN', field: 'input.scopes' },
      );
    expect((await create({ scopes: ['READ', 'ADMIN'] }, key)).apiKey.scopes).toEqual([
      'READ',
      'ADMIN',
    ]);
    expect(
      (
        await create(
          { scopes: ALL.map(scope => scope.toUpperCase()) },
          await gateway.user(tenant, 'admin'),
        )
      ).apiKey.scopes,
    ).toHaveLength(5);
  });

  test('in requests a minute', async () => {
    const key = await maker({ scopes: ['admin', 'read'], rate_limit_rpm: 50 });
    await expectRefused(
      key,
      CREATE,
      { name: 'App', scopes: ['READ'], rateLimitRpm: 51 },
      { code: 'FORBIDDEN', field: 'input.rateLimitRpm' },
    );
    await expectRefused(
      key,
      CREATE,
      { name: 'App', scopes: ['READ'] },
      { code: 'FORBIDDEN', field: 'input.rateLimitRpm' },
    );
    expect((await create({ rateLimitRpm: 50 }, key)).apiKey.rateLimitRpm).toBe(50);
  });

  test('in time', async () => {
    const key = await maker({ scopes: ['admin', 'read'], expires_at: '2999-01-01T00:00:00Z' });
    for (const expiresAt of [undefined, '2999-01-01T00:00:01Z'])
      await expectRefused(
        key,
        CREATE,
        { name: 'App', scopes: ['READ'], expiresAt },
        { code: 'FORBIDDEN', field: 'input.expiresAt' },
      );
    expect((await create({ expiresAt: '2999-01-01T00:00:00Z' }, key)).secret).toMatch(/^wvr_/);
  });

  test('by rotating, which would hand them the secret of a stronger key', async () => {
    const key = await maker({ scopes: ['admin', 'read'], rate_limit_rpm: 50 });
    for (const values of [
      { scopes: ALL, rate_limit_rpm: 10 },
      { scopes: ['read'], rate_limit_rpm: 51 },
    ]) {
      await expectRefused(
        key,
        ROTATE,
        { id: (await tenant.key(values as never)).id },
        { code: 'FORBIDDEN', field: 'input.id' },
      );
    }
    expect(
      (
        await rotate(
          (await tenant.key({ scopes: ['read'], rate_limit_rpm: 50 } as never)).id,
          0,
          key,
        )
      ).secret,
    ).toMatch(/^wvr_/);
  });
});

describe('rotateApiKey', () => {
  test('gives a new secret; the old one goes on beside it for a day', async () => {
    const { id, secret: old } = await tenant.key();
    const { secret, apiKey } = await rotate(id);
    expect(apiKey).toMatchObject({ id, prefix: secret.slice(0, 12) });
    expect(Date.parse(apiKey.previousExpiresAt) - Date.now()).toBeGreaterThan(86_300_000);
    expect([await works(old), await works(secret)]).toEqual([true, true]);
    expect((await gateway.client(old).data('{ viewer { apiKey { id } } }')).viewer.apiKey.id).toBe(
      id,
    );
    await gateway.db.asSuperuser(`update api_keys set previous_expires_at = now() where id = ?`, [
      id,
    ]);
    expect([await works(old), await works(secret)]).toEqual([false, true]);
    await gateway.db.asSuperuser(
      "update api_keys set previous_expires_at = now() + interval '1 day', expires_at = " +
        'now() where id = ?',
      [id],
    );
    expect([await works(old), await works(secret)], 'neither outlives the key').toEqual([
      false,
      false,
    ]);
  });

  test('without an overlap ends the old secret at once', async () => {
    const { id, secret: old } = await tenant.key();
    const { secret, apiKey } = await rotate(id, 0);
    expect(apiKey.previousExpiresAt).toBeNull();
    expect([await works(old), await works(secret)]).toEqual([false, true]);
    expect(await stored(id)).toMatchObject({
      previous_prefix: null,
      previous_hash: null,
      previous_expires_at: null,
    });
  });

  test('a second time ends the one from before the first', async () => {
    const { id, secret: first } = await tenant.key();
    const { secret: second } = await rotate(id);
    const { secret: third } = await rotate(id);
    expect([await works(first), await works(second), await works(third)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test('under an idempotency key happens once', async () => {
    const { id, secret: old } = await tenant.key();
    const input = { id, idempotencyKey: v4() };
    const first = (await owner.data(ROTATE, { input })).rotateApiKey;
    expect((await owner.data(ROTATE, { input })).rotateApiKey).toEqual({ ...first, secret: null });
    expect([await works(old), await works(first.secret)]).toEqual([true, true]);
  });

  test('can be done by a key to itself', async () => {
    const { id, secret } = await tenant.key({ scopes: ['admin'] });
    expect(await works((await rotate(id, 0, gateway.client(secret))).secret)).toBe(true);
  });

  test('refuses what is revoked, expired, unknown or foreign, and a wrong overlap', async () => {
    await expectRefused(
      owner,
      ROTATE,
      { id: (await tenant.key({ revoked: true })).id },
      { code: 'CONFLICT', field: 'input.id' },
    );
    await expectRefused(
      owner,
      ROTATE,
      { id: (await tenant.key({ expires_at: '2020-01-01T00:00:00Z' })).id },
      { code: 'CONFLICT', field: 'input.id' },
    );
    for (const id of [v4(), (await stranger.key()).id])
      await expectRefused(owner, ROTATE, { id }, { code: 'NOT_FOUND', field: 'input.id' });
    const { id } = await tenant.key();
    for (const overlapSeconds of [-1, 2_592_001])
      await expectRefused(
        owner,
        ROTATE,
        { id, overlapSeconds },
        { code: 'BAD_USER_INPUT', field: 'input.overlapSeconds' },
      );
    await expectRefused(
      owner,
      ROTATE,
      { id, updatedAt: '2020-01-01T00:00:00Z' },
      { code: 'CONFLICT', field: 'input.updatedAt' },
    );
  });

  test("leaves no overlap for an older Weaver's key that has its Argon2id hash alone", async () => {
    const id = await gateway.world.insert('api_keys', {
      tenant_id: tenant.id,
      name: 'Old',
      key_hash: '$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHRzYWx0$AAAA',
      scopes: '{read}',
    });
    await expectRefused(owner, ROTATE, { id, overlapSeconds: 60 }, { code: 'CONFLICT' });
    const { secret } = await rotate(id, 0);
    expect((await gateway.client(secret).query('{ viewer { kind } }')).data).toEqual({
      viewer: { kind: 'API_KEY' },
    });
  });
});

describe('revokeApiKey', () => {
  test('ends both secrets with the next request, at every gateway', async () => {
    const other = await startGateway({
      config: testConfig(),
      database: gateway.db.database,
      log: createLogger('silent'),
    });
    try {
      const { id, secret: old } = await tenant.key();
      const { secret } = await rotate(id);
      const at = (token: string) => new Client(other.url, token).query('{ viewer { kind } }');
      expect([(await at(old)).status, (await at(secret)).status]).toEqual([200, 200]);
      expect(await owner.data(REVOKE, { input: { id } })).toEqual({
        revokeApiKey: { apiKey: { id, revoked: true } },
      });
      expect([
        (await at(old)).status,
        (await at(secret)).status,
        await works(old),
        await works(secret),
      ]).toEqual([401, 401, false, false]);
    } finally {
      await other.close();
    }
  });

  test('again changes and records nothing', async () => {
    const { id } = await tenant.key();
    for (let round = 0; round < 2; round += 1)
      expect((await owner.data(REVOKE, { input: { id } })).revokeApiKey.apiKey.revoked).toBe(true);
    expect((await audited(id)).map(event => event.action)).toEqual(['revokeApiKey']);
  });

  test('is refused for what is not there and what is not yours alike', async () => {
    for (const id of [v4(), (await stranger.key()).id])
      await expectRefused(
        owner,
        REVOKE,
        { id },
        { code: 'NOT_FOUND', field: 'input.id', requestId: expect.any(String) },
      );
    await expectRefused(
      gateway.client((await tenant.key({ scopes: ['read', 'write'] })).secret),
      REVOKE,
      { id: (await tenant.key()).id },
      { code: 'FORBIDDEN', field: 'Mutation.revokeApiKey' },
    );
  });

  test('is open to a weaker key: it takes, and gives nothing', async () => {
    const { id } = await tenant.key({ scopes: ALL });
    const weak = gateway.client((await tenant.key({ scopes: ['admin'] })).secret);
    expect((await weak.data(REVOKE, { input: { id } })).revokeApiKey.apiKey.revoked).toBe(true);
  });
});

test('every change of a key is in the audit log: who, what, and no secret', async () => {
  const admin = await gateway.user(tenant, 'admin');
  const key = await tenant.key({ scopes: ['admin', 'read'] });
  const {
    apiKey: { id },
  } = await create({ name: 'Recorded' }, admin);
  const { secret } = await rotate(id, 60, gateway.client(key.secret));
  await gateway.operator.data(REVOKE, { input: { id } });
  expect(await audited(id)).toMatchObject([
    {
      action: 'createApiKey',
      actor_kind: 'user',
      actor_id: admin.id,
      tenant_id: tenant.id,
      details: { name: 'Recorded', scopes: ['read'], rateLimitRpm: 60, expiresAt: null },
      request_id: expect.any(String),
    },
    {
      action: 'rotateApiKey',
      actor_kind: 'api_key',
      actor_id: key.id,
      tenant_id: tenant.id,
      details: { prefix: secret.slice(0, 12), overlapSeconds: 60 },
    },
    {
      action: 'revokeApiKey',
      actor_kind: 'operator',
      actor_id: null,
      tenant_id: tenant.id,
      details: {},
    },
  ]);
});

import { randomBytes } from 'node:crypto';
import { hash } from '@node-rs/argon2';
import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashOf } from '../../../src/api-keys/key-format.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { whileLocked } from '../../support/row-locks.js';
import { collectLog } from '../../support/log-lines.js';
import type { TenantWorld } from '../../support/world.js';

const CHEAP = { memoryCost: 256, timeCost: 1, parallelism: 1 };
const VIEWER = JSON.stringify({ query: '{ viewer { kind tenant { id } apiKey { id prefix } } }' });
const INVALID = {
  status: 401,
  data: undefined,
  errors: [
    {
      message: 'The token is not valid: it is unknown, revoked or expired.',
      extensions: { code: 'UNAUTHENTICATED' },
    },
  ],
};
const LIMITED = {
  status: 429,
  data: undefined,
  errors: [{ extensions: { code: 'RATE_LIMITED', retryAfterMs: expect.any(Number) } }],
};

const log = collectLog();
let gateway: TestGateway;
let tenant: TenantWorld;
let addresses = 0;

beforeAll(async () => {
  gateway = await startTestGateway({
    log: log.log,
    env: { WEAVER_TRUST_PROXY: '127.0.0.1', WEAVER_MAX_FAILED_TOKENS_RPM: '1000000' },
  });
  tenant = await gateway.world.tenant();
});
afterAll(() => gateway.close());

const legacySecret = (): string => `wvr_${randomBytes(48).toString('base64url')}`;

/** A key as the older Weaver stored it. */
async function legacyKey(
  values: Record<string, unknown> = {},
  options: object = CHEAP,
  owner = tenant,
): Promise<{ id: string; secret: string }> {
  const secret = legacySecret();
  return {
    id: await gateway.world.insert('api_keys', {
      tenant_id: owner.id,
      name: 'Old',
      key_hash: await hash(secret, options),
      scopes: '{read}',
      ...values,
    }),
    secret,
  };
}

/** Each from an address of its own, unless one is given. */
function ask(
  secret: string,
  tenantId?: string,
  address = `10.0.${addresses >> 8}.${addresses++ & 255}`,
): Promise<any> {
  return gateway.client(secret).post(VIEWER, {
    'x-forwarded-for': address,
    ...(tenantId !== undefined && { 'x-tenant-id': tenantId }),
  });
}

const stored = async (id: string) =>
  (
    await gateway.db.asSuperuser<{ key_prefix: string | null; key_hash: string }>(
      'select key_prefix, key_hash from api_keys where id = ?',
      [id],
    )
  )[0]!;

describe('a key of an older Weaver', () => {
  test('is found in the tenant that is named, and stored the new way and logged once', async () => {
    const { id, secret } = await legacyKey();
    await legacyKey();
    const accepted = {
      status: 200,
      data: {
        viewer: {
          kind: 'API_KEY',
          tenant: { id: tenant.id },
          apiKey: { id, prefix: secret.slice(0, 16) },
        },
      },
    };
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask(secret, tenant.id)));
    for (const answer of answers) expect(answer).toMatchObject(accepted);
    expect(await stored(id)).toEqual({ key_prefix: secret.slice(0, 16), key_hash: hashOf(secret) });
    expect(await ask(secret), 'and needs no tenant from then on').toMatchObject(accepted);
    const events = await gateway.db.asSuperuser<object>(
      'select action, actor_kind, actor_id, details from audit_log where target_id = ?',
      [id],
    );
    expect(events).toEqual([
      {
        action: 'upgradeApiKey',
        actor_kind: 'api_key',
        actor_id: id,
        details: { prefix: secret.slice(0, 16) },
      },
    ]);
  });

  test('is refused without its tenant, under another, revoked or expired, and kept', async () => {
    const { id, secret } = await legacyKey();
    const other = await gateway.world.tenant();
    await legacyKey({}, CHEAP, other);
    for (const tenantId of [undefined, '', 'mine', other.id, v4()])
      expect(await ask(secret, tenantId)).toMatchObject(INVALID);
    expect(await ask(legacySecret(), tenant.id)).toMatchObject(INVALID);
    const ended = [
      await legacyKey({ revoked: true }),
      await legacyKey({ expires_at: '2020-01-01T00:00:00Z' }),
    ];
    for (const key of ended) expect(await ask(key.secret, tenant.id)).toMatchObject(INVALID);
    for (const key of [{ id }, ...ended]) expect((await stored(key.id)).key_prefix).toBeNull();
    await gateway.db.asSuperuser('update api_keys set revoked = true where key_prefix is null');
  });

  test('that is revoked while it is tried is refused, and stays as it is', async () => {
    const { id, secret } = await legacyKey();
    expect(
      await whileLocked(gateway, ['update api_keys set revoked = true where id = ?', [id]], () =>
        ask(secret, tenant.id),
      ),
    ).toMatchObject(INVALID);
    expect((await stored(id)).key_prefix).toBeNull();
  });

  test('can be revoked after its upgrade like any other', async () => {
    const { id, secret } = await legacyKey();
    expect((await ask(secret, tenant.id)).status).toBe(200);
    await gateway.db.asSuperuser('update api_keys set revoked = true where id = ?', [id]);
    expect(await ask(secret, tenant.id)).toMatchObject(INVALID);
  });
});

describe('guessing cannot stall the gateway', () => {
  test('at most 20 hashes are tried, those that were used last', async () => {
    const crowded = await gateway.world.tenant();
    const forgotten = await legacyKey({ last_used_at: '2020-01-01T00:00:00Z' }, CHEAP, crowded);
    for (let count = 0; count < 20; count += 1)
      await legacyKey({ last_used_at: '2021-01-01T00:00:00Z' }, CHEAP, crowded);
    expect(await ask(forgotten.secret, crowded.id)).toMatchObject(INVALID);
    await gateway.db.asSuperuser('update api_keys set last_used_at = now() where id = ?', [
      forgotten.id,
    ]);
    expect((await ask(forgotten.secret, crowded.id)).status).toBe(200);
  });

  test.each([
    ['too much memory', '$argon2id$v=19$m=1048576,t=3,p=4$'],
    ['too many passes', '$argon2id$v=19$m=1024,t=4000000,p=1$'],
    ['too many lanes', '$argon2id$v=19$m=4096,t=1,p=255$'],
    ['another kind', '$argon2i$v=19$m=256,t=1,p=1$'],
    ['nonsense', 'plain'],
  ])('a stored hash that asks for %s is not tried', async (_, beginning) => {
    const odd = await gateway.world.tenant();
    await gateway.world.insert('api_keys', {
      tenant_id: odd.id,
      name: 'Odd',
      key_hash: `${beginning}c2FsdHNhbHRzYWx0$${'A'.repeat(43)}`,
    });
    const { secret } = await legacyKey({}, CHEAP, odd);
    const started = performance.now();
    expect((await ask(secret, odd.id)).status).toBe(200);
    expect(await ask(legacySecret(), odd.id)).toMatchObject(INVALID);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('a hash of more lanes than we bear is not tried, though the key be right', async () => {
    expect(
      await ask((await legacyKey({}, { ...CHEAP, parallelism: 17 })).secret, tenant.id),
    ).toMatchObject(INVALID);
    expect(
      (await ask((await legacyKey({}, { ...CHEAP, parallelism: 16 })).secret, tenant.id)).status,
    ).toBe(200);
  });

  test('attempts from an address or an IPv6 network are limited, and good keys go on', async () => {
    const { secret: good } = await tenant.key();
    for (const [address, same] of [
      ['192.0.2.7', '192.0.2.7'],
      ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9'],
      ['2001:db8::1', '2001:DB8:0::2:0:0:9'],
      ['::ffff:192.0.2.9', '192.0.2.9'],
    ] as const) {
      for (let count = 0; count < 10; count += 1)
        expect(await ask(legacySecret(), tenant.id, address)).toMatchObject(INVALID);
      expect(await ask(legacySecret(), tenant.id, same)).toMatchObject(LIMITED);
      expect((await ask(good, undefined, same)).status).toBe(200);
    }
    expect(await ask(legacySecret(), tenant.id, '192.0.2.8'), 'of another address').toMatchObject(
      INVALID,
    );
  });

  test('two are verified at a time, eight wait, others come back; the rest goes on', async () => {
    const slow = await gateway.world.tenant();
    const { secret: good } = await tenant.key();
    for (let count = 0; count < 4; count += 1)
      await legacyKey({}, { memoryCost: 65_536, timeCost: 3, parallelism: 1 }, slow);
    let verifying = 16;
    const attempts = Array.from({ length: 16 }, () =>
      ask(legacySecret(), slow.id).finally(() => (verifying -= 1)),
    );
    expect((await ask(good)).status).toBe(200);
    expect(verifying, 'while the others still went on').toBeGreaterThan(0);
    const statuses = (await Promise.all(attempts)).map(answer => answer.status);
    expect(statuses.filter(status => status === 429)).toHaveLength(6);
    expect(statuses.filter(status => status === 401)).toHaveLength(10);
  });
});

test('no key is logged', () => {
  expect(log.lines.join('')).not.toMatch(/wvr_[\w-]{20}/);
});

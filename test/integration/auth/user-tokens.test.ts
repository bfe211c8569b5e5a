import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { v4 } from 'uuid';
import { AUDIENCE, ISSUER, USER_SECRET } from '../../support/config.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import {
  IdentityProvider,
  signingKey,
  tokenFor,
  tokenOfText,
  UNKNOWN_EXTENSION,
  type Claims,
  type SigningKey,
} from '../../support/identity-provider.js';
import { collectLog } from '../../support/log-lines.js';
import type { TenantWorld } from '../../support/world.js';

const VIEWER = '{ viewer { kind scopes tenant { id } user { id email role } apiKey { id } } }';
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
const UNAVAILABLE = {
  status: 503,
  data: undefined,
  errors: [{ extensions: { code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) } }],
};
const COOLDOWN_MS = 15_000;
const MAX_AGE_MS = 600_000;

const provider = new IdentityProvider();
const log = collectLog();
let jwksUrl: string;
let gateway: TestGateway;
let tenant: TenantWorld;
let userId: string;
let key: SigningKey;
let clock = 0;

beforeAll(async () => {
  jwksUrl = await provider.start();
  key = await signingKey();
  provider.keys = [key.jwk];
  gateway = await startTestGateway({ log: log.log, env: { JWT_JWKS_URL: jwksUrl } });
  tenant = await gateway.world.tenant();
  userId = await tenant.user({ email: 'ada@example.com', role: 'admin' });
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + clock);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await gateway.close();
  await provider.close();
});

const ask = (token: string, at = gateway): Promise<unknown> => at.client(token).query(VIEWER);
const isAccepted = { status: 200, errors: undefined, data: { viewer: { kind: 'USER' } } };

describe("a user's token", () => {
  test('makes its bearer the user, with the tenant and the role of the profile', async () => {
    expect(
      await gateway
        .client(await tokenFor(key, { sub: userId, role: 'owner', tenant_id: v4() }))
        .data(VIEWER),
    ).toEqual({
      viewer: {
        kind: 'USER',
        scopes: ['READ', 'WRITE', 'SEARCH', 'ASK', 'ADMIN'],
        tenant: { id: tenant.id },
        user: { id: userId, email: 'ada@example.com', role: 'ADMIN' },
        apiKey: null,
      },
    });
  });

  test('means another role, and nobody at all, as soon as the profile says so', async () => {
    const member = await tenant.user({ role: 'owner' });
    const client = gateway.client(await tokenFor(key, { sub: member }));
    expect((await client.data(VIEWER)).viewer.user.role).toBe('OWNER');
    await gateway.db.asSuperuser(
      `insert into profiles (tenant_id, email, role) values (?, ?, 'owner')`,
      [tenant.id, `${v4()}@example.com`],
    );
    await gateway.db.asSuperuser(`update profiles set role = 'member' where id = ?`, [member]);
    expect((await client.data(VIEWER)).viewer.scopes).toEqual(['READ', 'SEARCH', 'ASK']);
    await gateway.db.asSuperuser('delete from profiles where id = ?', [member]);
    expect(await client.query(VIEWER)).toMatchObject(INVALID);
  });

  test('sees its own tenant and no other', async () => {
    const stranger = await gateway.world.tenant();
    const client = gateway.client(await tokenFor(key, { sub: userId }));
    expect(
      await client.data(`{ tenant(id: "${stranger.id}") { id } tenants { nodes { id } } }`),
    ).toEqual({ tenant: null, tenants: { nodes: [{ id: tenant.id }] } });
  });

  test.each<[string, Claims]>([
    ['for one of several audiences', { aud: ['other', AUDIENCE] }],
    ['that expired within the tolerance', { exp: -10 }],
    ['that begins within the tolerance', { nbf: 10 }],
  ])('is accepted %s', async (_, claims) => {
    expect(await ask(await tokenFor(key, { sub: userId, ...claims }))).toMatchObject(isAccepted);
  });

  test.each<[string, Claims]>([
    ['that has expired', { exp: -60 }],
    ['that never expires', { exp: undefined }],
    ['that is not good yet', { nbf: 60 }],
    ['of another issuer', { iss: 'https://login.example.org' }],
    ['of no issuer', { iss: undefined }],
    ['for another audience', { aud: 'other' }],
    ['for no audience', { aud: undefined }],
    ['of no subject', { sub: undefined }],
    ['of a subject that is no UUID', { sub: 'auth0|ada' }],
    ['of a subject without a profile', { sub: v4() }],
  ])('is refused %s, always in the same words', async (_, claims) => {
    expect(await ask(await tokenFor(key, { sub: userId, ...claims }))).toMatchObject(INVALID);
  });

  const inFiveMinutes = (): number => Math.floor(Date.now() / 1_000) + 300;
  /** The claims of a good token, of which these are written otherwise. */
  const claimsWith = (others: Record<string, string>): string => {
    const good = {
      iss: JSON.stringify(ISSUER),
      aud: JSON.stringify(AUDIENCE),
      sub: JSON.stringify(userId),
      exp: String(inFiveMinutes()),
    };
    return `{${Object.entries({ ...good, ...others })
      .map(([name, json]) => `"${name}":${json}`)
      .join()}}`;
  };

  test.each<[string, () => Record<string, string>]>([
    ['a subject in capitals', () => ({ sub: JSON.stringify(userId.toUpperCase()) })],
    [
      'times that are not whole seconds',
      () => ({ exp: `${inFiveMinutes()}.5`, nbf: '0', iat: '1e9' }),
    ],
    ['the last second of the year 9999 as its end', () => ({ exp: '253402300799' })],
    ['a list of audiences', () => ({ aud: JSON.stringify(['other', AUDIENCE]) })],
    [
      'claims that Weaver does not know',
      () => ({ jti: '"1"', scope: '["a"]', constructor: '{"prototype":1}', ['__proto__']: '1' }),
    ],
  ])('is accepted with %s', async (_, others) => {
    expect(await ask(await tokenOfText(key, claimsWith(others())))).toMatchObject(isAccepted);
  });

  test.each<[string, () => Record<string, string>]>([
    ['a list as its subject', () => ({ sub: `["${userId}"]` })],
    ['an object as its subject', () => ({ sub: `{"0":"${userId}"}` })],
    ['a number as its subject', () => ({ sub: '1' })],
    ['no subject but null', () => ({ sub: 'null' })],
    ['a line break behind its subject', () => ({ sub: JSON.stringify(`${userId}\n`) })],
    ['an end beyond a double', () => ({ exp: '1e400' })],
    ['an end after the year 9999', () => ({ exp: '253402300800' })],
    ['a text as its end', () => ({ exp: `"${inFiveMinutes()}"` })],
    ['a list as its end', () => ({ exp: `[${inFiveMinutes()}]` })],
    ['an end before 1970', () => ({ exp: '-1' })],
    ['no end but null', () => ({ exp: 'null' })],
    ['true as its end', () => ({ exp: 'true' })],
    ['a beginning before all times', () => ({ nbf: '-1e400' })],
    ['a text as its beginning', () => ({ nbf: '"0"' })],
    ['null as its beginning', () => ({ nbf: 'null' })],
    ['a time of issue beyond a double', () => ({ iat: '1e400' })],
    ['a text as its time of issue', () => ({ iat: '"now"' })],
    ['a list of issuers', () => ({ iss: JSON.stringify([ISSUER]) })],
    ['an audience that is no text', () => ({ aud: JSON.stringify([AUDIENCE, 5]) })],
    ['an object as its audience', () => ({ aud: JSON.stringify({ 0: AUDIENCE }) })],
    ['a number as its id', () => ({ jti: '1' })],
  ])('is refused with %s', async (_, others) => {
    expect(await ask(await tokenOfText(key, claimsWith(others())))).toMatchObject(INVALID);
  });

  test('is refused where its claims are no object', async () => {
    for (const text of ['[]', 'null', '1', '"sub"', '', '{', `${claimsWith({})}}`])
      expect(await ask(await tokenOfText(key, text)), text).toMatchObject(INVALID);
  });

  test('means the last of two claims of one name, as RFC 7519 has it', async () => {
    const twice = (first: string, second: string): string =>
      claimsWith({})
        .replace('{', `{"sub":"${first}",`)
        .replace(`,"sub":"${userId}"`, `,"sub":"${second}"`);
    expect(await ask(await tokenOfText(key, twice(v4(), userId)))).toMatchObject(isAccepted);
    expect(await ask(await tokenOfText(key, twice(userId, v4())))).toMatchObject(INVALID);
  });

  test.each(['JWT', 'jwt', 'at+jwt', 'application/at+jwt'])(
    'is accepted with the type %s',
    async typ => {
      expect(await ask(await tokenOfText(key, claimsWith({}), { typ }))).toMatchObject(isAccepted);
    },
  );

  test.each<[string, object]>([
    ['a type for something else', { typ: 'logout+jwt' }],
    ['a type that is no text', { typ: ['JWT'] }],
    [
      'an extension that must be understood',
      { crit: [UNKNOWN_EXTENSION], [UNKNOWN_EXTENSION]: true },
    ],
  ])('is refused with %s in its header', async (_, header) => {
    expect(await ask(await tokenOfText(key, claimsWith({}), { ...header }))).toMatchObject(INVALID);
  });

  test('is refused when it is longer than any token should be', async () => {
    const token = await tokenOfText(key, claimsWith({ filler: JSON.stringify('x'.repeat(7_000)) }));
    expect(token.length).toBeGreaterThan(8_192);
    expect(await ask(token)).toMatchObject(INVALID);
  });

  test('is refused for a reason that the log tells, without the token', async () => {
    const token = await tokenFor(key, { sub: userId, iss: 'https://login.example.org' });
    const { errors } = (await ask(token)) as { errors: { extensions: { requestId: string } }[] };
    const { requestId } = errors[0]!.extensions;
    expect(
      log.entries().filter(entry => entry.requestId === requestId && entry.msg === 'Token refused'),
    ).toMatchObject([{ reason: 'unexpected "iss" claim value' }]);
    expect(log.lines.join()).not.toContain(token);
  });
});

describe('a signature', () => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = (): object => ({
    sub: userId,
    iss: ISSUER,
    aud: AUDIENCE,
    exp: Math.floor(Date.now() / 1_000) + 300,
  });

  test('is asked for: "none" is no algorithm', async () => {
    for (const alg of ['none', 'None', 'NONE', ''])
      expect(await ask(`${part({ alg, typ: 'JWT' })}.${part(claims())}.`), alg).toMatchObject(
        INVALID,
      );
  });

  test('made with the public key as if that were a secret is none', async () => {
    for (const secret of [key.pem, key.pem.trim(), JSON.stringify(key.jwk), key.jwk.n!]) {
      expect(
        await ask(await tokenFor({ secret, alg: 'HS256' }, { sub: userId }, { kid: key.kid })),
      ).toMatchObject(INVALID);
    }
  });

  test('of an algorithm that is not on the list is refused, though the key fits', async () => {
    const listed = await signingKey('PS256');
    provider.keys = [key.jwk, listed.jwk];
    clock += COOLDOWN_MS;
    expect(await ask(await tokenFor(listed, { sub: userId }))).toMatchObject(INVALID);
  });

  test('by another key under the same name is refused', async () => {
    const forger = await signingKey();
    expect(await ask(await tokenFor({ ...forger, kid: key.kid }, { sub: userId }))).toMatchObject(
      INVALID,
    );
  });

  test('by a key that the token brings along or points to is refused', async () => {
    const forger = await signingKey();
    const before = provider.fetches;
    clock = 0;
    expect(
      await ask(await tokenFor(forger, { sub: userId }, { jwk: forger.jwk, jku: jwksUrl })),
    ).toMatchObject(INVALID);
    expect(
      await ask(
        await tokenFor(
          { ...forger, kid: key.kid },
          { sub: userId },
          { jwk: forger.jwk, x5u: jwksUrl },
        ),
      ),
    ).toMatchObject(INVALID);
    expect(provider.fetches).toBe(before);
  });

  test('that was tampered with is refused', async () => {
    const [header, , signature] = (await tokenFor(key, { sub: userId })).split('.');
    const other = part({ ...claims(), sub: await tenant.user({ role: 'owner' }) });
    expect(await ask(`${header}.${other}.${signature}`)).toMatchObject(INVALID);
  });

  test.each(['a.b.c', '..', 'e30.e30.', 'e30.e30.e30', `${'a'.repeat(4_000)}.b.c`, '!.!.!'])(
    'is not looked for in what is no token: %s',
    async token => {
      expect(await ask(token)).toMatchObject(INVALID);
    },
  );
});

describe("the provider's keys", () => {
  test('are fetched once, not for each token, and again when they are old', async () => {
    clock += MAX_AGE_MS;
    const before = provider.fetches;
    const token = await tokenFor(key, { sub: userId });
    for (const answer of await Promise.all(Array.from({ length: 5 }, () => ask(token))))
      expect(answer).toMatchObject(isAccepted);
    expect(provider.fetches).toBe(before + 1);
  });

  test('that are new are found; made-up key ids make no storm of requests', async () => {
    const next = await signingKey('ES256');
    const token = await tokenFor(next, { sub: userId });
    clock += COOLDOWN_MS;
    const before = provider.fetches;
    expect(await ask(token)).toMatchObject(INVALID);
    provider.keys = [next.jwk];
    for (let round = 0; round < 5; round += 1)
      expect(await ask(await tokenFor({ ...next, kid: v4() }, { sub: userId }))).toMatchObject(
        INVALID,
      );
    expect(provider.fetches).toBe(before + 1);
    clock += COOLDOWN_MS;
    expect(await ask(token)).toMatchObject(isAccepted);
    expect(await ask(await tokenFor(key, { sub: userId })), 'the old one is gone').toMatchObject(
      INVALID,
    );
    provider.keys = [key.jwk];
    clock += MAX_AGE_MS;
    expect(await ask(await tokenFor(key, { sub: userId }))).toMatchObject(isAccepted);
  });

  test('go on while the provider is down, whatever it answers', async () => {
    const answer = provider.answer;
    const token = await tokenFor(key, { sub: userId });
    for (const broken of [
      (response: Parameters<typeof answer>[0]) => response.writeHead(500).end('{"keys":[]}'),
      (response: Parameters<typeof answer>[0]) =>
        response.req.url === '/moved'
          ? response.end('{"keys":[]}')
          : response.writeHead(302, { location: '/moved' }).end(),
      (response: Parameters<typeof answer>[0]) => response.end('<html>'),
      (response: Parameters<typeof answer>[0]) => response.end('{"keys":{}}'),
      (response: Parameters<typeof answer>[0]) =>
        response.end(JSON.stringify({ keys: [], filler: 'x'.repeat(300_000) })),
      (response: Parameters<typeof answer>[0]) => response.destroy(),
    ]) {
      provider.answer = broken;
      clock += MAX_AGE_MS;
      expect(await ask(token)).toMatchObject(isAccepted);
    }
    provider.answer = answer;
  });

  test('that were never there make tokens UNAVAILABLE, without a storm of requests', async () => {
    const down = new IdentityProvider();
    const other = await startTestGateway({ env: { JWT_JWKS_URL: await down.start() } });
    try {
      down.answer = response => response.writeHead(503).end();
      const token = await tokenFor(key, { sub: userId });
      for (let round = 0; round < 5; round += 1)
        expect(await ask(token, other)).toMatchObject(UNAVAILABLE);
      expect(down.fetches).toBe(1);
      expect(await ask('a.b.c', other), 'keys do not matter to it').toMatchObject(INVALID);
      const known = await (await other.world.tenant()).user();
      down.answer = response => response.end(JSON.stringify({ keys: [key.jwk] }));
      clock += COOLDOWN_MS;
      const good = await tokenFor(key, { sub: known });
      for (const answer of await Promise.all([1, 2, 3].map(() => ask(good, other))))
        expect(answer, 'all wait for the same keys').toMatchObject(isAccepted);
      expect(down.fetches).toBe(2);
    } finally {
      await other.close();
      await down.close();
    }
  });
});

describe('a shared secret', () => {
  test('checks the tokens that it signed, and no others', async () => {
    const other = await startTestGateway();
    try {
      const known = await (await other.world.tenant()).user();
      expect(
        await ask(await tokenFor({ secret: USER_SECRET, alg: 'HS256' }, { sub: known }), other),
      ).toMatchObject(isAccepted);
      expect(
        await ask(
          await tokenFor({ secret: `${USER_SECRET}!`, alg: 'HS256' }, { sub: known }),
          other,
        ),
      ).toMatchObject(INVALID);
      expect(
        await ask(await tokenFor({ secret: USER_SECRET, alg: 'HS512' }, { sub: known }), other),
        'not on the list',
      ).toMatchObject(INVALID);
      expect(await ask(await tokenFor(key, { sub: known }), other)).toMatchObject(INVALID);
    } finally {
      await other.close();
    }
  });
});

test("no token is logged, nor anything of the provider's", () => {
  const logged = log.lines.join('');
  expect(log.lines.length).toBeGreaterThan(30);
  expect(logged).not.toMatch(/eyJ|Bearer/);
});

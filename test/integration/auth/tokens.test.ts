import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { v4 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hashOf, newKey } from '../../../src/api-keys/key-format.js';
import type { Answer, Client } from '../../support/client.js';
import { OPERATOR_TOKEN, startTestGateway, type TestGateway } from '../../support/gateway.js';
import { collectLog } from '../../support/log-lines.js';
import type { TenantWorld } from '../../support/world.js';

const QUERY = JSON.stringify({ query: '{ viewer { kind scopes tenant { id } } }' });
const INVALID = {
  message: 'The token is not valid: it is unknown, revoked or expired.',
  extensions: { code: 'UNAUTHENTICATED', requestId: expect.any(String) },
};

let gateway: TestGateway;
let tenant: TenantWorld;
let key: { id: string; secret: string };
const log = collectLog();
/** Names of the statements that a test caused. */
let statements: string[];
/** What callers sent as tokens: none of it may come back or be logged. */
const sent = new Set<string>();
const answers: string[] = [];

beforeAll(async () => {
  gateway = await startTestGateway({ log: log.log });
  tenant = await gateway.world.tenant();
  key = await tenant.key();
});
beforeEach(() => {
  statements = [];
  gateway.db.database.onStatement = ({ name }) => void statements.push(name);
});
afterEach(() => {
  gateway.db.database.onStatement = () => {};
});
afterAll(() => gateway.close());

interface Seen {
  status: number;
  challenge: string | null;
  data?: any;
  errors?: any[];
}

async function ask(headers: Record<string, string>): Promise<Seen> {
  for (const value of Object.values(headers)) {
    const token = value.replace(/^bearer +/i, '');
    if (token.length > 10) sent.add(token);
  }
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: QUERY,
  });
  const text = await response.text();
  answers.push(text, JSON.stringify([...response.headers]));
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    ...(JSON.parse(text) as object),
  };
}

async function expectRefused(
  headers: Record<string, string>,
  message = INVALID.message,
): Promise<void> {
  expect(await ask(headers)).toEqual({
    status: 401,
    challenge: 'Bearer',
    errors: [{ ...INVALID, message }],
  });
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

describe('a valid token', () => {
  test('of a key is taken from either header, however its scheme is written', async () => {
    const tenantOfKey = {
      status: 200,
      data: { viewer: { kind: 'API_KEY', scopes: ['READ', 'SEARCH'], tenant: { id: tenant.id } } },
    };
    for (const headers of [
      bearer(key.secret),
      { authorization: `bearer   ${key.secret}  ` },
      { authorization: `BEARER ${key.secret}` },
      { 'x-api-key': key.secret },
      { 'X-API-Key': ` ${key.secret} ` },
    ]) {
      expect(await ask(headers)).toMatchObject(tenantOfKey);
    }
    expect(
      await ask({ ...bearer(key.secret), 'x-api-key': key.secret }),
      'the same one twice',
    ).toMatchObject(tenantOfKey);
  });

  test('of the operator opens everything, without a look-up', async () => {
    for (const headers of [bearer(OPERATOR_TOKEN), { 'x-api-key': OPERATOR_TOKEN }]) {
      expect(await ask(headers)).toMatchObject({
        status: 200,
        data: {
          viewer: {
            kind: 'OPERATOR',
            scopes: ['READ', 'WRITE', 'SEARCH', 'ASK', 'ADMIN'],
            tenant: null,
          },
        },
      });
    }
    expect(statements).toEqual([]);
  });
});

describe('no token', () => {
  test.each([[{}], [{ authorization: '' }], [{ 'x-api-key': '' }], [{ 'x-api-key': '   ' }]])(
    'is told to bring one: %j',
    async headers => {
      await expectRefused(
        headers,
        'This query needs a token: send "Authorization: Bearer <API key>".',
      );
      expect(statements).toEqual([]);
    },
  );
});

describe('a malformed Authorization header', () => {
  test.each([
    'Bearer',
    'Bearer ',
    'Basic dXNlcjpwYXNz',
    'Token abc',
    'Bearer two tokens',
    'Bearer a, Bearer b',
    'wvr_',
    'Bearer=abc',
    'Bearer\tabc',
  ])('is refused: %s', async authorization => {
    await expectRefused({ authorization }, 'The Authorization header must read "Bearer <token>".');
    expect(statements).toEqual([]);
  });

  test('is refused even beside a valid key: nobody may guess which one is meant', async () => {
    await expectRefused(
      { authorization: 'Basic dXNlcjpwYXNz', 'x-api-key': key.secret },
      'The Authorization header must read "Bearer <token>".',
    );
    for (const token of [(await tenant.key()).secret, OPERATOR_TOKEN]) {
      expect(await ask({ ...bearer(token), 'x-api-key': key.secret })).toEqual({
        status: 400,
        challenge: null,
        errors: [
          {
            message: 'Authorization and X-API-Key hold different tokens. Send one of them.',
            extensions: {
              code: 'BAD_USER_INPUT',
              field: 'X-API-Key',
              requestId: expect.any(String),
            },
          },
        ],
      });
    }
  });
});

describe('a header that says who is asking', () => {
  /** Sends headers as they are listed, names as often as they stand there. */
  function send(headers: string[]): Promise<[number, any]> {
    return new Promise((resolve, reject) => {
      const { host } = new URL(gateway.url);
      request(
        `${gateway.url}/graphql`,
        { method: 'POST', headers: ['host', host, 'connection', 'close', ...headers] },
        response => {
          json(response).then(body => resolve([response.statusCode!, body]), reject);
        },
      )
        .on('error', reject)
        .end(QUERY);
    });
  }

  test.each([
    [
      'Authorization',
      () => ['authorization', `Bearer ${key.secret}`, 'Authorization', `Bearer ${OPERATOR_TOKEN}`],
    ],
    [
      'Authorization',
      () => ['authorization', `Bearer ${key.secret}`, 'authorization', `Bearer ${key.secret}`],
    ],
    ['Authorization', () => ['AUTHORIZATION', '', 'authorization', `Bearer ${key.secret}`]],
    ['X-API-Key', () => ['x-api-key', key.secret, 'x-api-key', OPERATOR_TOKEN]],
    [
      'X-Tenant-Id',
      () => ['x-api-key', key.secret, 'x-tenant-id', tenant.id, 'x-tenant-id', tenant.id],
    ],
    ['Content-Type', () => ['x-api-key', key.secret, 'content-type', 'text/plain']],
    ['Host', () => ['x-api-key', key.secret, 'HOST', 'other.example']],
  ])(
    'is refused where it was sent twice, since a proxy could go by the other one: %s',
    async (name, headers) => {
      expect(await send(['content-type', 'application/json', ...headers()])).toEqual([
        400,
        {
          errors: [
            {
              message: `The header ${name} was sent more than once. Send it once.`,
              extensions: { code: 'BAD_USER_INPUT', field: name, requestId: expect.any(String) },
            },
          ],
        },
      ]);
      expect(statements).toEqual([]);
    },
  );

  test('may stand beside others that come twice', async () => {
    expect(
      await send([
        'content-type',
        'application/json',
        'x-api-key',
        key.secret,
        'accept',
        'application/json',
        'accept',
        '*/*',
        'forwarded',
        'for=a',
        'forwarded',
        'for=b',
      ]),
    ).toMatchObject([200, {}]);
  });
});

describe('the header X-Tenant-Id beside a token', () => {
  const viewer = (client: Client, tenantId: string): Promise<Answer> =>
    client.post(JSON.stringify({ query: '{ viewer { kind tenant { id } } }' }), {
      'x-tenant-id': tenantId,
    });

  test('is taken where it names the tenant of the key or the user', async () => {
    for (const [client, kind] of [
      [gateway.client(key.secret), 'API_KEY'],
      [await gateway.user(tenant), 'USER'],
    ] as const) {
      for (const named of [tenant.id, tenant.id.toUpperCase(), '']) {
        expect(await viewer(client, named)).toMatchObject({
          status: 200,
          data: { viewer: { kind, tenant: { id: tenant.id } } },
        });
      }
    }
  });

  test('is refused in the same words for any other tenant, there or not, and counted', async () => {
    const other = await gateway.world.tenant();
    const message =
      'X-Tenant-Id is not the id of your tenant. Send the id of your tenant, or remove the header.';
    for (const client of [gateway.client(key.secret), await gateway.user(tenant)]) {
      for (const named of [other.id, v4(), 'acme', `${tenant.id}x`]) {
        const answer = await viewer(client, named);
        expect(answer).toMatchObject({
          status: 403,
          data: undefined,
          errors: [{ message, extensions: { code: 'FORBIDDEN', field: 'X-Tenant-Id' } }],
        });
        expect(answer.headers.get('ratelimit')).toMatch(/r=\d+/);
      }
    }
  });

  test('is refused beside the operator’s token, which is of no tenant', async () => {
    expect(await viewer(gateway.operator, tenant.id)).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'X-Tenant-Id' } }],
    });
  });
});

describe('a token that cannot be a key', () => {
  const mistyped = (secret: string): string =>
    secret.slice(0, 20) + (secret[20] === 'A' ? 'B' : 'A') + secret.slice(21);

  test.each([
    ['nothing of ours', () => 'sk-1234567890abcdef'],
    ['only the beginning', () => 'wvr_'],
    ['a mistyped character', () => mistyped(key.secret)],
    ['a key cut short', () => key.secret.slice(0, -1)],
    ['a key and more', () => `${key.secret}0`],
    ['another case', () => key.secret.toUpperCase()],
    ['SQL', () => `wvr_'or(1=1)--_${'A'.repeat(43)}abcdef`],
    ['a very long one', () => `wvr_${'A'.repeat(10_000)}`],
    ['a long one that ends like a key', () => 'x'.repeat(5_000) + key.secret],
    ['an empty prefix', () => key.secret.replace(/^wvr_.{8}/, 'wvr_')],
  ])('is refused without asking the database: %s', async (_, token) => {
    await expectRefused(bearer(token()));
    expect(statements).toEqual([]);
  });

  test('does not get as far as the gateway when it is longer than all headers may be', async () => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer('A'.repeat(100_000)) },
      body: QUERY,
    }).catch(() => undefined);
    if (response) expect(response.status).toBe(431);
    expect((await ask(bearer(key.secret))).status, 'the gateway lives').toBe(200);
  });
});

describe('a well-formed key', () => {
  test.each([
    ['that nobody made', async () => newKey().secret],
    ['that was revoked', async () => (await tenant.key({ revoked: true })).secret],
    [
      'that has expired',
      async () => (await tenant.key({ expires_at: '2020-01-01T00:00:00Z' })).secret,
    ],
    [
      'that expires this moment',
      async () => (await tenant.key({ expires_at: new Date().toISOString() })).secret,
    ],
    ['with the prefix of another', async () => withSecretOf(key.secret, newKey().secret)],
    [
      'whose stored hash is of an older kind',
      async () => storedAs('$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA'),
    ],
    ['whose stored hash is the key itself', async () => storedAs(undefined)],
  ])('%s is refused with the same words after one look-up', async (_, token) => {
    const secret = await token();
    statements = [];
    await expectRefused(bearer(secret));
    expect(statements).toEqual(['apiKeyByPrefix']);
  });

  test('stops working the moment it is revoked, and not before it expires', async () => {
    const { id, secret } = await tenant.key({ expires_at: '2999-01-01T00:00:00Z' });
    expect((await ask(bearer(secret))).status).toBe(200);
    await gateway.db.asSuperuser('update api_keys set revoked = true where id = ?', [id]);
    await expectRefused(bearer(secret));
  });

  test('stops working with its tenant', async () => {
    const doomed = await gateway.world.tenant();
    const { secret } = await doomed.key();
    expect((await ask(bearer(secret))).status).toBe(200);
    await gateway.db.asSuperuser('delete from tenants where id = ?', [doomed.id]);
    await expectRefused(bearer(secret));
  });

  /**
   * The first one's prefix before the other's secret, with the checksum that such a key would have.
   */
  function withSecretOf(prefixed: string, other: string): string {
    const body = `${prefixed.slice(0, 12)}${other.slice(12, 56)}`;
    return body + hashOf(body).slice(0, 6);
  }

  async function storedAs(hash: string | undefined): Promise<string> {
    const { id, secret } = await tenant.key();
    await gateway.db.asSuperuser('update api_keys set key_hash = ? where id = ?', [
      hash ?? secret,
      id,
    ]);
    return secret;
  }
});

describe("the operator's token", () => {
  test.each([
    ['almost', OPERATOR_TOKEN.slice(0, -1)],
    ['and more', `${OPERATOR_TOKEN}!`],
    ['in another case', OPERATOR_TOKEN.toUpperCase()],
    ['with a wrong last letter', OPERATOR_TOKEN.replace(/.$/, '?')],
  ])('%s is not the token', async (_, token) => {
    await expectRefused(bearer(token));
    expect(statements).toEqual([]);
  });
});

describe('an invalid token', () => {
  test('opens not even what is open to everybody, so that a mistake is noticed', async () => {
    for (const query of ['{ __typename }', '{ __schema { queryType { name } } }']) {
      expect(await gateway.client(newKey().secret).query(query)).toMatchObject({
        status: 401,
        errors: [INVALID],
      });
    }
  });
});

test('no token comes back in an answer or gets into the log', () => {
  const logged = log.lines.join('');
  expect(log.lines.length).toBeGreaterThan(40);
  expect(sent.size).toBeGreaterThan(20);
  for (const token of sent) {
    expect(logged.includes(token), token).toBe(false);
    expect(
      answers.some(answer => answer.includes(token)),
      token,
    ).toBe(false);
  }
  expect(log.entries().filter(entry => entry.level >= 40)).toEqual([]);
});

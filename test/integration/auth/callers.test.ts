import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type Gateway } from '../../../src/app.js';
import { newKey } from '../../../src/api-keys/key-format.js';
import { createLogger } from '../../../src/observability/logger.js';
import { testConfig, USER_SECRET } from '../../support/config.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { isKeyLookUp } from '../../support/gateway.js';
import { tokenFor } from '../../support/identity-provider.js';
import { World, type TenantWorld } from '../../support/world.js';

const SMALL = 1_024;
let db: TestDatabase;
let tenant: TenantWorld;
let gateway: Gateway;
let statements: string[] = [];

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
  gateway = await startGateway({
    config: testConfig({
      WEAVER_MAX_ANONYMOUS_BODY_BYTES: String(SMALL),
      WEAVER_MAX_FAILED_TOKENS_RPM: '5',
      WEAVER_MAX_ANONYMOUS_RPM: '5',
    }),
    database: db.database,
    log: createLogger('silent'),
  });
  statements = [];
  db.database.onStatement = ({ name }) => void statements.push(name);
});
afterEach(async () => {
  db.database.onStatement = () => {};
  await gateway.close();
});
afterAll(() => db.close());

/** A request whose body is so large, or of which nobody says how large it is. */
function ask(
  token: string | undefined,
  size: 'small' | 'large' | 'unannounced',
  query = '{ viewer { kind } }',
): Promise<Response> {
  const body = JSON.stringify({ query, padding: 'x'.repeat(size === 'small' ? 0 : 2 * SMALL) });
  return fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { 'x-api-key': token }),
    },
    body: size === 'unannounced' ? new Blob([body]).stream() : body,
    duplex: 'half',
  } as RequestInit);
}

const remaining = (response: Response): number =>
  Number(/;r=(\d+);/.exec(response.headers.get('ratelimit')!)![1]);

describe.each(['small', 'large', 'unannounced'] as const)(
  'the caller of a request with a %s body',
  size => {
    test('is looked up once and counted once', async () => {
      const { secret } = await tenant.key({ rate_limit_rpm: 100 });
      const [first, second] = [await ask(secret, size), await ask(secret, size)];
      expect(await second.json()).toEqual({ data: { viewer: { kind: 'API_KEY' } } });
      expect([remaining(first), remaining(second)]).toEqual([99, 98]);
      expect(statements.map(isKeyLookUp)).toEqual([true, true]);
    });

    test('is looked up once as a user', async () => {
      const token = await tokenFor(
        { secret: USER_SECRET, alg: 'HS256' },
        { sub: await tenant.user() },
      );
      expect(await (await ask(token, size)).json()).toEqual({ data: { viewer: { kind: 'USER' } } });
      expect(statements).toEqual(['profileById']);
    });

    test('who guesses tokens is refused, and after some of them for a while', async () => {
      const statuses: number[] = [];
      for (let nth = 0; nth < 12; nth += 1)
        statuses.push((await ask(newKey().secret, size)).status);
      expect(statuses).toEqual([...Array<number>(5).fill(401), ...Array<number>(7).fill(429)]);
      expect(statements).toEqual(Array<string>(12).fill('apiKeyByPrefix'));
      const { secret } = await tenant.key();
      expect((await ask(secret, size)).status, 'a good token is none of them').toBe(200);
    });

    test('who has used up their rate is refused before the body is read', async () => {
      const { secret } = await tenant.key({ rate_limit_rpm: 1 });
      expect((await ask(secret, size)).status).toBe(200);
      const response = await ask(secret, size);
      expect([response.status, response.headers.get('retry-after')]).toEqual([
        429,
        expect.stringMatching(/^\d+$/),
      ]);
    });
  },
);

test('callers without a token are counted whatever they send', async () => {
  const statuses: number[] = [];
  for (let nth = 0; nth < 8; nth += 1)
    statuses.push((await ask(undefined, nth % 2 ? 'small' : 'large', '{ __typename }')).status);
  expect(statuses).toEqual([413, 200, 413, 200, 413, 429, 429, 429]);
});

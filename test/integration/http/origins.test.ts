import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newKey } from '../../../src/api-keys/key-format.js';
import { NOT_SIMPLE_HEADERS } from '../../../src/http/request-headers.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { collectLog } from '../../support/log-lines.js';

const APP = 'https://app.example.com';
const log = collectLog();
let gateway: TestGateway;
let closed: TestGateway;

beforeAll(async () => {
  [gateway, closed] = [
    await startTestGateway({
      log: log.log,
      env: { WEAVER_CORS_ORIGINS: `${APP},http://localhost:3000` },
    }),
    await startTestGateway({ env: { NODE_ENV: 'production' } }),
  ];
});
afterAll(() => Promise.all([gateway.close(), closed.close()]));

const preflight = (
  url: string,
  origin: string,
  headers = 'authorization,content-type',
): Promise<Response> =>
  fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': headers,
    },
  });
const post = (
  url: string,
  query: string,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
const allowed = ({ headers }: Response): string[] =>
  [...headers].flatMap(([name, value]) =>
    name.startsWith('access-control-') ? [`${name}: ${value}`] : [],
  );

describe('pages of other origins', () => {
  test('may ask and read the answer where the origin is on the list', async () => {
    const asked = await preflight(`${gateway.url}/graphql`, APP);
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(APP);
    expect(asked.headers.get('access-control-allow-headers')).toMatch(
      /authorization, ?content-type, ?x-api-key/i,
    );
    expect(asked.headers.get('access-control-allow-methods')).toBe('GET, HEAD, POST');
    expect(asked.headers.get('access-control-allow-credentials')).toBeNull();
    const answer = await post(gateway.url, '{ __typename }', { origin: 'http://localhost:3000' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    expect(answer.headers.get('access-control-expose-headers')).toMatch(
      /x-request-id.*retry-after/,
    );
    expect(answer.headers.get('vary')).toMatch(/origin/i);
  });

  test.each([
    ['every header that takes the place of a proof against forgery', NOT_SIMPLE_HEADERS],
    [
      "Apollo's clients",
      [
        'apollographql-client-name',
        'apollographql-client-version',
        'x-apollo-operation-name',
        'x-apollo-operation-id',
        'accept',
      ],
    ],
    [
      'OpenTelemetry',
      [
        'traceparent',
        'tracestate',
        'baggage',
        'b3',
        'x-b3-traceid',
        'x-b3-spanid',
        'x-b3-sampled',
        'x-b3-parentspanid',
      ],
    ],
    ['Sentry', ['sentry-trace', 'baggage', 'traceparent']],
    [
      'Datadog',
      [
        'x-datadog-origin',
        'x-datadog-parent-id',
        'x-datadog-sampling-priority',
        'x-datadog-trace-id',
        'tracestate',
      ],
    ],
    ['New Relic', ['newrelic', 'traceparent', 'tracestate']],
    [
      'libraries for requests',
      ['x-requested-with', 'cache-control', 'pragma', 'accept-language', 'idempotency-key'],
    ],
  ])('may send what comes from %s', async (_, headers) => {
    const { headers: answer } = await preflight(`${gateway.url}/graphql`, APP, headers.join());
    const listed = answer.get('access-control-allow-headers')!.toLowerCase().split(/, */);
    expect(headers.filter(header => !listed.includes(header))).toEqual([]);
  });

  test('read refusals as well, so that apps can tell what is wrong', async () => {
    expect(
      (
        await post(gateway.url, '{ bots { totalCount } }', { origin: APP, 'x-api-key': 'wrong' })
      ).headers.get('access-control-allow-origin'),
    ).toBe(APP);
    expect(
      (
        await fetch(`${gateway.url}/graphql`, {
          method: 'POST',
          headers: { origin: APP, 'content-type': 'application/json' },
          body: '{',
        })
      ).headers.get('access-control-allow-origin'),
    ).toBe(APP);
  });

  test.each([
    'https://evil.example.com',
    'https://app.example.com.evil.net',
    'http://app.example.com',
    'https://app.example.com:8443',
    'null',
  ])('may not where it is not: %s', async origin => {
    for (const response of [
      await preflight(`${gateway.url}/graphql`, origin),
      await post(gateway.url, '{ __typename }', { origin }),
    ]) {
      expect(response.headers.get('access-control-allow-origin')).not.toBe(origin);
      expect(response.headers.get('access-control-allow-origin')).not.toBe('*');
      expect(response.headers.get('vary')).toMatch(/origin/i);
    }
  });

  test('may not without a list, nor anywhere but at GraphQL', async () => {
    for (const response of [
      await preflight(`${closed.url}/graphql`, APP),
      await post(closed.url, '{ __typename }', { origin: APP }),
      await fetch(`${gateway.url}/health/live`, { headers: { origin: APP } }),
      await fetch(`${gateway.url}/playground`, { headers: { origin: APP } }),
    ]) {
      expect(allowed(response)).toEqual([]);
    }
  });
});

describe('the log', () => {
  const ofOrigins = (): Record<string, any>[] =>
    log.entries().filter(entry => String(entry.msg).includes('WEAVER_CORS_ORIGINS'));

  test('names an origin that is refused once, and the variable that would let it in', async () => {
    const before = ofOrigins().length;
    for (const origin of [
      'https://new.example.com',
      'https://new.example.com',
      'http://new.example.com:8080',
      APP,
    ])
      await preflight(`${gateway.url}/graphql`, origin);
    await post(gateway.url, '{ __typename }', { origin: gateway.url });
    expect(
      ofOrigins()
        .slice(before)
        .map(({ origin, level }) => [origin, level]),
    ).toEqual([
      ['https://new.example.com', 30],
      ['http://new.example.com:8080', 30],
    ]);
  });

  test('takes only the scheme and host of what was sent, and not all that are made', async () => {
    const before = ofOrigins().length;
    for (const origin of [
      'nonsense',
      'https://user:secret-in-origin@host.example.com/secret-in-origin?secret-in-origin',
      `https://${'a'.repeat(300)}.example.com`,
      `https://${newKey().secret}.example.com`,
    ])
      await preflight(`${gateway.url}/graphql`, origin);
    expect(
      ofOrigins()
        .slice(before)
        .map(({ origin }) => origin),
    ).toEqual(['https://host.example.com']);
    for (let nth = 0; nth < 120; nth += 1)
      await preflight(`${gateway.url}/graphql`, `https://made-up-${nth}.example.com`);
    expect(ofOrigins()).toHaveLength(100);
    expect(log.lines.join('')).not.toMatch(/secret-in-origin|wvr_/);
  });
});

describe('in production', () => {
  test('the schema is shown to callers with a token only', async () => {
    const { secret } = await (await closed.world.tenant()).key();
    for (const query of [
      getIntrospectionQuery(),
      '{ __type(name: "Bot") { name } }',
      '{ ...A } fragment A on Query { s: __schema { queryType { name } } }',
    ]) {
      const answer = await post(closed.url, query);
      expect([answer.status, await answer.json()]).toMatchObject([
        401,
        { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
      ]);
      expect((await post(closed.url, query, { 'x-api-key': secret })).status).toBe(200);
      expect((await post(gateway.url, query)).status).toBe(200);
    }
    expect(await (await post(closed.url, '{ __typename }')).json()).toEqual({
      data: { __typename: 'Query' },
    });
  });

  test('a misspelt name is not put right for callers without one', async () => {
    const { secret } = await (await closed.world.tenant()).key();
    for (const query of [
      '{ botz { totalCount } }',
      '{ bots(frist: 1) { totalCount } }',
      '{ bot(id: "x") { ... on Bott { id } } }',
    ]) {
      expect(await (await post(closed.url, query)).text()).not.toMatch(/did you mean/i);
      expect(await (await post(closed.url, query, { 'x-api-key': secret })).text()).toMatch(
        /did you mean/i,
      );
      expect(await (await post(gateway.url, query)).text()).toMatch(/did you mean/i);
    }
  });
});

test('answers are never taken for pages', async () => {
  for (const path of ['/graphql?query=x', '/health/live', '/nothing']) {
    const { headers } = await fetch(gateway.url + path);
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; frame-ancestors 'none'",
    );
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  }
  expect(
    (await fetch(`${gateway.url}/playground`)).headers.get('content-security-policy'),
  ).toContain("script-src 'self'");
});

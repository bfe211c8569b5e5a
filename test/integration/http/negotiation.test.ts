import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newKey } from '../../../src/api-keys/key-format.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

let gateway: TestGateway;
let tenant: TenantWorld;
let key: string;
let once: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  key = (await tenant.key({ scopes: ['read', 'write'] })).secret;
  once = (await tenant.key({ rate_limit_rpm: 1 })).secret;
  await gateway.client(once).query('{ __typename }');
});
afterAll(() => gateway.close());

/** Sends a change, under Accept headers as they are listed. */
function createBot(
  name: string,
  accepts: string[],
): Promise<{ status: number; type: string | undefined; body: any }> {
  const query = 'mutation ($name: String!) { createBot(input: { name: $name }) { bot { name } } }';
  const headers = [
    'host',
    new URL(gateway.url).host,
    'connection',
    'close',
    'content-type',
    'application/json',
    'x-api-key',
    key,
    ...accepts.flatMap(accept => ['accept', accept]),
  ];
  return new Promise((resolve, reject) => {
    request(`${gateway.url}/graphql`, { method: 'POST', headers }, response => {
      json(response).then(
        body =>
          resolve({ status: response.statusCode!, type: response.headers['content-type'], body }),
        reject,
      );
    })
      .on('error', reject)
      .end(JSON.stringify({ query, variables: { name } }));
  });
}

async function botsCalled(name: string): Promise<number> {
  return (
    await gateway
      .client(key)
      .data('query ($name: String!) { bots(filter: { name: { eq: $name } }) { totalCount } }', {
        name,
      })
  ).bots.totalCount;
}

describe('a change', () => {
  test.each([
    [['application/json; charset=utf8'], 'application/json'],
    [['application/json; version=2'], 'application/json'],
    [['application/json;profile="x"'], 'application/json'],
    [['application/json; charset=iso-8859-1'], 'application/json'],
    [['application/json;q=abc'], 'application/json'],
    [['APPLICATION/JSON;V=1'], 'application/json'],
    [['application/*;version=1'], 'application/json'],
    [['*/*;version=1'], 'application/json'],
    [['*'], 'application/json'],
    [[''], 'application/json'],
    [[], 'application/json'],
    [['text/html', 'application/graphql-response+json;v=1'], 'application/graphql-response+json'],
    [['application/graphql-response+json;q=0', '*/*'], 'application/json'],
    [
      [
        'multipart/mixed;deferSpec=20220824,application/graphql-response+json,' +
          'application/json;q=0.9',
      ],
      'application/graphql-response+json',
    ],
  ])('is made once and answered for %j', async (accepts, type) => {
    const name = `accepts ${JSON.stringify(accepts)}`;
    expect(await createBot(name, accepts)).toEqual({
      status: 200,
      type: `${type}; charset=utf-8`,
      body: { data: { createBot: { bot: { name } } } },
    });
    expect(await botsCalled(name)).toBe(1);
  });

  test.each([
    [['text/html']],
    [['application/json;q=0']],
    [['application/json;q=0', 'application/graphql-response+json;q=0.0']],
    [['*/*;q=0']],
    [['application/*;q=0', '*/*']],
    [['application/xml;version=1']],
  ])('is not made where no answer would do: %j', async accepts => {
    const name = `refuses ${JSON.stringify(accepts)}`;
    expect(await createBot(name, accepts)).toMatchObject({
      status: 406,
      body: {
        errors: [
          {
            message: expect.stringContaining('application/graphql-response+json'),
            extensions: { code: 'BAD_USER_INPUT' },
          },
        ],
      },
    });
    expect(await botsCalled(name)).toBe(0);
  });
});

describe('a refusal', () => {
  const GRAPHQL = 'application/graphql-response+json';

  test.each<[string, number, RequestInit & { headers?: Record<string, string> }]>([
    ['a body that is no JSON', 400, { body: '{' }],
    ['a body that is no request', 400, { body: '[]' }],
    ['variables of another kind', 400, { body: '{"query":"{ __typename }","variables":1}' }],
    ['a body in another form', 415, { headers: { 'content-type': 'text/plain' }, body: 'x' }],
    ['a body that is too large', 413, { body: ' '.repeat(200_000) }],
    ['an unknown token', 401, { headers: { 'x-api-key': newKey().secret } }],
    ['no token', 401, { body: '{"query":"{ bots { totalCount } }"}' }],
    ['an unknown document', 400, { body: '{"documentId":"nothing"}' }],
    ['syntax', 400, { body: '{"query":"{"}' }],
  ])(
    'for %s has the media type that was asked for',
    async (_, status, { headers, body = '{"query":"{ __typename }"}' }) => {
      for (const [accept, type] of [
        [GRAPHQL, GRAPHQL],
        [`application/json;q=0.5, ${GRAPHQL};version=1`, GRAPHQL],
        ['*/*', 'application/json'],
        [`${GRAPHQL};q=0, application/json;v=1`, 'application/json'],
      ]) {
        const response = await fetch(`${gateway.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', accept: accept!, ...headers },
          body,
        });
        expect([accept, response.headers.get('content-type')]).toEqual([
          accept,
          `${type}; charset=utf-8`,
        ]);
        // In JSON that was asked for by name, what could be read as a request is 200.
        if (!(body === '{"query":"{"}' && accept!.includes('json;v=1')))
          expect(response.status).toBe(status);
        expect(await response.json()).toMatchObject({
          errors: [{ extensions: { requestId: response.headers.get('x-request-id') } }],
        });
      }
    },
  );

  test('for a rate that is used up has it too, and says when to come again', async () => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: `text/html, ${GRAPHQL}`,
        'x-api-key': once,
      },
      body: '{"query":"{ __typename }"}',
    });
    expect([
      response.status,
      response.headers.get('content-type'),
      response.headers.get('cache-control'),
    ]).toEqual([429, `${GRAPHQL}; charset=utf-8`, 'no-store']);
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  });
});

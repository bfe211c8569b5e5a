import { afterAll, beforeAll, expect, test } from 'vitest';
import { newKey } from '../../../src/api-keys/key-format.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { collectLog } from '../../support/log-lines.js';

const log = collectLog();
let gateway: TestGateway;
let key: string;
let once: string;

beforeAll(async () => {
  gateway = await startTestGateway({
    log: log.log,
    env: { WEAVER_MAX_ANONYMOUS_BODY_BYTES: '2000', WEAVER_MAX_BODY_BYTES_IN_FLIGHT: '1024' },
  });
  const tenant = await gateway.world.tenant();
  key = (await tenant.key()).secret;
  once = (await tenant.key({ rate_limit_rpm: 1 })).secret;
  await gateway.client(once).query('{ __typename }');
});
afterAll(() => gateway.close());

const JSON_BODY = { 'content-type': 'application/json' };
const operation = (query: string, others: object = {}): string =>
  JSON.stringify({ query, ...others });

const CREATE_BOT = 'mutation { createBot(input: { name: "x" }) { bot { id } } }';

interface Refused {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: () => Record<string, string>;
  readonly body?: string;
}

test.each<[string, number, string, Refused]>([
  ['a path that is not there', 404, 'NOT_FOUND', { method: 'GET', path: '/nothing' }],
  ['a method', 405, 'BAD_USER_INPUT', { method: 'DELETE' }],
  ['an answer in another form', 406, 'BAD_USER_INPUT', { headers: () => ({ accept: 'text/csv' }) }],
  [
    'a body in another form',
    415,
    'BAD_USER_INPUT',
    { headers: () => ({ 'content-type': 'text/plain' }) },
  ],
  [
    'a body in another charset',
    415,
    'BAD_USER_INPUT',
    { headers: () => ({ 'content-type': 'application/json; charset=latin1' }) },
  ],
  [
    'a body that is too large',
    413,
    'BAD_USER_INPUT',
    { body: operation('{ __typename }', { x: 'x'.repeat(3_000) }) },
  ],
  [
    'a body for which there is no room',
    503,
    'UNAVAILABLE',
    {
      headers: () => ({ authorization: `Bearer ${key}` }),
      body: operation('{ __typename }', { x: 'x'.repeat(3_000) }),
    },
  ],
  ['a body that is no JSON', 400, 'BAD_USER_INPUT', { body: '{' }],
  ['a body that is no request', 400, 'BAD_USER_INPUT', { body: '[]' }],
  ['a request without an operation', 400, 'BAD_USER_INPUT', { body: '{}' }],
  [
    'variables in another form',
    400,
    'BAD_USER_INPUT',
    { body: operation('{ __typename }', { variables: 'x' }) },
  ],
  [
    'an unknown token',
    401,
    'UNAUTHENTICATED',
    { headers: () => ({ authorization: `Bearer ${newKey().secret}` }) },
  ],
  [
    'a rate that is used up',
    429,
    'RATE_LIMITED',
    { headers: () => ({ authorization: `Bearer ${once}` }) },
  ],
  [
    'an unknown document',
    400,
    'BAD_USER_INPUT',
    { body: JSON.stringify({ documentId: 'nothing' }) },
  ],
  ['syntax', 400, 'BAD_USER_INPUT', { body: operation('{') }],
  ['an unknown field', 400, 'BAD_USER_INPUT', { body: operation('{ nothing }') }],
  [
    'an unknown operation name',
    400,
    'BAD_USER_INPUT',
    { body: operation('{ __typename }', { operationName: 'Other' }) },
  ],
  [
    'what is too complex',
    400,
    'QUERY_TOO_COMPLEX',
    { body: operation(`{ ${'__typename '.repeat(102)}}`) },
  ],
  ['nobody', 401, 'UNAUTHENTICATED', { body: operation('{ bots { totalCount } }') }],
  [
    'a scope that is missing',
    403,
    'FORBIDDEN',
    {
      headers: () => ({ authorization: `Bearer ${key}` }),
      body: operation(CREATE_BOT),
    },
  ],
  [
    'a change by GET',
    405,
    'BAD_USER_INPUT',
    {
      method: 'GET',
      path: `/graphql?query=${encodeURIComponent(CREATE_BOT)}`,
      headers: () => ({ authorization: `Bearer ${key}`, accept: 'application/json' }),
    },
  ],
  [
    'a GET that a page could forge',
    400,
    'BAD_USER_INPUT',
    {
      method: 'GET',
      path: '/graphql?query={__typename}',
      headers: () => ({ accept: 'application/json' }),
    },
  ],
])(
  'refusing %s is %i %s, with the id of the request in answer, header and log',
  async (
    _,
    status,
    code,
    {
      method = 'POST',
      path = '/graphql',
      headers = () => ({}),
      body = operation('{ __typename }'),
    },
  ) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { ...(method === 'POST' && JSON_BODY), ...headers() },
      ...(method === 'POST' && { body }),
    });
    const { errors, data } = (await response.json()) as {
      errors: { message: string; extensions: { code: string; requestId: string } }[];
      data: unknown;
    };
    const requestId = response.headers.get('x-request-id');
    expect({ status: response.status, data, errors }).toEqual({
      status,
      data: undefined,
      errors: [
        expect.objectContaining({
          message: expect.any(String),
          extensions: expect.objectContaining({ code, requestId }),
        }),
      ],
    });
    expect(errors[0]!.message).not.toMatch(/\bat .*:\d+:\d+|node_modules|select /);
    await expect
      .poll(() =>
        log.entries().filter(entry => entry.requestId === requestId && entry.msg === 'request'),
      )
      .toMatchObject([{ status }]);
    if (status === 429 || status === 503)
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  },
);

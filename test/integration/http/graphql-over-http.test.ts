import { serverAudits, type Audit } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPERATOR_TOKEN, startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;
let url: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  url = `${gateway.url}/graphql`;
});
afterAll(() => gateway.close());

const TYPENAME = '{ __typename }';
const json = { 'content-type': 'application/json' };
const operator = { authorization: `Bearer ${OPERATOR_TOKEN}` };

function post(
  body: string | Uint8Array | undefined,
  headers: Record<string, string> = json,
): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body: body as string });
}

function get(
  parameters: Record<string, string>,
  headers: Record<string, string> = operator,
): Promise<Response> {
  return fetch(`${url}?${new URLSearchParams(parameters)}`, { headers, redirect: 'manual' });
}

/** A refusal in the shape of GraphQL errors, that says nothing of what is inside. */
async function expectRefused(
  response: Response,
  status: number,
  message: RegExp,
  field?: string,
): Promise<void> {
  const text = await response.text();
  expect(response.headers.get('content-type'), text).toMatch(
    /^application\/(graphql-response\+)?json/,
  );
  const body = JSON.parse(text) as {
    data?: unknown;
    errors: { message: string; extensions: Record<string, unknown> }[];
  };
  expect(response.status, text).toBe(status);
  expect(body.errors[0]!.message).toMatch(message);
  expect(body.errors[0]!.extensions).toEqual({
    code: 'BAD_USER_INPUT',
    ...(field && { field }),
    requestId: response.headers.get('x-request-id'),
  });
  expect(body.data).toBeUndefined();
  expect(text).not.toMatch(/node_modules|file:\/\/|\.[jt]s:\d|stack/i);
}

describe('the audits of the GraphQL over HTTP specification', () => {
  /** How they ended, but for those that found nothing. */
  async function findings(headers: Record<string, string>): Promise<string[]> {
    const audits: Audit[] = serverAudits({
      url,
      fetchFn: (to: string, init?: RequestInit) =>
        fetch(to, {
          ...init,
          headers: { ...(init?.headers as Record<string, string>), ...headers },
        }),
    });
    expect(audits.length).toBeGreaterThan(50);
    const results = await Promise.all(audits.map(audit => audit.fn()));
    return results.flatMap(result =>
      result.status === 'ok' ? [] : [`${result.status}: ${result.name}`],
    );
  }

  test('find nothing at all for a caller with a token', async () => {
    expect(await findings(operator)).toEqual([]);
  });

  test('find for others only that a GET wants a header that no page can send', async () => {
    expect(await findings({})).toEqual([
      'notice: MAY accept application/x-www-form-urlencoded formatted GET requests',
      'notice: MAY allow URL-encoded JSON string {variables} parameter in GETs when ' +
        'accepting application/graphql-response+json',
      'notice: MAY allow URL-encoded JSON string {variables} parameter in GETs when ' +
        'accepting application/json',
    ]);
  });
});

describe('a POST', () => {
  test.each([
    ['application/graphql-response+json', 'application/graphql-response+json; charset=utf-8'],
    ['application/json', 'application/json; charset=utf-8'],
    ['*/*', 'application/json; charset=utf-8'],
    [
      'text/html, application/graphql-response+json;q=0.9',
      'application/graphql-response+json; charset=utf-8',
    ],
    [
      'application/json;q=0.1, application/graphql-response+json',
      'application/graphql-response+json; charset=utf-8',
    ],
    [
      'application/json, application/graphql-response+json',
      'application/graphql-response+json; charset=utf-8',
    ],
    [
      'application/graphql-response+json; charset=utf-8, application/json; charset=utf-8',
      'application/graphql-response+json; charset=utf-8',
    ],
    ['application/graphql-response+json;q=0, */*', 'application/json; charset=utf-8'],
    ['Application/GraphQL-Response+JSON', 'application/graphql-response+json; charset=utf-8'],
    ['application/*', 'application/json; charset=utf-8'],
  ])('that accepts %s is answered in %s', async (accept, type) => {
    const response = await post(JSON.stringify({ query: TYPENAME }), { ...json, accept });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } });
  });

  test.each(['text/html', 'image/png', 'application/json;q=0', 'application/xml'])(
    'that accepts only %s is refused before anything runs',
    async accept => {
      const statements = await gateway.statements(async () => {
        await expectRefused(
          await post(JSON.stringify({ query: '{ bots { totalCount } }' }), {
            ...json,
            ...operator,
            accept,
          }),
          406,
          /graphql-response\+json or application\/json/,
        );
      });
      expect(statements).toEqual([]);
    },
  );

  test.each([
    'text/plain',
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/graphql',
    'application/graphql-response+json',
    'application/jsonp',
    'not a type',
  ])('of %s is refused, as a page could send it or nobody could read it', async type => {
    for (const headers of [{ 'content-type': type }, { 'content-type': type, ...operator }]) {
      await expectRefused(
        await post(JSON.stringify({ query: TYPENAME }), headers),
        415,
        /Unsupported Media Type: .*"content-type: application\/json"/,
      );
    }
  });

  test('without a content type is refused', async () => {
    const headers = { ...operator } as Record<string, string>;
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: new Blob([JSON.stringify({ query: TYPENAME })]),
    });
    expect(response.status).toBe(415);
    await expectRefused(await post(undefined, {}), 400, /Cross-Site Request Forgery/);
  });

  test.each([
    'application/json; charset=utf-8; foo=bar',
    'APPLICATION/JSON',
    'application/json;charset=UTF-8',
    'application/json; profile="a;b"',
  ])('of %s is read', async type => {
    expect(
      await (await post(JSON.stringify({ query: TYPENAME }), { 'content-type': type })).json(),
    ).toEqual({ data: { __typename: 'Query' } });
  });

  test.each(['utf-8', 'UTF-8', '"utf-8"', 'utf8'])('in the charset %s is read', async charset => {
    const response = await post(
      JSON.stringify({
        query: 'query ($id: ID!) { bot(id: $id) { id } }',
        variables: { id: 'ümläut' },
      }),
      { ...operator, 'content-type': `application/json; charset=${charset}` },
    );
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { field: 'id' } }] });
  });

  test.each(['latin1', 'utf-16', 'utf-7', 'us-ascii'])(
    'in the charset %s is refused',
    async charset => {
      await expectRefused(
        await post(JSON.stringify({ query: TYPENAME }), {
          'content-type': `application/json; charset=${charset}`,
        }),
        415,
        /UTF-8/,
      );
    },
  );

  test('that is not UTF-8 is refused, and never read with other characters in it', async () => {
    await expectRefused(
      await post(Buffer.from(`{"query":"{ __typename } # \xff"}`, 'latin1')),
      400,
      /not valid UTF-8/,
    );
  });

  test.each([
    ['nothing', '', /body is empty/],
    ['half a body', '{"query":', /not valid JSON/],
    ['a string', '"{ __typename }"', /body must be a JSON object .*, not a string/],
    ['a number', '1', /body must be a JSON object .*, not a number/],
    ['true', 'true', /body must be a JSON object .*, not a boolean/],
    ['null', 'null', /body must be a JSON object .*, not null/],
    ['an empty object', '{}', /no operation\. Send one as "query"/],
    ['no query', '{"variables":{}}', /no operation\. Send one as "query"/],
    ['a query that is null', '{"query":null}', /no operation\. Send one as "query"/],
    [
      'a query in the prototype',
      '{"__proto__":{"query":"{__typename}"}}',
      /no operation\. Send one as "query"/,
    ],
  ])('with %s is refused', async (_, body, message) => {
    await expectRefused(await post(body), 400, message);
  });

  test.each([
    [
      'a query that is empty',
      '{"query":""}',
      'query',
      'query is empty. Send an operation, such as {"query":"{ __typename }"}.',
    ],
    [
      'a query of spaces',
      '{"query":" \\n","variables":{}}',
      'query',
      'query is empty. Send an operation, such as {"query":"{ __typename }"}.',
    ],
    ['a query of another kind', '{"query":1}', 'query', 'query must be a string, not a number.'],
    [
      'a parsed query',
      '{"query":{"kind":"Document"}}',
      'query',
      'query must be a string, not an object.',
    ],
    [
      'variables in a list',
      '{"query":"{__typename}","variables":[]}',
      'variables',
      'variables must be an object, not a list.',
    ],
    [
      'variables in a string',
      '{"query":"{__typename}","variables":"{}"}',
      'variables',
      'variables must be an object, not a string.',
    ],
    [
      'variables that are false',
      '{"query":"{__typename}","variables":false}',
      'variables',
      'variables must be an object, not a boolean.',
    ],
    [
      'a name of another kind',
      '{"query":"{__typename}","operationName":1}',
      'operationName',
      'operationName must be a string, not a number.',
    ],
    [
      'extensions in a string',
      '{"query":"{__typename}","extensions":"x"}',
      'extensions',
      'extensions must be an object, not a string.',
    ],
    [
      'extensions in a list',
      '{"query":"{__typename}","extensions":[]}',
      'extensions',
      'extensions must be an object, not a list.',
    ],
  ])('with %s is refused by name', async (_, body, field, message) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      errors: [
        {
          message,
          extensions: {
            code: 'BAD_USER_INPUT',
            field,
            requestId: response.headers.get('x-request-id'),
          },
        },
      ],
    });
  });

  test.each([
    ['no name', { operationName: '' }],
    ['a name that is null', { operationName: null }],
    ['variables and extensions that are null', { variables: null, extensions: null }],
    ['members that nobody knows', { id: 1, constructor: { prototype: {} }, batch: [] }],
  ])('with %s runs', async (_, others) => {
    const response = await post(JSON.stringify({ query: TYPENAME, ...others }));
    expect([response.status, await response.json()]).toEqual([
      200,
      { data: { __typename: 'Query' } },
    ]);
  });

  test('goes by the last of several members with one name, as JSON is usually read', async () => {
    expect(await (await post('{"query":"{ nothing }","query":"{ __typename }"}')).json()).toEqual({
      data: { __typename: 'Query' },
    });
  });

  test('with several operations in a list is refused: there is no batching', async () => {
    for (const list of [[], [{ query: TYPENAME }], [{ query: TYPENAME }, { query: TYPENAME }]]) {
      await expectRefused(await post(JSON.stringify(list)), 400, /batching/i);
    }
  });

  test.each([
    ['selections', `{ ${'a { '.repeat(3_000)}b${' }'.repeat(3_000)} }`],
    ['lists', `{ node(id: ${'['.repeat(4_000)}1${']'.repeat(4_000)}) { id } }`],
    ['types', `query ($x: ${'['.repeat(4_000)}Int${']'.repeat(4_000)}) { __typename }`],
    ['inline fragments', `{ ${'... { '.repeat(3_000)}__typename${' }'.repeat(3_000)} }`],
    ['tokens', `{ ${'__typename '.repeat(20_000)} }`],
  ])('with a tower of %s is refused, and the gateway lives', async (_, query) => {
    const response = await post(JSON.stringify({ query }));
    expect(response.status).toBeLessThan(500);
    await response.text();
    expect((await post(JSON.stringify({ query: TYPENAME }))).status).toBe(200);
  });

  test('with a tower of variables is refused, and the gateway lives', async () => {
    const tower =
      '{"query":"query ($x: JSONObject) { bots(filter: { config: { contains: $x } }) { ' +
      `totalCount } }","variables":{"x":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}}`;
    await expectRefused(
      await post(tower, { ...json, ...operator }),
      400,
      /nested deeper/,
      'variables',
    );
    expect((await post(JSON.stringify({ query: TYPENAME }))).status).toBe(200);
  });
});

describe('a GET', () => {
  test('runs a query with variables and a name', async () => {
    const query =
      'query One($name: String!) { __type(name: $name) { name } } query Two { __typename }';
    const response = await get({ query, operationName: 'One', variables: '{"name":"Bot"}' });
    expect(await response.json()).toEqual({ data: { __type: { name: 'Bot' } } });
    expect(await (await get({ query, operationName: 'Two' })).json()).toEqual({
      data: { __typename: 'Query' },
    });
  });

  test.each([
    'x-api-key',
    'graphql-require-preflight',
    'apollo-require-preflight',
    'x-apollo-operation-name',
  ])('is taken with the header %s, which pages cannot send', async name => {
    expect(
      (await get({ query: TYPENAME }, { [name]: name === 'x-api-key' ? OPERATOR_TOKEN : '1' }))
        .status,
    ).toBe(200);
  });

  test.each([
    [{}],
    [{ accept: 'application/json' }],
    [{ 'content-type': 'text/plain' }],
    [{ authorization: '' }],
  ])('is refused where a page could have sent it: %j', async headers => {
    await expectRefused(
      await get({ query: TYPENAME }, headers as Record<string, string>),
      400,
      /Cross-Site Request Forgery/,
    );
  });

  test.each([
    'application/xml',
    'application/graphql',
    'message/rfc822',
    'x',
    'application/json, text/plain',
    ';',
  ])(
    'with the type %s and no body is refused: browsers had faults that let pages send it',
    async type => {
      for (const headers of [{}, operator])
        await expectRefused(
          await get({ query: TYPENAME }, { ...headers, 'content-type': type }),
          415,
          /A GET has no body/,
        );
    },
  );

  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])(
    'with the type %s is taken, as some clients always send it',
    async type => {
      expect((await get({ query: TYPENAME }, { 'content-type': type })).status).toBe(200);
    },
  );

  test.each([
    [{ query: TYPENAME, variables: '{' }, /variables is not valid JSON/, 'variables'],
    [{ query: TYPENAME, variables: '[]' }, /variables must be an object, not a list/, 'variables'],
    [{ query: TYPENAME, extensions: 'x' }, /extensions is not valid JSON/, 'extensions'],
    [
      { query: TYPENAME, extensions: '1' },
      /extensions must be an object, not a number/,
      'extensions',
    ],
    [{ query: '' }, /query/],
    [{ operationName: 'One' }, /query/],
  ])('with unusable parameters is refused: %j', async (parameters, message, field?: string) => {
    await expectRefused(await get(parameters as Record<string, string>), 400, message, field);
  });

  test.each([
    { operationName: '' },
    { variables: '' },
    { extensions: '' },
    { documentId: '' },
    { variables: 'null' },
  ])('with an empty parameter runs as without it: %j', async empty => {
    const response = await get({ query: TYPENAME, ...(empty as object) } as Record<string, string>);
    expect([response.status, await response.json()]).toEqual([
      200,
      { data: { __typename: 'Query' } },
    ]);
  });

  test('of several operations is refused where the name is missing or empty', async () => {
    for (const parameters of [{}, { operationName: '' }] as Record<string, string>[]) {
      expect(
        await (
          await get({ query: 'query One { __typename } query Two { __typename }', ...parameters })
        ).text(),
      ).toMatch(/operation name/i);
    }
  });

  test.each(['query', 'documentId', 'operationName', 'variables', 'extensions'])(
    'with the parameter %s twice is refused',
    async name => {
      const parameters = new URLSearchParams([
        ['query', TYPENAME],
        [name, TYPENAME],
        ...(name === 'query' ? [] : [[name, '']]),
      ] as [string, string][]);
      await expectRefused(
        await fetch(`${url}?${parameters}`, { headers: operator }),
        400,
        new RegExp(`${name} may only be specified once`),
        name,
      );
    },
  );

  test('cannot run anything but a query', async () => {
    for (const query of ['mutation { x }', 'subscription { x }'])
      expect((await get({ query })).status).not.toBe(200);
    const response = await get({
      query: 'mutation { createBot(input: { name: "x" }) { bot { id } } }',
    });
    expect(response.headers.get('allow')).toBe('POST');
    await expectRefused(
      response,
      405,
      /GET runs queries only\. Send this mutation by POST/,
      'query',
    );
  });
});

describe('other methods', () => {
  test('HEAD has the head of a GET and no body', async () => {
    const query = new URLSearchParams({ query: TYPENAME });
    const [head, whole] = await Promise.all(
      ['HEAD', 'GET'].map(method => fetch(`${url}?${query}`, { method, headers: operator })),
    );
    expect(head!.status).toBe(200);
    for (const name of [
      'content-type',
      'content-length',
      'x-content-type-options',
      'cache-control',
    ])
      expect(head!.headers.get(name)).toBe(whole!.headers.get(name));
    expect(await head!.text()).toBe('');
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(400);
  });

  test('OPTIONS says what there is', async () => {
    const response = await fetch(url, { method: 'OPTIONS' });
    expect([response.status, response.headers.get('allow')]).toEqual([
      204,
      'GET, HEAD, POST, OPTIONS',
    ]);
  });

  test.each(['PUT', 'PATCH', 'DELETE'])(
    '%s is refused and told what there is, without a look at who is asking',
    async method => {
      const seen: string[] = [];
      gateway.db.database.onStatement = ({ name }) => void seen.push(name);
      const response = await fetch(url, {
        method,
        headers: { ...json, ...operator },
        body: JSON.stringify({ query: '{ bots { totalCount } }' }),
      });
      gateway.db.database.onStatement = () => {};
      expect(response.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
      await expectRefused(response, 405, /GET and POST/);
      expect(seen).toEqual([]);
    },
  );
});

describe('the status', () => {
  const status = async (query: string, accept: string, variables?: object): Promise<number> =>
    (await post(JSON.stringify({ query, variables }), { ...json, ...operator, accept })).status;

  test.each([
    ['a document that cannot be read', '{', undefined],
    ['one that is not valid', '{ nothing }', undefined],
    ['variables that do not fit', 'query ($id: ID!) { bot(id: $id) { id } }', {}],
    ['an operation that is not there', 'query A { __typename } query B { __typename }', undefined],
  ])(
    'of %s is 400 in the media type of GraphQL and 200 in JSON, as the specification has it',
    async (_, query, variables) => {
      expect(await status(query, 'application/graphql-response+json', variables)).toBe(400);
      expect(
        await status(query, 'application/graphql-response+json, application/json', variables),
      ).toBe(400);
      expect(await status(query, '*/*', variables)).toBe(400);
      expect(await status(query, 'application/json', variables)).toBe(200);
      expect(await status(query, 'application/json;version=2', variables)).toBe(200);
      expect(await status(query, 'application/json, text/plain, */*', variables)).toBe(200);
      expect(
        await status(
          query,
          'application/graphql-response+json;q=0.5, application/json;q=0.4',
          variables,
        ),
      ).toBe(400);
    },
  );

  test('of an answer with data is 200, whatever went wrong beside it', async () => {
    const response = await post(
      JSON.stringify({ query: '{ viewer { kind } bot(id: "nonsense") { id } }' }),
      { ...json, ...operator, accept: 'application/graphql-response+json' },
    );
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      data: { viewer: { kind: 'OPERATOR' }, bot: null },
      errors: [
        { path: ['bot'], extensions: { code: 'BAD_USER_INPUT', requestId: expect.any(String) } },
      ],
    });
  });

  test('of a caller who may not ask is 401 or 403 in both', async () => {
    const { secret } = await (await gateway.world.tenant()).key({ scopes: ['search'] });
    for (const accept of ['application/graphql-response+json', 'application/json']) {
      for (const [headers, expected] of [
        [{}, 401],
        [{ 'x-api-key': 'wrong' }, 401],
        [{ 'x-api-key': secret }, 403],
      ] as const) {
        expect(
          (
            await post(JSON.stringify({ query: '{ bots { totalCount } }' }), {
              ...json,
              ...headers,
              accept,
            })
          ).status,
        ).toBe(expected);
      }
    }
  });
});

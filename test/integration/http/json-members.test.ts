import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  key = (await (await gateway.world.tenant()).key({ scopes: ['read', 'write', 'search'] })).secret;
});
afterAll(() => gateway.close());

/** As JSON text: written as an object literal, `__proto__` would be no member. */
const VALUES = [
  '{"__proto__": {"polluted": true}}',
  '{"__proto__": null}',
  '{"a": [{"__proto__": {"polluted": true}}]}',
  '{"constructor": {"prototype": {"polluted": true}}}',
  '{"constructor": 1, "toString": "x", "hasOwnProperty": null, "valueOf": {}}',
  '{"a": {"constructor": {"prototype": {"polluted": true}, "__proto__": {"polluted": true}}}}',
];

function expectClean(): void {
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect(([] as unknown as Record<string, unknown>).polluted).toBeUndefined();
}

async function post(body: string): Promise<{ data: any; errors?: unknown }> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body,
  });
  return JSON.parse(await response.text()) as { data: any; errors?: unknown };
}

const CREATE =
  'mutation ($config: JSONObject) { createBot(input: { name: "x", config: $config }) { ' +
  'bot { id config } } }';
const UPDATE = 'mutation ($input: UpdateBotInput!) { updateBot(input: $input) { bot { config } } }';
const FIND =
  'query ($config: JSONObject!) { bots(filter: { config: { contains: $config } }) { ' +
  'nodes { config } } }';

describe.each(VALUES)('members of %s', value => {
  const literal = value.replace(/"(\w+)":/g, '$1:');
  const expected = JSON.stringify(JSON.parse(value) as unknown);
  const configOf = (bot: { config: unknown }): string => JSON.stringify(bot.config);
  /** PostgreSQL keeps members in an order of its own. */
  const sorted = (json: string): string => [...json].sort().join('');

  test('are stored and given back as they are, from variables and from literals', async () => {
    const variable = await post(
      `{"query":${JSON.stringify(CREATE)},"variables":{"config":${value}}}`,
    );
    const written = await post(
      JSON.stringify({
        query:
          `mutation { createBot(input: { name: "x", config: ${literal} }) { bot { id ` +
          'config } } }',
      }),
    );
    for (const { data, errors } of [variable, written]) {
      expect(errors).toBeUndefined();
      expect(sorted(configOf(data.createBot.bot))).toBe(sorted(expected));
    }
    const input = `{"id":"${variable.data.createBot.bot.id}","config":${value}}`;
    const changed = await post(
      `{"query":${JSON.stringify(UPDATE)},"variables":{"input":${input}}}`,
    );
    expect(sorted(configOf(changed.data.updateBot.bot))).toBe(sorted(expected));
    expectClean();
  });

  test('are found by, from variables of a POST and of a GET and from literals', async () => {
    await post(`{"query":${JSON.stringify(CREATE)},"variables":{"config":${value}}}`);
    const parameters = new URLSearchParams({ query: FIND, variables: `{"config":${value}}` });
    const url = `${gateway.url}/graphql?${parameters}`;
    const answers = [
      await post(`{"query":${JSON.stringify(FIND)},"variables":{"config":${value}}}`),
      JSON.parse(await (await fetch(url, { headers: { 'x-api-key': key } })).text()) as {
        data: any;
        errors?: unknown;
      },
      await post(
        JSON.stringify({
          query: `{ bots(filter: { config: { contains: ${literal} } }) { nodes { config } } }`,
        }),
      ),
    ];
    for (const { data, errors } of answers) {
      expect(errors).toBeUndefined();
      expect(data.bots.nodes.length).toBeGreaterThan(0);
      for (const bot of data.bots.nodes) expect(sorted(configOf(bot))).toBe(sorted(expected));
    }
    expect(new Set(answers.map(({ data }) => data.bots.nodes.length)).size).toBe(1);
    expectClean();
  });
});

test('a repeated mutation under one idempotency key knows such members apart', async () => {
  const create = (config: string): Promise<any> =>
    post(
      '{"query":"mutation ($input: CreateBotInput!) { createBot(input: $input) { bot { ' +
        'id } } ' +
        `}","variables":{"input":{"name":"x","idempotencyKey":"proto","config":${config}}}}`,
    );
  const [first, second, other] = [
    await create('{"__proto__":{"a":1}}'),
    await create('{"__proto__":{"a":1}}'),
    await create('{"__proto__":{"a":2}}'),
  ];
  expect(second.data).toEqual(first.data);
  expect(other.errors).toMatchObject([
    { extensions: { code: 'CONFLICT', field: 'input.idempotencyKey' } },
  ]);
});

test('a member where an input takes none is refused by name', async () => {
  const answer = await post(
    '{"query":"mutation ($input: CreateBotInput!) { createBot(input: $input) { bot { id ' +
      '} } }","variables":{"input":{"name":"x","__proto__":{"name":"y"}}}}',
  );
  expect(answer.errors).toMatchObject([
    { message: expect.stringContaining('"__proto__"'), extensions: { code: 'BAD_USER_INPUT' } },
  ]);
});

test('a variable cannot be called __proto__, as objects call their prototype', async () => {
  const query =
    'query ($__proto__: JSONObject, $n: Int) { bots(first: $n, filter: { config: { ' +
    'contains: { a: $__proto__ } } }) { totalCount } }';
  expect(
    await post(`{"query":${JSON.stringify(query)},"variables":{"__proto__":{"n":"1"}}}`),
  ).toMatchObject({
    errors: [
      {
        message: 'A variable cannot be called __proto__. Choose another name.',
        extensions: { code: 'BAD_USER_INPUT', field: 'query' },
      },
    ],
  });
  expect(await post('{"query":"{ __typename }","variables":{"__proto__":{"n":1}}}')).toEqual({
    data: { __typename: 'Query' },
  });
});

test('an alias may be called anything', async () => {
  for (const query of [
    '{ __proto__: __typename constructor: viewer { __proto__: kind } }',
    '{ bots { __proto__: nodes { constructor: name __proto__: id } } }',
  ]) {
    const { errors, data } = await post(JSON.stringify({ query }));
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data)).toContain('"__proto__":');
  }
  expectClean();
});

describe('variables', () => {
  const many = (count: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: count }, (_, nth) => [`v${nth}`, nth]));

  test.each([1_001, 50_000])(
    'are refused by their number, before anybody looks up whose they are: %i',
    async count => {
      const statements: string[] = [];
      gateway.db.database.onStatement = ({ name }) => void statements.push(name);
      const answer = await post(
        JSON.stringify({ query: '{ __typename }', variables: many(count) }),
      );
      gateway.db.database.onStatement = () => {};
      expect(answer.errors).toMatchObject([
        {
          message: `The request sends ${count} variables; the limit is 1000.`,
          extensions: { code: 'BAD_USER_INPUT', field: 'variables' },
        },
      ]);
      if (count === 1_001) expect(statements).toEqual([]);
    },
  );

  test('may be many', async () => {
    expect(await post(JSON.stringify({ query: '{ __typename }', variables: many(1_000) }))).toEqual(
      { data: { __typename: 'Query' } },
    );
  });

  test('hold objects of so many members', async () => {
    const find = (count: number): Promise<any> =>
      post(JSON.stringify({ query: FIND, variables: { config: { a: many(count) } } }));
    expect((await find(10_001)).errors).toMatchObject([
      {
        message: 'variables.config.a has 10001 members; the limit for any object is 10000.',
        extensions: { code: 'BAD_USER_INPUT', field: 'variables.config.a' },
      },
    ]);
    expect(await find(10_000)).toEqual({ data: { bots: { nodes: [] } } });
  });
});

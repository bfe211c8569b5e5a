import { getNamedType, GraphQLID, isInputObjectType, isListType, getNullableType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGatewaySchema } from '../../../src/schema.js';
import type { Answer, Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const schema = buildGatewaySchema();
const UNKNOWN = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10';

let gateway: TestGateway;
let client: Client;
let owner: Client;
let bot: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  const tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  owner = await gateway.user(tenant);
  const made = await tenant.bot();
  bot = made.id;
  await (await made.document()).texts(1);
  await client.data('{ bots { totalCount } }');
});
afterAll(() => gateway.close());

interface Expected {
  /** `extensions.field`. */
  readonly field?: string;
  readonly message?: RegExp;
  /** Wrong input has nothing but an error in its place. */
  readonly errors?: number;
}

/**
 * That an answer refuses its input as it should: by code, with the request's id, and without a word
 * of what is inside.
 */
function expectRefusal(
  { status, errors, headers }: Answer,
  { field, message, errors: count }: Expected = {},
  hint?: string,
): void {
  expect(status, hint).toBeLessThan(500);
  expect(errors?.length, hint).toBeGreaterThan(0);
  if (count !== undefined) expect(errors, hint).toHaveLength(count);
  for (const error of errors!) {
    expect(error.extensions, hint).toMatchObject({
      code: 'BAD_USER_INPUT',
      requestId: headers.get('x-request-id'),
    });
    expect(
      Object.keys(error.extensions).filter(name => !['code', 'field', 'requestId'].includes(name)),
      hint,
    ).toEqual([]);
  }
  if (field !== undefined) expect(errors![0]!.extensions.field, hint).toBe(field);
  if (message) expect(errors![0]!.message, hint).toMatch(message);
  // No SQL, no stack, no names of ours.
  const said = JSON.stringify(errors);
  expect(said, hint).not.toMatch(/\bselect\b|\bfrom docs|tenant_id|::|\$\d|syntax for type/i);
  expect(said, hint).not.toMatch(/node_modules|\.[jt]s:\d|at Object\.|PGlite|postgres|stack/i);
}

/**
 * Asks, and sees to it that the answer does not keep the caller waiting: a second, and as much
 * again for a busy machine.
 */
async function ask(
  query: string,
  variables?: Record<string, unknown>,
  asker = client,
): Promise<Answer> {
  const start = performance.now();
  const answer = await asker.query(query, variables);
  expect(performance.now() - start).toBeLessThan(2_000);
  return answer;
}

const NO_UUIDS = [
  '',
  ' ',
  'x',
  '1',
  'null',
  UNKNOWN.slice(1),
  `${UNKNOWN} `,
  `${UNKNOWN}\n`,
  `{${UNKNOWN}}`,
  `urn:uuid:${UNKNOWN}`,
  UNKNOWN.replaceAll('-', ''),
  UNKNOWN.replace('0', 'g'),
  `${UNKNOWN}${UNKNOWN}`,
  "' or 1=1 --",
  '٠198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10',
  '😀',
  '../..',
  'x'.repeat(100_000),
];

/** What else these fields cannot do without. */
const OTHER_ARGUMENTS: Readonly<Record<string, string>> = {
  explainChunk: ', input: {text: "tent"}',
};

describe('an id that is no UUID', () => {
  const idArguments = Object.values(schema.getQueryType()!.getFields()).flatMap(field =>
    field.args
      .filter(arg => getNamedType(arg.type) === GraphQLID)
      .map(arg => ({
        coordinate: `Query.${field.name}(${arg.name}:)`,
        field: field.name,
        arg: arg.name,
        others: OTHER_ARGUMENTS[field.name] ?? '',
        isList: isListType(getNullableType(arg.type)),
        type: String(arg.type),
      })),
  );

  test('can be given to these arguments', () => {
    expect(idArguments.map(({ coordinate }) => coordinate).toSorted()).toEqual([
      'Query.bot(id:)',
      'Query.chunk(id:)',
      'Query.document(id:)',
      'Query.explainChunk(chunkId:)',
      'Query.ingestion(id:)',
      'Query.node(id:)',
      'Query.nodes(ids:)',
      'Query.tenant(id:)',
      'Query.upload(id:)',
    ]);
  });

  test.each(idArguments)(
    'is refused by $coordinate, as a variable and as a literal',
    async ({ field, arg, others, isList, type }) => {
      for (const id of NO_UUIDS) {
        const expected = {
          field: isList ? `${arg}[0]` : arg,
          message: /must be a UUID, such as/,
          errors: 1,
        };
        expectRefusal(
          await ask(`query ($id: ${type}) { ${field}(${arg}: $id${others}) { __typename } }`, {
            id: isList ? [id] : id,
          }),
          expected,
          id,
        );
        if (id.length < 1_000)
          expectRefusal(
            await ask(`{ ${field}(${arg}: ${JSON.stringify(id)}${others}) { __typename } }`),
            expected,
            id,
          );
      }
      // GraphQL takes whole numbers for ids.
      expectRefusal(await ask(`{ ${field}(${arg}: 5${others}) { __typename } }`), {
        message: /must be a UUID/,
      });
      for (const literal of ['1.5', 'true', '{}', 'WORD'])
        expectRefusal(await ask(`{ ${field}(${arg}: ${literal}${others}) { __typename } }`), {
          message: /ID cannot represent/,
        });
    },
  );

  const filters = Object.values(schema.getTypeMap()).flatMap(type =>
    isInputObjectType(type) && type.getFields().and
      ? Object.values(type.getFields()).flatMap(field =>
          getNamedType(field.type).name === 'IDFilter'
            ? [{ filter: type.name, key: field.name }]
            : [],
        )
      : [],
  );
  const LISTS: Record<string, string> = {
    TenantFilter: 'tenants(filter: $filter) { totalCount }',
    BotFilter: 'bots(filter: $filter) { totalCount }',
    DocumentFilter: 'documents(filter: $filter) { totalCount }',
    BotQueryFilter: 'botQueries(filter: $filter) { totalCount }',
    UserFilter: 'tenant { users(filter: $filter) { totalCount } }',
    ApiKeyFilter: 'tenant { apiKeys(filter: $filter) { totalCount } }',
    IngestionFilter: 'tenant { ingestions(filter: $filter) { totalCount } }',
    UploadFilter: 'tenant { uploads(filter: $filter) { totalCount } }',
    AuditEventFilter: 'auditLog(filter: $filter) { totalCount }',
    DocumentChunkFilter: 'documents { nodes { chunks(filter: $filter) { totalCount } } }',
  };

  test.each(filters)('is refused by $filter.$key', async ({ filter, key }) => {
    const query = `query ($filter: ${filter}) { ${LISTS[filter]} }`;
    for (const id of NO_UUIDS) {
      expectRefusal(
        await ask(query, { filter: { [key]: { eq: id } } }, owner),
        { field: `filter.${key}.eq`, message: /must be a UUID/, errors: 1 },
        id,
      );
    }
    expectRefusal(
      await ask(query, { filter: { or: [{}, { not: { [key]: { in: [UNKNOWN, 'x'] } } }] } }, owner),
      { field: `filter.or[1].not.${key}.in[1]` },
    );
    const { errors } = await ask(query, { filter: { [key]: { in: [UNKNOWN] } } }, owner);
    expect(errors).toBeUndefined();
  });
});

describe('a text that cannot be stored', () => {
  const texts = { NUL: 'a\0b', 'half of a surrogate pair': 'a\ud83d', 'the other half': '\ude00a' };

  test.each(Object.entries(texts))(
    'with %s is refused in variables, wherever it is',
    async (_, text) => {
      const places: [string, Record<string, unknown>][] = [
        ['query ($id: ID!) { bot(id: $id) { id } }', { id: text }],
        ['query ($after: String) { bots(after: $after) { totalCount } }', { after: text }],
        [
          'query ($filter: BotFilter) { bots(filter: $filter) { totalCount } }',
          { filter: { name: { eq: text } } },
        ],
        [
          'query ($filter: BotFilter) { bots(filter: $filter) { totalCount } }',
          { filter: { or: [{}, { name: { in: ['a', text] } }] } },
        ],
        [
          'query ($filter: BotFilter) { bots(filter: $filter) { totalCount } }',
          { filter: { config: { contains: { a: [1, text] } } } },
        ],
        [
          'query ($filter: BotFilter) { bots(filter: $filter) { totalCount } }',
          { filter: { config: { contains: { a: { [text]: 1 } } } } },
        ],
        [
          'query ($filter: BotFilter) { bots(filter: $filter) { totalCount } }',
          { filter: { config: { contains: { [text]: {} } } } },
        ],
        [
          'query ($filter: BotFilter) { bots(filter: $filter) { totalCount } }',
          { filter: { config: { contains: { a: [1, [2, { b: text }]] } } } },
        ],
        ['query ($text: String) { bots(filter: {name: {eq: $text}}) { totalCount } }', { text }],
        [
          'query ($part: JSONObject) { bots(filter: {config: {contains: {a: [1, ' +
            '$part]}}}) { totalCount } }',
          { part: { x: [0, text] } },
        ],
      ];
      for (const [query, variables] of places) {
        const answer = await ask(query, variables);
        expectRefusal(answer, { message: /NUL|surrogate/, errors: 1 }, JSON.stringify(variables));
        expect(answer.errors![0]!.extensions.field, JSON.stringify(variables)).toMatch(
          /^variables(\.\w+|\[\d+\])*$/,
        );
      }
    },
  );

  test.each(Object.entries(texts))(
    'with %s is refused in literals, escaped or not',
    async (_, text) => {
      const escaped = Array.from({ length: text.length }, (__, index) => text.charCodeAt(index))
        .map(code => `\\u${code.toString(16).padStart(4, '0')}`)
        .join('');
      for (const literal of [`"${escaped}"`, `"${text}"`, `"""${text}"""`]) {
        for (const query of [
          `{ bot(id: ${literal}) { id } }`,
          `{ bots(filter: {name: {contains: ${literal}}}) { totalCount } }`,
          `{ bots(filter: {config: {contains: {a: [1, ${literal}]}}}) { totalCount } }`,
          `query ($text: String = ${literal}) { bots(filter: {name: {eq: $text}}) { totalCount } }`,
        ]) {
          expectRefusal(await ask(query), { message: /NUL|surrogate|Syntax Error|Unicode/ }, query);
        }
      }
    },
  );

  test('leaves whole pairs and other odd characters alone', async () => {
    const { data } = await ask(
      'query ($filter: BotFilter) { bots(filter: $filter) { totalCount } }',
      { filter: { name: { in: ['😀', '\u0001', '\u200b', '\ufffe', '\r\n\t', '"\'\\'] } } },
    );
    expect(data).toEqual({ bots: { totalCount: 0 } });
  });
});

describe('numbers and instants out of range', () => {
  const cases: [name: string, filter: object, message: RegExp][] = [
    [
      'BigInt above 64 bits',
      { sizeBytes: { gt: '9223372036854775808' } },
      /filter\.sizeBytes\.gt.*64 bits/s,
    ],
    ['BigInt below 64 bits', { sizeBytes: { gt: '-9223372036854775809' } }, /64 bits/],
    ['BigInt as an inexact number', { sizeBytes: { eq: 2 ** 53 } }, /64 bits/],
    ['BigInt with a fraction', { sizeBytes: { eq: 1.5 } }, /64 bits/],
    ['BigInt in a list', { sizeBytes: { in: ['1', 'x'] } }, /filter\.sizeBytes\.in\[1\]/],
    ['BigInt that is a word', { sizeBytes: { eq: 'NaN' } }, /64 bits/],
    [
      '30 February',
      { createdAt: { gt: '2026-02-30T00:00:00Z' } },
      /filter\.createdAt\.gt.*does not exist/s,
    ],
    ['a missing zone', { createdAt: { gt: '2026-01-31T00:00:00' } }, /time zone/],
    [
      'seven digits of a second',
      { createdAt: { gt: '2026-01-31T00:00:00.1234567Z' } },
      /at most microseconds/,
    ],
    ['an unknown zone', { createdAt: { gt: '2026-01-31T00:00:00+24:00' } }, /must look like/],
    [
      'a year that cannot be shown',
      { createdAt: { gt: '9999-12-31T23:59:59-15:59' } },
      /filter\.createdAt\.gt.*9999/s,
    ],
    ['infinity', { createdAt: { gt: 'infinity' } }, /must look like/],
    ['a number for an instant', { createdAt: { gt: 5 } }, /must look like/],
    [
      'an instant in a list',
      { updatedAt: { in: ['2026-01-31T00:00:00Z', ''] } },
      /filter\.updatedAt\.in\[1\]/,
    ],
  ];

  test.each(cases)('%s is refused, and the place named', async (name, filter, message) => {
    expectRefusal(
      await ask('query ($filter: DocumentFilter) { documents(filter: $filter) { totalCount } }', {
        filter,
      }),
      { message, errors: 1 },
    );
    const literal = JSON.stringify(filter).replace(/"(\w+)":/g, '$1:');
    // Written out, a whole number is exact whatever its size.
    if (name !== 'BigInt as an inexact number')
      expectRefusal(await ask(`{ documents(filter: ${literal}) { totalCount } }`));
  });

  test('Int beyond 32 bits is refused', async () => {
    for (const value of [2 ** 31, -(2 ** 31) - 1, 1.5, '1', true, 1e100]) {
      expectRefusal(await ask('query ($n: Int) { bots(first: $n) { totalCount } }', { n: value }), {
        message: /Int cannot represent/,
        errors: 1,
      });
      expectRefusal(
        await ask(
          'query ($filter: BotQueryFilter) { botQueries(filter: $filter) { totalCount } }',
          { filter: { latencyMs: { eq: value } } },
        ),
        { message: /filter\.latencyMs\.eq.*Int cannot represent/s },
      );
    }
    expectRefusal(await ask('{ bots(first: 2147483648) { totalCount } }'), {
      message: /Int cannot represent/,
    });
    expectRefusal(await ask('{ bots(first: 99999999999999999999999999) { totalCount } }'), {
      message: /Int cannot represent/,
    });
  });

  test('JSON with numbers that JSON cannot hold is refused', async () => {
    expectRefusal(await ask('{ bots(filter: {config: {contains: {a: 1e999}}}) { totalCount } }'), {
      message: /finite/,
    });
    expectRefusal(
      await client.post(
        '{"query": "query ($c: JSONObject) { bots(filter: {config: {contains: $c}}) { ' +
          'totalCount } }", "variables": {"c": {"a": [-1e999]}}}',
      ),
      { message: /finite/ },
    );
  });

  test('a filter at the limits of its type finds nothing and breaks nothing', async () => {
    const filter = {
      or: [
        { sizeBytes: { in: ['9223372036854775807', '-9223372036854775808'] } },
        { createdAt: { lt: '0001-01-01T15:59:00+15:59' } },
        { createdAt: { gt: '9999-12-31T08:00:59.999999-15:59' } },
      ],
    };
    expect(
      (
        await ask('query ($filter: DocumentFilter) { documents(filter: $filter) { totalCount } }', {
          filter,
        })
      ).data,
    ).toEqual({ documents: { totalCount: 0 } });
  });
});

describe('an operation that does not fit the schema', () => {
  test.each([
    ['an unknown field', '{ bots { nodes { nam } } }', /Cannot query field "nam"/],
    ['an unknown root field', '{ secrets }', /Cannot query field "secrets"/],
    ['an unknown argument', '{ bots(limit: 1) { totalCount } }', /Unknown argument "limit"/],
    [
      'an unknown filter field',
      '{ bots(filter: {tenantId: {eq: "x"}}) { totalCount } }',
      /"tenantId" is not defined/,
    ],
    [
      'an unknown operator',
      '{ bots(filter: {name: {like: "x"}}) { totalCount } }',
      /"like" is not defined/,
    ],
    [
      'a hidden column',
      '{ tenant { apiKeys { nodes { keyHash } } } }',
      /Cannot query field "keyHash"/,
    ],
    [
      'an unknown enum value',
      '{ bots(orderBy: {field: SECRET}) { totalCount } }',
      /"SECRET" does not exist/,
    ],
    [
      'an enum in its stored form',
      '{ documents(filter: {status: {eq: failed}}) { totalCount } }',
      /"failed" does not exist/,
    ],
    [
      'an enum as a string',
      '{ documents(filter: {status: {eq: "FAILED"}}) { totalCount } }',
      /cannot represent non-enum value/,
    ],
    ['a string for a number', '{ bots(first: "1") { totalCount } }', /Int cannot represent/],
    ['a list for one', '{ bots(first: [1]) { totalCount } }', /Int cannot represent/],
    [
      'null in a list of values',
      '{ bots(filter: {name: {in: [null]}}) { totalCount } }',
      /Expected value of type "String!"/,
    ],
    [
      'null in and',
      '{ bots(filter: {and: [null]}) { totalCount } }',
      /Expected value of type "BotFilter!"/,
    ],
    [
      'no order field',
      '{ bots(orderBy: {direction: ASC}) { totalCount } }',
      /"BotOrderBy.field" of required type/,
    ],
    ['a missing argument', '{ bot { id } }', /argument "id" of type "ID!" is required/],
    ['null for a required argument', '{ bot(id: null) { id } }', /Expected value of type "ID!"/],
    ['no selection', '{ bots }', /must have a selection of subfields/],
    ['a selection below a scalar', '{ bots { totalCount { x } } }', /must not have a selection/],
    [
      'a fragment on a wrong type',
      '{ bots { ... on Document { id } } }',
      /can never be of type "Document"/,
    ],
    [
      'a fragment in a circle',
      '{ ...A } fragment A on Query { ...A }',
      /Cannot spread fragment "A" within itself/,
    ],
    ['an unknown fragment', '{ ...A }', /Unknown fragment "A"/],
    [
      'two meanings of one name',
      '{ a: bots { totalCount } a: documents { totalCount } }',
      /"a" conflict/,
    ],
    [
      'two anonymous operations',
      '{ __typename } { __typename }',
      /must be the only defined operation/,
    ],
    ['an unknown directive', '{ bots @secret { totalCount } }', /Unknown directive "@secret"/],
    [
      'an undeclared variable',
      '{ bots(first: $n) { totalCount } }',
      /Variable "\$n" is not defined/,
    ],
    [
      'a variable of a wrong type',
      'query ($n: String) { bots(first: $n) { totalCount } }',
      /Variable "\$n" of type "String" used in position expecting type "Int"/,
    ],
    [
      'a mutation that is not there',
      'mutation { deleteEverything }',
      /no mutations|Cannot query field/,
    ],
    [
      'a subscription that is not there',
      'subscription { everything }',
      /no subscriptions|Cannot query field/,
    ],
    ['a type definition', 'type A { b: Int }', /./],
    ['nothing but a fragment', 'fragment A on Query { bots { totalCount } }', /./],
    ['broken syntax', '{ bots { ', /Syntax Error/],
    ['no text at all', '   ', /./],
  ])('is refused: %s', async (_, query, message) => {
    const answer = await ask(query);
    expectRefusal(answer, { message });
    expect(answer.status).toBe(400);
    expect(answer.data).toBeUndefined();
  });

  test.each([
    ['missing', {}, /Variable "\$filter" of required type/],
    ['null', { filter: null }, /must not be null/],
    ['a string', { filter: 'x' }, /Expected type "BotFilter" to be an object/],
    ['a list', { filter: [{}] }, /Expected type "BotFilter" to be an object/],
    ['an object with an unknown field', { filter: { nam: {} } }, /"nam" is not defined/],
    [
      'an object with a field of a wrong type',
      { filter: { name: 'x' } },
      /Expected type "StringFilter" to be an object/,
    ],
    ['an object with a wrong text', { filter: { name: { eq: 5 } } }, /String cannot represent/],
    [
      'an object with a list for a text',
      { filter: { name: { contains: ['x'] } } },
      /String cannot represent/,
    ],
    ['no JSON object', { filter: { config: { contains: [1] } } }, /JSONObject must be an object/],
    ['__proto__', JSON.parse('{"filter": {"__proto__": {}, "constructor": {}}}') as object, /./],
  ])('is refused where a required variable is %s', async (_, variables, message) => {
    expectRefusal(
      await ask(
        'query ($filter: BotFilter!) { bots(filter: $filter) { totalCount } }',
        variables as Record<string, unknown>,
      ),
      { message },
    );
  });
});

describe('a request that holds no operation', () => {
  test.each([
    ['nothing', ''],
    ['broken JSON', '{"query": "{ bots '],
    ['a string', '"{ bots { totalCount } }"'],
    ['a number', '5'],
    ['null', 'null'],
    ['an empty object', '{}'],
    ['a batch', '[{"query": "{ __typename }"}, {"query": "{ __typename }"}]'],
    ['an empty batch', '[]'],
    ['a query that is no string', '{"query": {"bots": 1}}'],
    ['a null query', '{"query": null}'],
    ['variables that are no object', '{"query": "{ __typename }", "variables": "x"}'],
    ['variables in a list', '{"query": "{ __typename }", "variables": [1]}'],
    ['an operation name that is no string', '{"query": "{ __typename }", "operationName": 5}'],
    [
      'an operation name that is not there',
      '{"query": "query A { __typename }", "operationName": "B"}',
    ],
    [
      'several operations and no name',
      '{"query": "query A { __typename } query B { __typename }"}',
    ],
    ['a prototype to pollute', '{"__proto__": {"query": "{ __typename }"}}'],
  ])('is refused: %s', async (_, body) => {
    const answer = await client.post(body);
    expectRefusal(answer);
    expect(answer.status).toBe(400);
  });

  test('is refused when it names an operation by a hash that we do not know', async () => {
    expectRefusal(
      await client.post('{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "aa"}}}'),
      { message: /PersistedQueryNotSupported/ },
    );
  });

  test('is refused when it has too many words', async () => {
    expectRefusal(await ask(`{ ${'bots { totalCount } '.repeat(3_000)} }`), {
      message: /10000|limit/,
    });
  });
});

describe('a GET', () => {
  const get = async (
    search: string,
    headers: Record<string, string> = { 'graphql-require-preflight': 'true' },
  ) => {
    const response = await fetch(`${gateway.url}/graphql${search}`, { headers });
    return {
      status: response.status,
      headers: response.headers,
      ...((await response.json()) as object),
    } as Answer;
  };

  test('asks as a POST does', async () => {
    expect(await get(`?query=${encodeURIComponent('{ __typename }')}`)).toMatchObject({
      status: 200,
      data: { __typename: 'Query' },
    });
  });

  test.each([
    ['no query', ''],
    ['an empty query', '?query='],
    ['a broken query', '?query={'],
    ['variables that are no JSON', `?query=${encodeURIComponent('{ __typename }')}&variables={`],
    ['variables that are no object', `?query=${encodeURIComponent('{ __typename }')}&variables=5`],
    [
      'an unknown operation',
      `?query=${encodeURIComponent('query A { __typename }')}&operationName=B`,
    ],
  ])('is refused with %s', async (_, search) => {
    expectRefusal(await get(search));
  });

  test.each(['', '?query=', '?operationName=A', '?extensions={}'])(
    'without an operation is told to send one: %s',
    async search => {
      const answer = await get(search);
      expectRefusal(answer, { message: /^The URL contains no operation\. Send one as/ });
      expect(answer.status).toBe(400);
    },
  );

  test('with a mutation is refused', async () => {
    const answer = await get(`?query=${encodeURIComponent('mutation { __typename }')}`);
    expectRefusal(answer);
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  test('without a header that makes browsers ask first is refused', async () => {
    expectRefusal(await get(`?query=${encodeURIComponent('{ __typename }')}`, {}));
  });
});

describe('wrong input beside right input', () => {
  test('leaves the rest of the operation its answer', async () => {
    const { status, data, errors } = await ask(
      'query ($bot: ID!) { right: bot(id: $bot) { id } wrong: bot(id: "x") { id } ' +
        'tooMany: node(id: "y") { id } }',
      { bot },
    );
    expect(status).toBe(200);
    expect(data).toEqual({ right: { id: bot }, wrong: null, tooMany: null });
    expect(errors!.map(error => [error.path, error.extensions.field])).toEqual([
      [['wrong'], 'id'],
      [['tooMany'], 'id'],
    ]);
  });
});

describe('many mistakes in the variables', () => {
  test("are named up to the tenth, and are the caller's", async () => {
    const { status, errors } = await ask('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
      ids: Array.from({ length: 60 }, () => ({})),
    });
    expect(status).toBe(400);
    expect(errors!.map(error => error.extensions.code)).toEqual(
      Array.from({ length: 10 }, () => 'BAD_USER_INPUT'),
    );
  });
});

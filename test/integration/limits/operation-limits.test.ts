import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;
let client: Client;

beforeAll(async () => {
  gateway = await startTestGateway({
    env: {
      WEAVER_MAX_TOKENS: '1700',
      WEAVER_MAX_SELECTIONS: '290',
      WEAVER_MAX_DEPTH: '15',
      WEAVER_MAX_FRAGMENTS: '20',
      WEAVER_MAX_FRAGMENT_DEPTH: '6',
      WEAVER_MAX_ALIASES: '20',
      WEAVER_MAX_DUPLICATED_FIELDS: '12',
      WEAVER_MAX_DIRECTIVES: '10',
      WEAVER_MAX_DIRECTIVES_PER_NODE: '1',
      WEAVER_MAX_ROOT_FIELDS: '30',
      WEAVER_MAX_COST: '5000',
      WEAVER_MAX_LIST_ITEMS: '1600',
    },
  });
  const tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  await (await (await tenant.bot()).document()).texts(2);
});
afterAll(() => gateway.close());

/** The answer to what must be refused before a statement of it runs. */
async function refused(query: string, variables?: Record<string, unknown>): Promise<Answer> {
  let answer: Answer;
  expect(
    await gateway.statements(async () => (answer = await client.query(query, variables))),
  ).toEqual([]);
  expect(answer!.data).toBeUndefined();
  expect(answer!.status).toBe(400);
  return answer!;
}

/**
 * Runs what is at the limit, and expects what is one above to be refused with the limit's number in
 * the message.
 */
async function expectLimit(
  limit: number,
  query: (size: number) => string,
  message: RegExp,
  code = 'QUERY_TOO_COMPLEX',
): Promise<void> {
  expect((await client.query(query(limit))).errors).toBeUndefined();
  const { errors } = await refused(query(limit + 1));
  expect(errors).toMatchObject([
    {
      message: expect.stringMatching(message),
      extensions: { code, requestId: expect.any(String) },
    },
  ]);
  expect(errors![0]!.message).toContain(String(limit));
}

const times = (count: number, text: (nth: number) => string): string =>
  Array.from({ length: count }, (_, nth) => text(nth)).join(' ');

/** `levels` fields in each other. */
function nested(levels: number): string {
  const leaves = { tenant: 'id', 'bots(first: 1)': 'totalCount', nodes: 'id' };
  const names = Array.from(
    { length: levels - 1 },
    (_, nth) => Object.keys(leaves)[nth % 3] as keyof typeof leaves,
  );
  return names.reduceRight((inner, name) => `${name} { ${inner} }`, leaves[names.at(-1)!]);
}

const TYPENAMES = (count: number): string => times(count, nth => `t${nth}: __typename`);

describe('an operation is refused before it runs, at one above its limit of', () => {
  test('tokens', () =>
    // 28 tokens around the numbers.
    expectLimit(
      1_700,
      size =>
        `{ bots(filter: { config: { contains: { list: [[${'1 '.repeat(800)}] ` +
        `[${'1 '.repeat(size - 828)}]] } } }) { totalCount } }`,
      /token/i,
      'BAD_USER_INPUT',
    ));

  test('levels of lists in introspection', () => {
    const asked = (size: number): string => {
      const last = size === 2 ? 'name' : 'possibleTypes { name }';
      return `{ __schema { types { fields { type { interfaces { ${last} } } } } } }`;
    };
    return expectLimit(
      2,
      asked,
      /nests fields, interfaces, possibleTypes and inputFields of types more than 2 levels deep/,
    );
  });

  test('levels of fields', async () => {
    await expectLimit(15, size => `{ ${nested(size)} }`, /nests fields 16 levels deep/);
    await expectLimit(
      15,
      size => `{ ...A } fragment A on Query { ... { ${nested(size)} } }`,
      /nests fields 16 levels deep/,
    );
  });

  test('levels of fragments', async () => {
    await expectLimit(
      6,
      size => `{ ${'... { '.repeat(size)} viewer { kind } ${'} '.repeat(size)} }`,
      /nests fragments 7 levels deep/,
    );
    await expectLimit(
      6,
      size =>
        '{ ...F0 } ' +
        times(size - 1, nth => `fragment F${nth} on Query { ...F${nth + 1} }`) +
        ` fragment F${size - 1} on Query { viewer { kind } }`,
      /nests fragments 7 levels deep/,
    );
  });

  test('fragments', () =>
    expectLimit(
      20,
      size =>
        `{ ${times(size, nth => `...F${nth}`)} } fragment F0 on Query { viewer { kind } ` +
        '} ' +
        `${times(size - 1, nth => `fragment F${nth + 1} on Query { t${nth}: __typename }`)}`,
      /defines 21 fragments/,
    ));

  test('fields and fragments, with all of these written out', () => {
    // Each list takes 24: itself, and twice a list, a spread and nine fields.
    const list = 'documents(first: 1) { nodes { ...A } edges { node { ...A } } }';
    return expectLimit(
      290,
      size => `{ ${times(12, nth => `d${nth}: ${list}`)} ${TYPENAMES(size - 288)} }
        fragment A on Document { id filename sourceUri sizeBytes status errorMessage chunkCount
          createdAt updatedAt }`,
      /selects 291 fields and fragments/,
    );
  });

  test('aliases', async () => {
    await expectLimit(20, size => `{ ${TYPENAMES(size)} }`, /has 21 aliases/);
    await expectLimit(
      20,
      size =>
        `{ viewer { ...A } v: viewer { ...A } w: viewer { ...A } ${TYPENAMES(size - 20)} ` +
        `} fragment A on Viewer { ${times(6, nth => `k${nth}: kind`)} }`,
      /has 21 aliases/,
    );
  });

  test('repeated fields of one selection set', async () => {
    await expectLimit(
      12,
      size => `{ viewer { kind ${'kind '.repeat(size)} } }`,
      /repeats fields 13 times in the same selection set/,
    );
    await expectLimit(
      12,
      size =>
        `{ viewer { kind ${'...A '.repeat(6)} ${'... { kind } '.repeat(size - 6)} } } ` +
        'fragment A on Viewer { kind }',
      /repeats fields 13 times in the same selection set/,
    );
  });

  test('directives', () =>
    expectLimit(
      10,
      size => `{ ${times(size, nth => `t${nth}: __typename @include(if: true)`)} }`,
      /has 11 directives/,
    ));

  test('directives in one place', () =>
    expectLimit(
      1,
      size => `{ viewer @include(if: true) ${'@skip(if: false)'.repeat(size - 1)} { kind } }`,
      /2 directives on one field or fragment/,
    ));

  test('root fields', () =>
    expectLimit(
      30,
      size =>
        `{ ${TYPENAMES(18)} ${'__typename '.repeat(12)} ` +
        `${times(size - 30, () => 'viewer { kind }')} }`,
      /has 31 root fields/,
    ));

  test('rows by its page sizes', async () => {
    // 50 bots, 98 documents of each, and the tenant of each bot: 50 + 4900 + 50.
    const query = (first: number): string =>
      `{ bots(first: 50) { nodes { id documents(first: ${first}) { nodes { id } } tenant ` +
      '{ id } } } }';
    expect((await client.query(query(98))).errors).toBeUndefined();
    expect((await refused(query(99))).errors).toMatchObject([
      {
        message: expect.stringMatching(/could read 5050 rows.*limit is 5000/),
        extensions: { code: 'QUERY_TOO_COMPLEX' },
      },
    ]);
  });

  const ID = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10';
  test.each([
    [
      'a variable',
      'query ($n: Int!) { bots(first: 50) { nodes { documents(first: $n) { totalCount } ' +
        'tenant { id } } } }',
      { n: 98 },
      { n: 99 },
    ],
    [
      "a variable's default",
      'query ($n: Int = 99) { bots(first: 50) { nodes { documents(first: $n) { ' +
        'totalCount } tenant { id } } } }',
      { n: 98 },
      {},
    ],
    [
      'the usual page',
      'query ($n: Int) { bots(first: $n) { nodes { documents { nodes { chunks { nodes { ' +
        'id } } } } } } }',
      { n: 11 },
      { n: 12 },
    ],
    [
      'a page from the end',
      'query ($n: Int) { bots(last: $n) { nodes { documents { nodes { chunks { nodes { ' +
        'id } } } } } } }',
      { n: 11 },
      { n: 12 },
    ],
    [
      'an edge',
      'query ($n: Int) { bots(first: $n) { edges { node { documents { edges { node { ' +
        'chunks { edges { cursor } } } } } } } } }',
      { n: 11 },
      { n: 12 },
    ],
    [
      'a fragment',
      'query ($n: Int) { bots(first: $n) { ...B } } fragment B on BotConnection { nodes ' +
        '{ ... on Bot { documents { nodes { chunks { nodes { id } } } } } } }',
      { n: 11 },
      { n: 12 },
    ],
    [
      'a list of ids',
      'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Bot { documents(first: 98) { ' +
        'totalCount } tenant { id } } } }',
      { ids: Array(50).fill(ID) },
      { ids: Array(51).fill(ID) },
    ],
    [
      'a search',
      'query ($n: Int!) { searchChunks(input: { text: "x", topK: $n }) { hits { chunk { ' +
        'document { chunks(first: 97) { totalCount } } bot { id } } } } }',
      { n: 50 },
      { n: 51 },
    ],
    [
      'an input',
      'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { chunk { ' +
        'document { chunks(first: 97) { totalCount } } bot { id } } } } }',
      { input: { text: 'x', topK: 50 } },
      { input: { text: 'x', topK: 51 } },
    ],
  ])('rows, as far as %s says how many', async (_, query, few, many) => {
    expect((await client.query(query, few)).errors).toBeUndefined();
    expect((await refused(query, many)).errors).toMatchObject([
      {
        message: expect.stringMatching(/could read 5\d\d\d rows.*limit is 5000/),
        extensions: { code: 'QUERY_TOO_COMPLEX' },
      },
    ]);
  });

  test.each([
    'toString',
    'constructor',
    'valueOf',
    'hasOwnProperty',
    'isPrototypeOf',
    '__defineGetter__',
  ])('rows, whatever a variable is called: $%s', async name => {
    const sizes =
      `{ bots(first: $${name}) { nodes { documents(first: $${name}) { totalCount } tenant ` +
      '{ id } } } }';
    for (const definition of [`$${name}: Int = 100`, `$${name}: Int! = 100`])
      expect((await refused(`query (${definition}) ${sizes}`)).errors).toMatchObject([
        {
          message: expect.stringContaining('could read 10200 rows'),
          extensions: { code: 'QUERY_TOO_COMPLEX' },
        },
      ]);
    // Without a value the page is the usual one: 20 bots, 400 documents, 20 tenants.
    expect((await client.query(`query ($${name}: Int) ${sizes}`)).errors).toBeUndefined();
    expect(
      (
        await refused(
          `query ($${name}: Int) { bots(first: $${name}) { nodes { documents(first: ` +
            `$${name}) { nodes { chunks(first: 12) { totalCount } } } } } }`,
        )
      ).errors,
    ).toMatchObject([{ message: expect.stringContaining('could read 5220 rows') }]);
    const ids =
      `{ nodes(ids: $${name}) { ... on Bot { documents(first: 100) { nodes { chunks { ` +
      'totalCount } } } } } }';
    expect(
      (await refused(`query ($${name}: [ID!]! = ["${ID}", "${ID}", "${ID}"]) ${ids}`)).errors,
    ).toMatchObject([{ message: expect.stringContaining('could read 6303 rows') }]);
    const input =
      `{ searchChunks(input: $${name}) { hits { chunk { document { chunks(first: 97) { ` +
      'totalCount } } bot { id } } } } }';
    expect(
      (await refused(`query ($${name}: SearchChunksInput! = { text: "x", topK: 51 }) ${input}`))
        .errors,
    ).toMatchObject([{ message: expect.stringContaining('could read 5100 rows') }]);
  });

  test('rows, where one id stands for a list of it', async () => {
    const query =
      'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Bot { documents(first: 100) { ' +
      'nodes { chunks(first: 100) { totalCount } } } } } }';
    expect((await refused(query, { ids: ID })).errors).toMatchObject([
      {
        message: expect.stringContaining('could read 10101 rows'),
        extensions: { code: 'QUERY_TOO_COMPLEX' },
      },
    ]);
  });

  test('rows, of which a page of none has none', async () => {
    const query = (first: number): string =>
      `{ bots(first: ${first}) { totalCount nodes { documents(first: 100) { nodes { ` +
      'chunks(first: 100) { totalCount } } } } } }';
    expect((await client.query(query(0))).errors).toBeUndefined();
    await refused(query(1));
    // Each of them is in the answer all the same, for every parent, with its values.
    const empty = (selection: string): string =>
      '{ bots(first: 50) { nodes { documents(first: 98) { nodes { chunks(first: 0) { ' +
      `${selection} } } } } } }`;
    expect((await refused(empty('totalCount'))).errors).toMatchObject([
      { message: expect.stringContaining('could read 9850 rows') },
    ]);
    const copies =
      '{ bots(first: 50) { nodes { documents(first: 0) { ' +
      `${times(11, nth => `t${nth}: totalCount`)} } } } }`;
    expect((await refused(copies)).errors).toMatchObject([
      { message: expect.stringContaining('could read 5100 rows') },
    ]);
  });

  test('items of a list', async () => {
    const query =
      'query ($x: JSONObject) { bots(filter: { config: { contains: $x } }) { totalCount } }';
    expect(
      (await client.query(query, { x: { list: Array(1_600).fill('a') } })).errors,
    ).toBeUndefined();
    expect((await refused(query, { x: { list: Array(1_601).fill('a') } })).errors).toMatchObject([
      {
        extensions: { code: 'BAD_USER_INPUT', field: 'variables.x.list' },
        message: expect.stringContaining('1600'),
      },
    ]);
    const literal = (size: number): string =>
      `{ bots(filter: { config: { contains: { list: [${'1 '.repeat(size)}] } } }) { totalCount } }`;
    expect((await client.query(literal(1_600))).errors).toBeUndefined();
    expect((await refused(literal(1_601))).errors).toMatchObject([
      {
        extensions: { code: 'BAD_USER_INPUT', field: 'filter' },
        message: expect.stringContaining('1600'),
      },
    ]);
  });

  test('texts that no database can hold', async () => {
    expect((await refused('{ node(id: "a\\u0000") { id } }')).errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', field: 'id' } },
    ]);
    expect(
      (await refused('query ($id: ID!) { node(id: $id) { id } }', { id: 'a\0' })).errors,
    ).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'variables.id' } }]);
  });
});

describe('a flood', () => {
  const doubling = (count: number): string =>
    '{ ...F0 } ' +
    times(count - 1, nth => `fragment F${nth} on Query { ...F${nth + 1} ...F${nth + 1} }`) +
    ` fragment F${count - 1} on Query { bots { totalCount } }`;
  const everyone = (count: number): string => {
    const all = times(count, nth => `...F${nth}`);
    return (
      '{ ...F0 } ' + times(count, nth => `fragment F${nth} on Query { ${all} bots { totalCount } }`)
    );
  };

  test.each([
    ['fragments that double', doubling(20), /2097151|million|levels deep/],
    ['fragments that all spread each other', everyone(20), /within itself/],
    [
      'the same field again and again',
      `{ ${'bots { totalCount } '.repeat(300)} }`,
      /selects 600 fields|token/,
    ],
    [
      'aliases',
      `{ ${times(400, nth => `a${nth}: bots { totalCount }`)} }`,
      /token|aliases|selects/,
    ],
    [
      'deep nesting',
      `{ ${'... { '.repeat(500)} bots { totalCount } ${' }'.repeat(500)} }`,
      /levels deep/,
    ],
    ['fields within fields', nested(80).replace(/^/, '{ ').concat(' }'), /nests fields 80 levels/],
  ])(
    'of %s is refused with nothing executed, and again the next time',
    async (_, query, message) => {
      for (let round = 0; round < 2; round += 1)
        expect((await refused(query)).errors).toMatchObject([
          {
            message: expect.stringMatching(message),
            extensions: { code: expect.stringMatching(/^(QUERY_TOO_COMPLEX|BAD_USER_INPUT)$/) },
          },
        ]);
    },
  );

  test('is refused under any operation name, by GET too', async () => {
    const query = doubling(6).replace(
      '{ ...F0 }',
      `query Named { ${'__typename '.repeat(40)} }  query Other { ...F0 }`,
    );
    for (const operationName of ['Named', 'Other', 'Nothing']) {
      const answer = await client.post(JSON.stringify({ query, operationName }));
      expect(answer).toMatchObject({
        status: 400,
        data: undefined,
        errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX' } }],
      });
    }
  });
});

describe('what people and their tools send', () => {
  let usual: TestGateway;
  beforeAll(async () => {
    usual = await startTestGateway();
  });
  afterAll(() => usual.close());

  const W2 =
    '{ tenants(first: 1) { nodes { id name bots { nodes { id name documents(first: 20, ' +
    'orderBy: [{ field: CREATED_AT, direction: DESC }]) { nodes { id filename ' +
    'chunks(first: 5) { nodes { id chunkIndex text } } } } } } } } }';

  test.each([
    ['the introspection of most tools', getIntrospectionQuery()],
    [
      'all of the introspection',
      getIntrospectionQuery({
        descriptions: true,
        directiveIsRepeatable: true,
        inputValueDeprecation: true,
        schemaDescription: true,
        specifiedByUrl: true,
        oneOf: false,
      }),
    ],
    ['a page of navigation', W2],
    [
      'ten tenants with all below',
      '{ tenants(first: 10) { nodes { id bots { nodes { id documents(first: 3) { nodes { ' +
        'id chunks(first: 2) { nodes { id } } } } } } } } }',
    ],
    [
      'a hundred documents',
      '{ documents(first: 100) { nodes { id filename sourceUri sizeBytes status ' +
        'errorMessage createdAt updatedAt bot { name } } } }',
    ],
  ])('passes: %s', async (_, query) => {
    expect((await usual.operator.query(query)).errors).toBeUndefined();
  });
});

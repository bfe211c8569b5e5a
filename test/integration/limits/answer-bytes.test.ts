import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

const LIMIT = 200_000;

let gateway: TestGateway;
let tenant: TenantWorld;
let client: Client;
/**
 * A document whose 150 chunks have 1,000 characters each: less than the limit, with everything else
 * that is selected here.
 */
let documentId: string;
let chunkIds: string[];

beforeAll(async () => {
  gateway = await startTestGateway({
    env: { WEAVER_MAX_ANSWER_BYTES: String(LIMIT), WEAVER_MAX_COST: '100000000' },
  });
  tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key({ scopes: ['read', 'write', 'search'] })).secret);
  const bot = await tenant.bot({ config_json: JSON.stringify({ prompt: 'p'.repeat(30_000) }) });
  const document = await bot.document();
  documentId = document.id;
  const embedding = Array.from({ length: 1_536 }, (_, index) => Math.sin(index));
  const texts = Array.from({ length: 150 }, (_, index) => ({
    text: `tent ${String(index).padStart(4)} ${'x'.repeat(990)}`,
    chunkIndex: index,
    embedding: index < 20 ? embedding : null,
  }));
  chunkIds = await document.chunks(texts);
});
afterAll(() => gateway.close());

const TYPES = 'types { name description fields { name description } }';
const times = (count: number, text: (nth: number) => string): string =>
  Array.from({ length: count }, (_, nth) => text(nth)).join(' ');

/** One error, no data, the limit in the message. */
function expectRefused(answer: Answer): void {
  expect(answer).toMatchObject({ status: 400, data: undefined });
  expect(answer.errors).toEqual([
    {
      message: expect.stringContaining(`${LIMIT} bytes`),
      extensions: { code: 'QUERY_TOO_COMPLEX', requestId: expect.any(String) },
    },
  ]);
}

describe('an answer is refused at one byte above its limit', () => {
  test.each([
    ['plain text', 'x', 1],
    ['text of several bytes', '€', 3],
    ['text that JSON escapes', '\u0001', 6],
    ['quotes', '"', 2],
  ])('of %s', async (_, character, bytes) => {
    const query =
      'query ($id: ID!) { a: bot(id: $id) { config } b: bot(id: $id) { config } rest: ' +
      'bots(filter: { id: { eq: $id } }) { nodes { name } } }';
    const around = JSON.stringify({
      data: { a: { config: { t: '' } }, b: { config: { t: '' } }, rest: { nodes: [{ name: '' }] } },
    }).length;
    const ask = async (size: number): Promise<Answer> => {
      const characters = Math.floor((size - around - 2) / 2 / bytes);
      const bot = await tenant.bot({
        name: 'n'.repeat(size - around - 2 * bytes * characters),
        config_json: JSON.stringify({ t: character.repeat(characters) }),
      });
      return client.query(query, { id: bot.id });
    };
    const fits = await ask(LIMIT);
    expect(fits).toMatchObject({ status: 200, errors: undefined });
    expect(Buffer.byteLength(JSON.stringify({ data: fits.data }))).toBe(LIMIT);
    expectRefused(await ask(LIMIT + 1));
  });
});

describe('an answer is refused that would be too large', () => {
  test.each([
    [
      'by aliases of one stored value',
      '{ bots(first: 1, orderBy: [{ field: CREATED_AT, direction: ASC }], filter: { ' +
        `name: { eq: "Bot" } }) { nodes { ${times(20, nth => `a${nth}: config`)} } } }`,
    ],
    [
      'by aliases in fragments',
      '{ bots { nodes { ...A ...B } } } fragment A on Bot { ' +
        `${times(10, nth => `a${nth}: config`)} } fragment B on Bot { ` +
        `${times(10, nth => `b${nth}: config`)} }`,
    ],
    [
      'by aliases of what is around values',
      'query ($id: ID!) { document(id: $id) { chunks(first: 100) { a: nodes { text } b: ' +
        'nodes { text } c: edges { node { text } } } } }',
    ],
    [
      'by nested lists that are small each',
      'query ($id: ID!) { document(id: $id) { bot { documents { nodes { chunks(first: ' +
        '100) { nodes { text } } } } } chunks(first: 100) { nodes { text } } c: ' +
        'chunks(first: 100) { nodes { text } } } }',
    ],
    [
      'through an interface',
      'query ($id: ID!) { node(id: $id) { ... on Document { chunks(first: 100) { a: ' +
        'nodes { text } b: nodes { text } } } } }',
    ],
    [
      'by ids',
      'query ($ids: [ID!]!) { a: nodes(ids: $ids) { ...T } b: nodes(ids: $ids) { ...T } ' +
        'c: nodes(ids: $ids) { ...T } } fragment T on DocumentChunk { text t: text }',
    ],
    [
      'by vectors',
      `query ($id: ID!) { document(id: $id) { chunks(first: 20) { nodes { embedding } } } }`,
    ],
    [
      'by passages',
      '{ searchChunks(input: { text: "tent", mode: KEYWORD, topK: 50, contextWindow: 3 ' +
        `}) { ${times(6, nth => `p${nth}: passages { text }`)} } }`,
    ],
    [
      'by highlights',
      '{ searchChunks(input: { text: "tent", mode: KEYWORD, topK: 100 }) { hits { ' +
        `${times(30, nth => `h${nth}: highlight`)} } } }`,
    ],
    ['by the schema', `{ __schema { ${times(20, nth => `t${nth}: ${TYPES}`)} } }`],
    [
      'by the schema, beside an interface',
      'query ($id: ID!) { node(id: $id) { id } __schema { ' +
        `${times(20, nth => `t${nth}: ${TYPES}`)} } }`,
    ],
  ])('%s', async (_, query) => {
    for (let round = 0; round < 2; round += 1)
      expectRefused(await client.query(query, { id: documentId, ids: chunkIds.slice(0, 100) }));
  });

  test('by the payload of a mutation, which has happened', async () => {
    const query =
      'mutation ($id: ID!) { updateDocument(input: { id: $id, filename: "renamed.md" }) { ' +
      `document { chunks(first: 100) { ${times(3, nth => `a${nth}: nodes { text }`)} } } } }`;
    expectRefused(await client.query(query, { id: documentId }));
    expect(
      (await client.data('query ($id: ID!) { document(id: $id) { filename } }', { id: documentId }))
        .document.filename,
    ).toBe('renamed.md');
  });

  test('by errors', async () => {
    const small = await startTestGateway({ env: { WEAVER_MAX_ANSWER_BYTES: '5000' } });
    try {
      const { secret } = await (await small.world.tenant()).key();
      const answer = await small
        .client(secret)
        .query(`{ ${times(60, nth => `d${nth}: document(id: "x") { id }`)} }`);
      expect(answer).toMatchObject({
        status: 400,
        data: undefined,
        errors: [
          {
            message: expect.stringContaining('5000 bytes'),
            extensions: { code: 'QUERY_TOO_COMPLEX' },
          },
        ],
      });
      expect(answer.errors).toHaveLength(1);
    } finally {
      await small.close();
    }
  });

  test.each([
    ['application/json', 200],
    ['application/graphql-response+json', 400],
  ])('with the status that clients of %s know, as other refusals', async (accept, status) => {
    const query = `{ bots { nodes { ${times(20, nth => `a${nth}: config`)} } } }`;
    for (const asked of [query, `{ ${'a { '.repeat(40)} b ${'} '.repeat(40)} }`]) {
      const answer = await client.post(JSON.stringify({ query: asked }), { accept });
      expect(answer).toMatchObject({
        status,
        data: undefined,
        errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX' } }],
      });
      expect(answer.headers.get('content-type')).toContain(accept);
    }
  });

  test('by GET', async () => {
    const query = `{ bots { nodes { ${times(20, nth => `a${nth}: config`)} } } }`;
    const { secret } = await tenant.key();
    const response = await fetch(`${gateway.url}/graphql?query=${encodeURIComponent(query)}`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      errors: [
        {
          message: expect.stringContaining(`${LIMIT} bytes`),
          extensions: { code: 'QUERY_TOO_COMPLEX', requestId: expect.any(String) },
        },
      ],
    });
  });
});

describe('an operation whose rows are too large', () => {
  const rows = (fields: string): string =>
    'query ($id: ID!) { ' +
    times(3, nth => `d${nth}: document(id: $id) { chunks(first: 100) { nodes { ${fields} } } }`) +
    ' }';

  test('is refused, and sends no further statement', async () => {
    const query = rows('text document { filename bot { name } }');
    const names = await gateway.statements(async () =>
      expectRefused(await client.query(query, { id: documentId })),
    );
    expect(names).toEqual(['docsById', 'chunksOfDocument']);
  });

  test('is refused however many come at once, and the gateway serves others', async () => {
    await Promise.all(
      Array.from({ length: 30 }, async () =>
        expectRefused(await client.query(rows('text'), { id: documentId })),
      ),
    );
    const { document } = await client.data(
      'query ($id: ID!) { document(id: $id) { chunks(first: 100) { nodes { text } } } }',
      { id: documentId },
    );
    expect(document.chunks.nodes).toHaveLength(100);
  });
});

describe('what an operation costs', () => {
  let costly: TestGateway;
  let costlyClient: Client;
  beforeAll(async () => {
    costly = await startTestGateway({ env: { WEAVER_MAX_COST: '5000' } });
    const costlyTenant = await costly.world.tenant();
    costlyClient = costly.client((await costlyTenant.key()).secret);
  });
  afterAll(() => costly.close());

  async function expectRefusedCost(query: string): Promise<void> {
    let answer: Answer;
    expect(await costly.statements(async () => (answer = await costlyClient.query(query)))).toEqual(
      [],
    );
    expect(answer!).toMatchObject({
      status: 400,
      data: undefined,
      errors: [
        {
          message: expect.stringMatching(/could read \d+ rows.*limit is 5000/),
          extensions: { code: 'QUERY_TOO_COMPLEX' },
        },
      ],
    });
  }

  test('grows by ten rows with each further alias of a value, for all parents', async () => {
    const query = (aliases: number): string =>
      `{ bots(first: 50) { nodes { name ${times(aliases, nth => `a${nth}: name`)} } } }`;
    // 50 rows, and 50 times 10 for each further name.
    expect(await costlyClient.query(query(9))).toMatchObject({ status: 200, errors: undefined });
    await expectRefusedCost(query(10));
    expect((await costlyClient.query(query(10))).errors![0]!.message).toContain(
      'could read 5050 rows',
    );
  });

  test.each([
    [
      'in fragments',
      '{ bots(first: 50) { nodes { ...A ...B } } } fragment A on Bot { ' +
        `${times(6, nth => `a${nth}: name`)} } fragment B on Bot { ` +
        `${times(6, nth => `b${nth}: name`)} }`,
    ],
    [
      'of objects, with all values in them',
      `{ bots(first: 50) { ${times(6, nth => `a${nth}: nodes { id name }`)} } }`,
    ],
    [
      'of type names',
      `{ bots(first: 50) { nodes { ${times(12, nth => `a${nth}: __typename`)} } } }`,
    ],
    [
      'through an interface',
      `{ nodes(ids: [${times(50, () => `"0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10"`)}]) { ` +
        `... on Bot { ${times(12, nth => `a${nth}: name`)} } } }`,
    ],
    ['in the schema', `{ __schema { types { fields { ${times(3, nth => `a${nth}: name`)} } } } }`],
    [
      'of the schema',
      `{ __schema { a: types { name fields { name } } b: types { name fields { name } } } }`,
    ],
  ])('counts aliases %s', async (_, query) => expectRefusedCost(query));

  test('is the same for other values, for one under one name, for nodes and edges', async () => {
    const query =
      `{ bots(first: 100) { nodes { ${times(60, () => 'name')} id config createdAt ` +
      'updatedAt tenant { id } } edges { cursor node { name } } pageInfo { endCursor } } }';
    expect(await costlyClient.query(query)).toMatchObject({ status: 200, errors: undefined });
  });

  test('is nothing for the usual introspection', async () => {
    expect(await costlyClient.query(getIntrospectionQuery())).toMatchObject({
      status: 200,
      errors: undefined,
    });
  });

  test('counts a page of a size that there is not, which is refused for each parent', async () => {
    await expectRefusedCost(
      '{ bots(first: 100) { nodes { documents(first: 101) { totalCount } } } }',
    );
  });
});

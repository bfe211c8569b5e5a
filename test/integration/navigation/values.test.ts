import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { BotWorld, TenantWorld } from '../../support/world.js';

let gateway: TestGateway;
let tenant: TenantWorld;
let bot: BotWorld;
let client: Client;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  bot = await tenant.bot();
  client = gateway.client((await tenant.key({ scopes: ['read', 'vectors'] })).secret);
});
afterAll(() => gateway.close());

describe('DateTime', () => {
  test.each([
    ['2026-01-31T09:30:00.123456Z', '2026-01-31T09:30:00.123456Z'],
    ['2026-01-31T09:30:00.1Z', '2026-01-31T09:30:00.100000Z'],
    ['2026-01-31T09:30:00Z', '2026-01-31T09:30:00.000000Z'],
    ['2026-01-31T00:30:00.000001+05:30', '2026-01-30T19:00:00.000001Z'],
    ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000000Z'],
    ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'],
  ])('stored as %s shows as %s, and finds its row again', async (stored, shown) => {
    const id = await bot.query({ created_at: stored });
    const found = await client.data(
      'query ($id: ID!) { node(id: $id) { ... on BotQuery { createdAt } } }',
      { id },
    );
    expect(found.node.createdAt).toBe(shown);
    const again = await client.data(
      'query ($id: ID!, $at: DateTime!) { botQueries(filter: {id: {eq: $id}, createdAt: ' +
        '{eq: $at, gte: $at, lte: $at, in: [$at]}}) { nodes { id createdAt } } }',
      { id, at: shown },
    );
    expect(again.botQueries.nodes).toEqual([{ id, createdAt: shown }]);
    const { botQueries } = await client.data(
      'query ($id: ID!, $at: DateTime!) { botQueries(filter: {id: {eq: $id}, or: ' +
        '[{createdAt: {gt: $at}}, {createdAt: {lt: $at}}]}) { totalCount } }',
      { id, at: shown },
    );
    expect(botQueries.totalCount).toBe(0);
  });

  test("is in UTC whatever the server's zone", async () => {
    // The embedded database has one session, which a `set` reaches; PostgreSQL's new sessions take
    // the database's zone.
    if (gateway.db.database.kind === 'embedded')
      await gateway.db.asSuperuser(`set timezone = 'Asia/Kathmandu'`);
    else
      await gateway.db.asSuperuser(
        "do $$ begin execute format('alter database %I set timezone = %L', " +
          "current_database(), 'Asia/Kathmandu'); end $$",
      );
    const id = await bot.query({ created_at: '2026-06-01T00:00:00.5Z' });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        client.data('query ($id: ID!) { node(id: $id) { ... on BotQuery { createdAt } } }', { id }),
      ),
    );
    for (const { node } of answers) expect(node.createdAt).toBe('2026-06-01T00:00:00.500000Z');
  });

  test('that is missing is null', async () => {
    const { id } = await tenant.key();
    const { node } = await client.data(
      'query ($id: ID!) { node(id: $id) { ... on ApiKey { expiresAt lastUsedAt createdAt } } }',
      { id },
    );
    expect(node).toEqual({
      expiresAt: null,
      lastUsedAt: null,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    });
  });
});

describe('BigInt', () => {
  test.each([
    ['0', 0],
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740992', '9007199254740992'],
    ['9223372036854775807', '9223372036854775807'],
  ])('stored as %s shows as %j, and finds its row again', async (stored, shown) => {
    // A tenant of its own: the sizes of all its documents are added up.
    const document = await (
      await (await gateway.world.tenant()).bot()
    ).document({ size_bytes: stored });
    const found = await gateway.operator.data(
      'query ($id: ID!, $size: BigInt!) { document(id: $id) { sizeBytes } ' +
        'documents(filter: {id: {eq: $id}, sizeBytes: {eq: $size}}) { totalCount } }',
      { id: document.id, size: shown },
    );
    expect(found).toEqual({ document: { sizeBytes: shown }, documents: { totalCount: 1 } });
  });

  test('adds up beyond 53 bits without loss', async () => {
    const other = await gateway.world.tenant();
    const made = await other.bot();
    await made.document({ size_bytes: '9007199254740993' });
    await made.document({ size_bytes: '2' });
    const { tenant: found } = await gateway.operator.data(
      'query ($id: ID!) { tenant(id: $id) { usage { documentBytes } } }',
      { id: other.id },
    );
    expect(found.usage.documentBytes).toBe('9007199254740995');
  });
});

describe('enums', () => {
  test('are in capitals everywhere', async () => {
    const documents = await Promise.all(
      ['pending', 'processing', 'completed', 'failed'].map(status => bot.document({ status })),
    );
    const { nodes } = await client.data(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Document { status } } }',
      { ids: documents.map(document => document.id) },
    );
    expect(nodes).toEqual([
      { status: 'PENDING' },
      { status: 'PROCESSING' },
      { status: 'COMPLETED' },
      { status: 'FAILED' },
    ]);
    const user = await tenant.user({ role: 'owner' });
    const query = await bot.query({ confidence: 'medium' });
    const { id } = await tenant.key({ scopes: ['admin', 'read', 'write', 'search', 'ask'] });
    const others = await client.data(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User { role } ... on BotQuery { ' +
        'confidence } ... on ApiKey { scopes } } }',
      { ids: [user, query, id] },
    );
    expect(others.nodes).toEqual([
      { role: 'OWNER' },
      { confidence: 'MEDIUM' },
      { scopes: ['ADMIN', 'READ', 'WRITE', 'SEARCH', 'ASK'] },
    ]);
  });
});

describe('texts', () => {
  test('come back as they were stored, whatever is in them', async () => {
    const text =
      'Zeile\r\n\t"quoted" \\ back, nul-free \u0001, emoji 👩‍👩‍👧, rtl \u202e, ' +
      'combining e\u0301, {json: [1]}, $1 ? %_';
    const [id] = await (await bot.document()).chunks([{ text, chunkIndex: 0, embedding: null }]);
    expect(await client.data('query ($id: ID!) { chunk(id: $id) { text } }', { id })).toEqual({
      chunk: { text },
    });
  });
});

describe('JSONObject', () => {
  test('comes back with every kind of value', async () => {
    const metadata = {
      text: 'x',
      number: 1.5,
      large: 9_007_199_254_740_991,
      tiny: 1e-7,
      yes: true,
      nothing: null,
      list: [1, ['2'], {}],
      nested: { deep: { er: [] } },
      'odd key "\\': 'ü',
      '': 'empty',
    };
    const [id] = await (
      await bot.document()
    ).chunks([{ text: 'x', chunkIndex: 0, metadata, embedding: null }]);
    expect(await client.data('query ($id: ID!) { chunk(id: $id) { metadata } }', { id })).toEqual({
      chunk: { metadata },
    });
  });

  test('is an empty object where nothing was noted', async () => {
    const [id] = await (
      await bot.document()
    ).chunks([{ text: 'x', chunkIndex: 0, embedding: null }]);
    expect(
      await client.data(
        'query ($id: ID!, $bot: ID!) { chunk(id: $id) { metadata } bot(id: $bot) { config } }',
        { id, bot: bot.id },
      ),
    ).toEqual({ chunk: { metadata: {} }, bot: { config: {} } });
  });

  test('stands in lists, too', async () => {
    const sources = [{ chunkId: 'a', score: 0.5 }, {}];
    const id = await bot.query({ sources: JSON.stringify(sources) });
    const without = await bot.query();
    const { nodes } = await client.data(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on BotQuery { sources } } }',
      { ids: [id, without] },
    );
    expect(nodes).toEqual([{ sources }, { sources: [] }]);
  });
});

describe('DocumentChunk.embedding', () => {
  test('is 1536 numbers in half precision, or null', async () => {
    const vector = Array.from({ length: 1536 }, (_, index) => (index % 7) / 1024 - 0.003);
    const ids = await (
      await bot.document()
    ).chunks([
      { text: 'with', chunkIndex: 0, embedding: vector },
      { text: 'without', chunkIndex: 1, embedding: null },
    ]);
    const { nodes } = await client.data(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on DocumentChunk { hasEmbedding ' +
        'embedding } } }',
      { ids },
    );
    expect(nodes[1]).toEqual({ hasEmbedding: false, embedding: null });
    expect(nodes[0].hasEmbedding).toBe(true);
    expect(nodes[0].embedding).toHaveLength(1536);
    for (const [index, value] of nodes[0].embedding.entries()) {
      expect(typeof value).toBe('number');
      expect(value).toBeCloseTo(vector[index]!, 5);
    }
  });

  test('comes back in lists beside chunks without one', async () => {
    const document = await bot.document();
    await document.chunks(
      [0, 1, 2].map(index => ({
        text: String(index),
        chunkIndex: index,
        embedding: index === 1 ? Array.from({ length: 1536 }, () => 1) : null,
      })),
    );
    const found = await client.data(
      'query ($id: ID!) { document(id: $id) { chunks { nodes { embedding } } } }',
      { id: document.id },
    );
    expect(
      found.document.chunks.nodes.map(
        (node: { embedding: number[] | null }) => node.embedding?.length ?? null,
      ),
    ).toEqual([null, 1536, null]);
  });
});

describe('__typename', () => {
  test('is right at every level', async () => {
    const found = await client.data(
      '{ __typename tenant { __typename bots(first: 1) { __typename pageInfo { ' +
        '__typename } edges { __typename node { __typename } } } stats { __typename } } ' +
        'viewer { __typename } }',
    );
    expect(found).toEqual({
      __typename: 'Query',
      tenant: {
        __typename: 'Tenant',
        bots: {
          __typename: 'BotConnection',
          pageInfo: { __typename: 'PageInfo' },
          edges: [{ __typename: 'BotEdge', node: { __typename: 'Bot' } }],
        },
        stats: { __typename: 'TenantStats' },
      },
      viewer: { __typename: 'Viewer' },
    });
  });
});

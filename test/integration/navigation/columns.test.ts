import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isKeyLookUp, startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;
let key: string;
let ids: { tenant: string; bot: string; document: string; chunk: string };

beforeAll(async () => {
  gateway = await startTestGateway();
  const tenant = await gateway.world.tenant();
  key = (await tenant.key({ scopes: ['read', 'search', 'vectors'] })).secret;
  const bot = await tenant.bot();
  const document = await bot.document();
  const [chunk] = await document.chunks([
    { text: 'A passage', chunkIndex: 0, embedding: Array.from({ length: 1536 }, () => 0.02) },
  ]);
  await bot.query();
  await tenant.user();
  ids = { tenant: tenant.id, bot: bot.id, document: document.id, chunk: chunk! };
});
afterAll(() => gateway.close());

/** Of each statement that a query causes: its name, and the properties that it reads. */
async function readsOf(query: string): Promise<Record<string, string[]>> {
  const reads: Record<string, string[]> = {};
  const { database } = gateway.db;
  database.onStatement = ({ name, text }) => {
    if (!isKeyLookUp(name))
      reads[name] = [...new Set(Array.from(text.matchAll(/ as "(\w+)"/g), match => match[1]!))]
        .filter(column => !column.startsWith('_'))
        .sort();
  };
  try {
    await gateway.client(key).data(query);
  } finally {
    database.onStatement = () => {};
  }
  return reads;
}

describe('the columns read', () => {
  test('are those selected, and of lists the two that navigation needs to go on', async () => {
    expect(
      await readsOf(
        '{ tenant { planTier bots { nodes { name documents { nodes { filename chunks { ' +
          'nodes { text } } } } } } } }',
      ),
    ).toEqual({
      tenantsById: ['id', 'planTier', 'tenantId'],
      bots: ['id', 'name', 'tenantId'],
      documentsOfBot: ['filename', 'id', 'tenantId'],
      chunksOfDocument: ['id', 'text'],
    });
  });

  test('include the keys of selected relations only', async () => {
    expect(
      await readsOf(
        '{ documents { nodes { bot { name } } } botQueries { nodes { apiKey { id } } } }',
      ),
    ).toEqual({
      documents: ['botId', 'id', 'tenantId'],
      botsById: ['id', 'name', 'tenantId'],
      botQueries: ['apiKeyId', 'id', 'tenantId'],
    });
  });

  test('include what an order compares only where a cursor shows it', async () => {
    expect(await readsOf('{ documents(orderBy: {field: SIZE_BYTES}) { nodes { id } } }')).toEqual({
      documents: ['id'],
    });
    expect(
      await readsOf('{ documents(orderBy: {field: SIZE_BYTES}) { edges { cursor } } }'),
    ).toEqual({ documents: ['id', 'sizeBytes'] });
    expect(
      await readsOf('{ documents(orderBy: {field: SIZE_BYTES}) { pageInfo { endCursor } } }'),
    ).toEqual({ documents: ['id', 'sizeBytes'] });
  });

  test('leave out what @skip and @include leave out', async () => {
    expect(
      await readsOf(
        '{ documents { nodes { filename @skip(if: true) sizeBytes ... on Document ' +
          '@include(if: false) { status } } } }',
      ),
    ).toEqual({
      documents: ['id', 'sizeBytes'],
    });
  });

  test('are none for a count', async () => {
    expect(await readsOf('{ documents { totalCount } }')).toEqual({ documentsCount: [] });
  });

  test('of node and nodes are those of the fragments on each type', async () => {
    const { nodeTypes: _, ...reads } = await readsOf(
      `{ node(id: "${ids.bot}") { id ... on Bot { name } ... on Document { status } } ` +
        `nodes(ids: ["${ids.document}", "${ids.chunk}"]) { id ... on Document { filename } ` +
        '... on DocumentChunk { pageNum } } }',
    );
    expect(reads).toEqual({
      botsById: ['id', 'name', 'tenantId'],
      docsById: ['filename', 'id', 'tenantId'],
      doc_chunksById: ['id', 'pageNum', 'tenantId'],
    });
  });
});

describe('DocumentChunk.embedding', () => {
  test('is read only where it is selected', async () => {
    const all = 'id text chunkIndex pageNum metadata hasEmbedding createdAt';
    const columns = [
      'chunkIndex',
      'createdAt',
      'hasEmbedding',
      'id',
      'metadata',
      'pageNum',
      'text',
    ];
    expect(await readsOf(`{ chunk(id: "${ids.chunk}") { ${all} } }`)).toEqual({
      doc_chunksById: [...columns, 'tenantId'].sort(),
    });
    expect(
      await readsOf(`{ documents { nodes { chunks { edges { cursor node { ${all} } } } } } }`),
    ).toMatchObject({ chunksOfDocument: columns });
    expect(await readsOf(`{ chunk(id: "${ids.chunk}") { embedding } }`)).toEqual({
      doc_chunksById: ['embedding', 'id', 'tenantId'],
    });
  });
});

describe('columns that no field shows', () => {
  test('are read by no statement, whatever is selected', async () => {
    const texts: string[] = [];
    gateway.db.database.onStatement = ({ name, text }) =>
      void (isKeyLookUp(name) || texts.push(text));
    await gateway.client(key).data(`{
      tenant { id name planTier storageUsedBytes createdAt updatedAt usage
        { documentBytes botQueriesLast30Days } stats { chunks }
        users { nodes { id email role createdAt updatedAt } }
        apiKeys { nodes { id name prefix scopes rateLimitRpm revoked expiresAt lastUsedAt createdAt
          updatedAt } }
        botQueries { nodes { id query answer confidence latencyMs sources createdAt } }
        documents { nodes { id filename sourceUri sizeBytes status errorMessage createdAt updatedAt
          chunkCount progress { embeddedShare }
            chunks { nodes { id text chunkIndex pageNum metadata createdAt } } } }
      }
    }`);
    gateway.db.database.onStatement = () => {};
    expect(texts.length).toBeGreaterThan(8);
    for (const text of texts)
      expect(text).not.toMatch(
        /key_hash|query_embedding|search_vector|embedding_bq|t\.\*|select \*/,
      );
  });
});

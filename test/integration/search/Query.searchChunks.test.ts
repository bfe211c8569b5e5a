import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HashingEmbedder } from '../../../src/embedders/hashing-embedder.js';
import type { Client } from '../../support/client.js';
import { ClusteredVectors, dot } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) {
    hits { rank score similarity chunk { id } }
    completeness { requested returned exact candidates path reason }
    mode embeddingModel tookMs
  }
}`;

interface Result {
  hits: { rank: number; score: number; similarity: number; chunk: { id: string } }[];
  completeness: {
    requested: number;
    returned: number;
    exact: boolean;
    candidates: number;
    path: string;
    reason: string | null;
  };
  mode: string;
  embeddingModel: string;
  tookMs: number;
}

/** A chunk as the test knows it, to say by itself which are nearest. */
interface Passage {
  readonly id: string;
  readonly botId: string;
  readonly documentId: string;
  readonly kind: number;
  readonly vector: Float32Array;
}

interface Corpus {
  readonly tenant: TenantWorld;
  readonly client: Client;
  readonly passages: Passage[];
}

const PASSAGES_PER_DOCUMENT = 25;
const QUESTIONS = 24;

let gateway: TestGateway;
const vectors = new ClusteredVectors(20_261_123);
const corpora = new Map<number, Corpus>();

beforeAll(async () => {
  gateway = await startTestGateway();
  for (const size of [100, 1_000, 5_000]) corpora.set(size, await corpus(size));
}, 300_000);
afterAll(() => gateway.close());

/**
 * A tenant with `size` chunks of documents on topics that all tenants share, spread over three
 * bots.
 */
async function corpus(size: number): Promise<Corpus> {
  const tenant = await gateway.world.tenant();
  const bots = [await tenant.bot(), await tenant.bot(), await tenant.bot()];
  const documents = Array.from({ length: size / PASSAGES_PER_DOCUMENT }, (_, n) => ({
    id: v7(),
    botId: bots[n % bots.length]!.id,
  }));
  await insert(
    'docs (id, tenant_id, bot_id, filename, size_bytes)',
    documents.map(({ id, botId }) => `'${id}', '${tenant.id}', '${botId}', 'Document', 1`),
  );

  const passages = documents.flatMap(({ id, botId }) =>
    vectors.document(PASSAGES_PER_DOCUMENT).map((vector): Passage => ({
      id: v7(),
      botId,
      documentId: id,
      kind: vectors.below(5),
      vector,
    })),
  );
  await insert(
    'doc_chunks (id, tenant_id, bot_id, doc_id, text, chunk_index, chunk_metadata, embedding)',
    passages.map(
      ({ id, botId, documentId, kind, vector }, n) =>
        `'${id}', '${tenant.id}', '${botId}', '${documentId}', 'Passage ${n}', ${n}, ` +
        `'{"kind": ${kind}}', '${literal(vector)}'`,
    ),
  );
  return { tenant, client: await clientOf(tenant), passages };
}

/**
 * Rows given as SQL, a hundred in a statement: thousands of vectors take the embedded database long
 * enough as it is.
 */
async function insert(columns: string, rows: readonly string[]): Promise<void> {
  for (let start = 0; start < rows.length; start += 100) {
    await gateway.db.asSuperuser(
      `insert into ${columns} values (${rows.slice(start, start + 100).join('), (')})`,
    );
  }
}

/** As pgvector reads it, with as many digits as half precision has. */
function literal(vector: Float32Array): string {
  return `[${Array.from(vector, value => value.toFixed(5)).join()}]`;
}

async function clientOf(tenant: TenantWorld): Promise<Client> {
  return gateway.client((await tenant.key()).secret);
}

async function search(client: Client, input: Record<string, unknown>): Promise<Result> {
  return (await client.data<{ searchChunks: Result }>(SEARCH, { input })).searchChunks;
}

async function refusal(
  client: Client,
  input: Record<string, unknown>,
): Promise<{ code: string; field?: string; message: string }> {
  const { errors } = await client.query(SEARCH, { input });
  return {
    code: errors![0]!.extensions.code,
    field: errors![0]!.extensions.field,
    message: errors![0]!.message,
  };
}

/** What a search must find, by comparing everything. */
function nearest(passages: readonly Passage[], question: Float32Array, count: number): string[] {
  return passages
    .map(({ id, vector }) => ({ id, similarity: dot(vector, question) }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, count)
    .map(({ id }) => id);
}

/** Half about a passage, half on a topic. */
function questions(passages: readonly Passage[], count = QUESTIONS): Float32Array[] {
  return Array.from({ length: count }, (_, n) =>
    n % 2 === 0
      ? vectors.questionAbout(passages[vectors.below(passages.length)]!.vector)
      : vectors.questionOnTopic(),
  );
}

/** Mean share of the nearest that searches found; no search may have fewer hits than it could. */
async function recall(
  { client, passages }: Corpus,
  asked: readonly Float32Array[],
  topK: number,
  filter: Record<string, unknown> = {},
  isInScope: (passage: Passage) => boolean = () => true,
): Promise<number> {
  const scope = passages.filter(isInScope);
  let found = 0;
  let wanted = 0;
  for (const question of asked) {
    const expected = nearest(scope, question, topK);
    const { hits, completeness } = await search(client, {
      embedding: Array.from(question),
      topK,
      ...filter,
    });
    const ids = new Set(hits.map(hit => hit.chunk.id));
    expect(ids.size).toBe(expected.length);
    expect(completeness).toMatchObject({
      requested: topK,
      returned: expected.length,
      reason: expected.length < topK ? 'NO_MORE_CHUNKS' : null,
    });
    if (completeness.path === 'EXACT')
      expect(completeness).toMatchObject({ exact: true, candidates: scope.length });
    found += expected.filter(id => ids.has(id)).length;
    wanted += expected.length;
  }
  return found / wanted;
}

describe.each([100, 1_000, 5_000])('among %d chunks', size => {
  const part = (): Corpus => corpora.get(size)!;

  test('the nearest are found', async () => {
    expect(await recall(part(), questions(part().passages), 10)).toBeGreaterThanOrEqual(0.99);
  });

  test.each([1, 100])('the nearest %d are found', async topK => {
    expect(await recall(part(), questions(part().passages, 8), topK)).toBeGreaterThanOrEqual(0.99);
  });

  test('the nearest of a bot are found', async () => {
    const { botId } = part().passages[0]!;
    expect(
      await recall(
        part(),
        questions(part().passages, 12),
        10,
        { botId },
        passage => passage.botId === botId,
      ),
    ).toBeGreaterThanOrEqual(0.99);
  });

  test('the nearest of some documents are found', async () => {
    const documentIds = [...new Set(part().passages.map(passage => passage.documentId))].slice(
      1,
      4,
    );
    expect(
      await recall(part(), questions(part().passages, 12), 10, { documentIds }, passage =>
        documentIds.includes(passage.documentId),
      ),
    ).toBeGreaterThanOrEqual(0.99);
  });

  test('the nearest with some metadata are found', async () => {
    expect(
      await recall(
        part(),
        questions(part().passages, 12),
        10,
        { metadata: { kind: 3 } },
        passage => passage.kind === 3,
      ),
    ).toBeGreaterThanOrEqual(0.99);
  });

  test('the nearest under conditions on metadata, status and time are found', async () => {
    const { documentId } = part().passages[0]!;
    const asked = (): Float32Array[] => questions(part().passages, 6);
    const inMetadata = {
      metadataConditions: [
        { path: ['kind'], number: { gte: 1, lt: 3 } },
        { path: ['kind'], in: [0, 1, 2, 'x'] },
      ],
    };
    expect(
      await recall(
        part(),
        asked(),
        10,
        inMetadata,
        passage => passage.kind === 1 || passage.kind === 2,
      ),
    ).toBeGreaterThanOrEqual(0.99);
    await gateway.db.asSuperuser(`update docs set status = 'failed' where id = ?`, [documentId]);
    expect(
      await recall(
        part(),
        asked(),
        10,
        { documentStatuses: ['FAILED'] },
        passage => passage.documentId === documentId,
      ),
    ).toBe(1);
    expect(
      await recall(
        part(),
        asked(),
        10,
        { documentStatuses: ['PENDING', 'COMPLETED'] },
        passage => passage.documentId !== documentId,
      ),
    ).toBeGreaterThanOrEqual(0.99);
    await gateway.db.asSuperuser(`update docs set status = 'pending' where id = ?`, [documentId]);
    expect(
      await recall(part(), asked(), 10, { createdAt: { gt: '2020-01-01T00:00:00Z' } }),
    ).toBeGreaterThanOrEqual(0.99);
    expect(
      await recall(part(), asked(), 10, { createdAt: { lt: '2020-01-01T00:00:00Z' } }, () => false),
    ).toBeNaN();
  });

  test('exact: true compares everything', async () => {
    for (const question of questions(part().passages, 4)) {
      const { hits, completeness } = await search(part().client, {
        embedding: Array.from(question),
        exact: true,
      });
      expect(completeness).toMatchObject({ exact: true, path: 'EXACT', candidates: size });
      // Half precision may order two that are nearly equal otherwise.
      expect(new Set(hits.map(hit => hit.chunk.id)).size).toBe(10);
      const found = new Set(hits.map(hit => hit.chunk.id));
      expect(
        nearest(part().passages, question, 9).filter(id => found.has(id)).length,
      ).toBeGreaterThanOrEqual(8);
    }
  });

  test('all conditions hold together', async () => {
    const { botId, documentId } = part().passages[30]!;
    const filter = { botId, documentIds: [documentId], metadata: { kind: 2 } };
    expect(
      await recall(
        part(),
        questions(part().passages, 4),
        10,
        filter,
        passage => passage.documentId === documentId && passage.kind === 2,
      ),
    ).toBe(1);
  });
});

test('questions that resemble nothing are answered exactly among any size of tenant', async () => {
  const strangers = new ClusteredVectors(4_711);
  const asked = Array.from({ length: 6 }, () => strangers.questionOnTopic());
  expect(await recall(corpora.get(5_000)!, asked, 10)).toBeGreaterThanOrEqual(0.99);
});

describe('a result', () => {
  test('says how it was found', async () => {
    const { client, passages } = corpora.get(5_000)!;
    const { completeness } = await search(client, {
      embedding: Array.from(vectors.questionAbout(passages[0]!.vector)),
    });
    expect(completeness).toEqual({
      requested: 10,
      returned: 10,
      exact: false,
      candidates: 100,
      path: 'CODES',
      reason: null,
    });
  });

  test('ranks by the exact similarity', async () => {
    const { client, passages } = corpora.get(1_000)!;
    const question = vectors.questionAbout(passages[0]!.vector);
    const { hits, mode, embeddingModel, tookMs } = await search(client, {
      embedding: Array.from(question),
    });
    const byId = new Map(passages.map(passage => [passage.id, passage.vector]));
    expect(hits.map(hit => hit.rank)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(hits.map(hit => hit.similarity)).toEqual(
      hits.map(hit => hit.similarity).sort((a, b) => b - a),
    );
    for (const { chunk, score, similarity } of hits) {
      expect(score).toBe(similarity);
      expect(similarity).toBeCloseTo(dot(byId.get(chunk.id)!, question), 3);
    }
    expect({ mode, embeddingModel }).toEqual({
      mode: 'VECTOR',
      embeddingModel: 'weaver-hashing-2',
    });
    expect(tookMs).toBeGreaterThan(0);
  });

  test('of a chunk and itself has the similarity 1, of its opposite -1', async () => {
    const { client, passages } = corpora.get(100)!;
    const same = await search(client, { embedding: Array.from(passages[0]!.vector), topK: 1 });
    expect(same.hits[0]!.similarity).toBeCloseTo(1, 5);
    const opposite = await search(client, {
      embedding: Array.from(passages[0]!.vector, value => -value),
      topK: 100,
    });
    expect(opposite.hits.at(-1)!.similarity).toBeCloseTo(-1, 5);
    for (const { similarity } of [...same.hits, ...opposite.hits])
      expect(Math.abs(similarity)).toBeLessThanOrEqual(1);
  });

  test('does not depend on the magnitude of the vector', async () => {
    const { client, passages } = corpora.get(100)!;
    const question = vectors.questionAbout(passages[0]!.vector);
    const [tiny, plain, huge] = await Promise.all(
      [1e-300, 1, 1e300].map(scale =>
        search(client, { embedding: Array.from(question, value => value * scale) }),
      ),
    );
    expect(tiny!.hits).toEqual(plain!.hits);
    expect(huge!.hits).toEqual(plain!.hits);
  });
});

describe('minSimilarity', () => {
  test.each([1_000, 5_000])(
    'compares with the similarity that is shown, among %d chunks',
    async size => {
      const { client, passages } = corpora.get(size)!;
      const embedding = Array.from(vectors.questionAbout(passages[7]!.vector));
      const all = await search(client, { embedding });
      const few = await search(client, { embedding, minSimilarity: all.hits[3]!.similarity });
      expect(few.hits).toEqual(all.hits.slice(0, 4));
      expect(few.completeness).toMatchObject({
        requested: 10,
        returned: 4,
        reason: 'MIN_SIMILARITY',
      });
    },
  );

  test('above every similarity leaves nothing', async () => {
    const { client, passages } = corpora.get(100)!;
    const { hits, completeness } = await search(client, {
      embedding: Array.from(vectors.questionAbout(passages[0]!.vector)),
      minSimilarity: 1,
    });
    expect(hits).toEqual([]);
    expect(completeness).toEqual({
      requested: 10,
      returned: 0,
      exact: true,
      candidates: 100,
      path: 'EXACT',
      reason: 'MIN_SIMILARITY',
    });
  });

  test('of -1 leaves everything', async () => {
    const { client } = corpora.get(100)!;
    expect(
      (
        await search(client, {
          embedding: Array.from(vectors.questionOnTopic()),
          minSimilarity: -1,
          topK: 100,
        })
      ).hits,
    ).toHaveLength(100);
  });
});

describe('what cannot be told apart or compared', () => {
  const unit = (place: number): string =>
    `[${Array.from({ length: 1536 }, (_, index) => (index === place ? 1 : 0)).join()}]`;

  /** `count` chunks with the same vector, in one statement. */
  async function same(tenant: TenantWorld, count: number, vector: string): Promise<void> {
    const document = await (await tenant.bot()).document();
    await gateway.db.asSuperuser(
      'insert into doc_chunks (tenant_id, doc_id, bot_id, text, chunk_index, embedding) ' +
        "select tenant_id, id, bot_id, 'same', n, ?::halfvec(1536) " +
        `from docs, generate_series(1, ${count}) n where id = ?`,
      [vector, document.id],
    );
  }

  test.each([30, 1_200])('%d equal chunks come in the order of their ids', async count => {
    const tenant = await gateway.world.tenant();
    await same(tenant, count, unit(3));
    const ids = await gateway.db.asSuperuser<{ id: string }>(
      'select id from doc_chunks where tenant_id = ? order by id limit 10',
      [tenant.id],
    );
    const { hits } = await search(await clientOf(tenant), { embedding: JSON.parse(unit(3)) });
    expect(hits.map(hit => hit.chunk.id)).toEqual(ids.map(row => row.id));
  });

  test('vectors of zeros never match, and crowd nothing out', async () => {
    const tenant = await gateway.world.tenant();
    await same(tenant, 1_200, unit(-1));
    await same(tenant, 4, unit(5));
    const { hits, completeness } = await search(await clientOf(tenant), {
      embedding: JSON.parse(unit(6)),
    });
    expect(hits.map(hit => hit.similarity)).toEqual([0, 0, 0, 0]);
    expect(completeness).toMatchObject({
      returned: 4,
      exact: true,
      path: 'EXACT',
      reason: 'NO_MORE_CHUNKS',
    });
  });

  test('chunks without a vector never match', async () => {
    const tenant = await gateway.world.tenant();
    const document = await (await tenant.bot()).document();
    await document.texts(5);
    const client = await clientOf(tenant);
    expect((await search(client, { text: 'Passage' })).completeness).toEqual({
      requested: 10,
      returned: 0,
      exact: true,
      candidates: 0,
      path: 'EXACT',
      reason: 'NO_MORE_CHUNKS',
    });
    await same(tenant, 2, unit(1));
    expect((await search(client, { embedding: JSON.parse(unit(1)) })).hits).toHaveLength(2);
  });
});

describe('a text', () => {
  test('finds the passage with its words', async () => {
    const texts = [
      'Refunds are paid within fourteen days of the return.',
      'The workshop repairs tents, zips and stoves on Thursdays.',
      'Boots are waterproofed with wax once a month.',
    ];
    const embeddings = await new HashingEmbedder().embed(texts);
    const tenant = await gateway.world.tenant();
    const document = await (await tenant.bot()).document();
    await document.chunks(
      texts.map((text, chunkIndex) => ({ text, chunkIndex, embedding: embeddings[chunkIndex]! })),
    );
    const client = await clientOf(tenant);
    const query =
      'query ($text: String!) { searchChunks(input: { text: $text }) { hits { similarity ' +
      'chunk { text hasEmbedding } } } }';
    const { searchChunks } = await client.data(query, {
      text: 'who repairs a broken zip of my tents',
    });
    expect(searchChunks.hits.map((hit: { chunk: { text: string } }) => hit.chunk.text)[0]).toBe(
      texts[1],
    );
    expect((await search(client, { text: texts[2] })).hits[0]!.similarity).toBeCloseTo(1, 3);
  });
});

describe('what is not yours', () => {
  test('is not there: bots and documents of others, and such as do not exist', async () => {
    const { client } = corpora.get(100)!;
    const foreign = corpora.get(1_000)!.passages[0]!;
    const embedding = Array.from(foreign.vector);
    const answers = await Promise.all(
      [
        { botId: foreign.botId },
        { botId: v7() },
        { documentIds: [foreign.documentId] },
        { documentIds: [v7()] },
      ].map(filter => search(client, { embedding, ...filter })),
    );
    for (const { hits, completeness } of answers) {
      expect(hits).toEqual([]);
      expect(completeness).toEqual({
        requested: 10,
        returned: 0,
        exact: true,
        candidates: 0,
        path: 'EXACT',
        reason: 'NO_MORE_CHUNKS',
      });
    }
  });

  test('stays hidden among what is: no hit is ever of another tenant', async () => {
    const { client, passages } = corpora.get(100)!;
    const own = new Set(passages.map(passage => passage.id));
    for (const { vector } of corpora.get(1_000)!.passages.slice(0, 5)) {
      const { hits } = await search(client, { embedding: Array.from(vector), topK: 100 });
      expect(hits.filter(hit => !own.has(hit.chunk.id))).toEqual([]);
      expect(hits).toHaveLength(100);
    }
  });

  test('answers alike as a tenant, whether it exists or not', async () => {
    const { client, tenant } = corpora.get(100)!;
    const stranger = corpora.get(1_000)!.tenant.id;
    const unknown = v7();
    expect(await refusal(client, { text: 'a', tenantId: stranger })).toEqual({
      code: 'NOT_FOUND',
      field: 'input.tenantId',
      message: `Tenant ${stranger} was not found.`,
    });
    expect(await refusal(client, { text: 'a', tenantId: unknown })).toEqual({
      code: 'NOT_FOUND',
      field: 'input.tenantId',
      message: `Tenant ${unknown} was not found.`,
    });
    expect((await search(client, { text: 'a', tenantId: tenant.id })).hits).toHaveLength(10);
  });

  test('needs the scope SEARCH', async () => {
    const { tenant } = corpora.get(100)!;
    const reader = gateway.client((await tenant.key({ scopes: ['read'] })).secret);
    const searcher = gateway.client((await tenant.key({ scopes: ['search'] })).secret);
    expect(await refusal(reader, { text: 'a' })).toMatchObject({ code: 'FORBIDDEN' });
    expect(await refusal(gateway.client(), { text: 'a' })).toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect((await search(searcher, { text: 'a' })).hits).toHaveLength(10);
  });
});

describe('an operator', () => {
  test('searches one tenant, which they name', async () => {
    const { tenant, passages } = corpora.get(100)!;
    const own = new Set(passages.map(passage => passage.id));
    const { hits } = await search(gateway.operator, {
      embedding: Array.from(corpora.get(1_000)!.passages[0]!.vector),
      tenantId: tenant.id,
      topK: 100,
    });
    expect(hits.every(hit => own.has(hit.chunk.id))).toBe(true);
    expect(hits).toHaveLength(100);
  });

  test('is told when they name none, one that does not exist, or what is no id', async () => {
    expect(await refusal(gateway.operator, { text: 'a' })).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.tenantId',
    });
    expect(await refusal(gateway.operator, { text: 'a', tenantId: v7() })).toMatchObject({
      code: 'NOT_FOUND',
      field: 'input.tenantId',
    });
    expect(await refusal(gateway.operator, { text: 'a', tenantId: 'mine' })).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.tenantId',
    });
  });

  test('finds nothing in a tenant without chunks', async () => {
    const tenant = await gateway.world.tenant();
    expect((await search(gateway.operator, { text: 'a', tenantId: tenant.id })).hits).toEqual([]);
  });
});

describe('what cannot be searched for', () => {
  const zeros = Array.from({ length: 1536 }, () => 0);

  test.each<[string, Record<string, unknown>, string]>([
    ['nothing', {}, 'input.text'],
    ['both', { text: 'a', embedding: zeros }, 'input.embedding'],
    ['a blank text', { text: '  ' }, 'input.text'],
    ['a text of 8,001 characters', { text: 'a'.repeat(8_001) }, 'input.text'],
    ['a vector of another dimension', { embedding: [1, 2, 3] }, 'input.embedding'],
    ['a vector that is too long', { embedding: [...zeros, 1] }, 'input.embedding'],
    ['an empty vector', { embedding: [] }, 'input.embedding'],
    ['a vector of zeros', { embedding: zeros }, 'input.embedding'],
    ['topK 0', { text: 'a', topK: 0 }, 'input.topK'],
    ['topK -1', { text: 'a', topK: -1 }, 'input.topK'],
    ['topK 101', { text: 'a', topK: 101 }, 'input.topK'],
    ['minSimilarity 2', { text: 'a', minSimilarity: 2 }, 'input.minSimilarity'],
    ['a bot that is no id', { text: 'a', botId: "' or true" }, 'input.botId'],
    ['a document that is no id', { text: 'a', documentIds: [v7(), 'x'] }, 'input.documentIds[1]'],
  ])('is refused, naming its field: %s', async (_, input, field) => {
    expect(await refusal(corpora.get(100)!.client, input)).toMatchObject({
      code: 'BAD_USER_INPUT',
      field,
    });
  });

  test.each([
    ['an infinite number', `{ embedding: [1e999, ${zeros.slice(1).join()}] }`],
    ['a word among numbers', `{ embedding: ["NaN", ${zeros.slice(1).join()}] }`],
    ['an infinite minSimilarity', '{ text: "a", minSimilarity: 1e999 }'],
    ['metadata that is a list', '{ text: "a", metadata: [] }'],
  ])('is refused as a literal: %s', async (_, input) => {
    const { errors } = await corpora
      .get(100)!
      .client.query(`{ searchChunks(input: ${input}) { hits { rank } } }`);
    expect(['BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED']).toContain(errors![0]!.extensions.code);
  });
});

describe('statements', () => {
  const NAVIGATE = `query ($input: SearchChunksInput!) {
    searchChunks(input: $input)
      { hits { similarity chunk { id text document { filename bot { name } } } } }
  }`;

  test('a search costs one, plus one for documents and one for bots, for any hits', async () => {
    const { tenant, passages } = corpora.get(1_000)!;
    const client = await clientOf(tenant);
    const run = (topK: number): Promise<string[]> =>
      gateway.statements(() =>
        client.data(NAVIGATE, { input: { embedding: Array.from(passages[0]!.vector), topK } }),
      );
    await run(1);
    expect(await run(10)).toEqual(['searchChunks_exact', 'docsById', 'botsById']);
    expect(await run(100)).toEqual(['searchChunks_exact', 'docsById', 'botsById']);
  });

  test('the size of a scope is asked once in a while', async () => {
    const tenant = await gateway.world.tenant();
    const client = await clientOf(tenant);
    const run = (): Promise<string[]> =>
      gateway.statements(() => search(client, { text: 'anything' }));
    expect(await run()).toEqual(['searchScopeSize', 'searchChunks_exact']);
    expect(await run()).toEqual(['searchChunks_exact']);
  });

  test('reads of the chunks only what is selected', async () => {
    const { client, passages } = corpora.get(100)!;
    const texts: string[] = [];
    gateway.db.database.onStatement = ({ text }) => void texts.push(text);
    const query =
      'query ($input: SearchChunksInput!, $with: Boolean!) { searchChunks(input: $input) ' +
      '{ hits { ...Hit } } } fragment Hit on ChunkSearchHit { chunk { pageNum text ' +
      '@include(if: $with) } }';
    const input = { embedding: Array.from(passages[0]!.vector), topK: 1 };
    await client.data(query, { input, with: true });
    await client.data(query, { input, with: false });
    gateway.db.database.onStatement = () => {};
    const [withText, without] = texts.filter(text => text.includes('searchChunks'));
    expect(withText).toContain('"text"');
    expect(without).not.toContain('"text"');
    expect(without).toContain('"pageNum"');
    expect(without).not.toContain('"metadata"');
  });
});

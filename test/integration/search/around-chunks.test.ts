import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { ClusteredVectors, dot } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

const vectors = new ClusteredVectors(21, 6);
let gateway: TestGateway;
let tenant: TenantWorld;
let client: Client;
let stranger: Client;
let strangersChunk: string;
/** Chunks of two documents in the order of their text; the last one of the second has no vector. */
let documents: { ids: string[]; vectors: Float32Array[]; documentId: string; botId: string }[];

const text = (document: number, index: number): string =>
  `Sentence ${document}.${index} ends here. Sentence ${document}.${index + 1} ends here.`;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  documents = [];
  for (const number of [1, 2]) {
    const bot = await tenant.bot();
    const document = await bot.document();
    const passages = vectors.document(12);
    const ids = await document.chunks(
      passages.map((vector, chunkIndex) => ({
        text: text(number, chunkIndex),
        chunkIndex,
        embedding: number === 2 && chunkIndex === 11 ? null : Array.from(vector),
        metadata: { number },
      })),
    );
    documents.push({ ids, vectors: passages, documentId: document.id, botId: bot.id });
  }
  const other = await gateway.world.tenant();
  stranger = gateway.client((await other.key()).secret);
  [strangersChunk] = (await (
    await (await other.bot()).document()
  ).chunks([
    { text: text(1, 0), chunkIndex: 0, embedding: Array.from(documents[0]!.vectors[0]!) },
  ])) as [string];
});
afterAll(() => gateway.close());

describe('DocumentChunk.neighbors', () => {
  const NEIGHBORS = `query ($ids: [ID!]!, $before: Int!, $after: Int!) {
    nodes(ids: $ids) { ... on DocumentChunk
      { neighbors(before: $before, after: $after) { before { id chunkIndex }
        after { id text document { id } } } } }
  }`;

  test('are the chunks around it, in the order of the text', async () => {
    const { ids, documentId } = documents[0]!;
    const { nodes } = await client.data(NEIGHBORS, {
      ids: [ids[5], ids[0], ids[11]],
      before: 3,
      after: 2,
    });
    expect(nodes.map((node: any) => node.neighbors.before.map((chunk: any) => chunk.id))).toEqual([
      ids.slice(2, 5),
      [],
      ids.slice(8, 11),
    ]);
    expect(nodes.map((node: any) => node.neighbors.after.map((chunk: any) => chunk.id))).toEqual([
      ids.slice(6, 8),
      ids.slice(1, 3),
      [],
    ]);
    expect(nodes[0].neighbors.after[0]).toEqual({
      id: ids[6],
      text: text(1, 6),
      document: { id: documentId },
    });
  });

  test('cost one statement, however many chunks and arguments', async () => {
    const ids = documents.flatMap(document => document.ids);
    const query =
      'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on DocumentChunk { neighbors { before ' +
      '{ text } after { id } } wide: neighbors(before: 10, after: 0) { before { pageNum } ' +
      '} } } }';
    const names = await gateway.statements(async () => {
      const { nodes } = await client.data(query, { ids });
      expect(nodes[4].wide.before).toHaveLength(4);
      expect(nodes[4].neighbors).toEqual({
        before: [{ text: text(1, 3) }],
        after: [{ id: documents[0]!.ids[5] }],
      });
    });
    expect(names.filter(name => name === 'chunkWindows')).toHaveLength(1);
  });

  test.each([
    [{ before: -1, after: 0 }, 'before'],
    [{ before: 0, after: 11 }, 'after'],
  ])('are at most ten on each side: %j', async (counts, field) => {
    const { errors } = await client.query(NEIGHBORS, {
      ids: documents[0]!.ids.slice(0, 1),
      ...counts,
    });
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
  });

  test('of a stranger are not there', async () => {
    expect(
      (await stranger.data(NEIGHBORS, { ids: [documents[0]!.ids[5]], before: 1, after: 1 })).nodes,
    ).toEqual([null]);
  });
});

describe('DocumentChunk.similar', () => {
  const SIMILAR =
    'query ($ids: [ID!]!, $first: Int!) { nodes(ids: $ids) { ... on DocumentChunk { ' +
    'similar(first: $first) { similarity chunk { id text } } } } }';

  test('are the nearest of the tenant without itself', async () => {
    const all = documents
      .flatMap(document =>
        document.ids.map((id, index) => ({ id, vector: document.vectors[index]! })),
      )
      .slice(0, -1);
    const asked = [all[3]!, all[14]!];
    const { nodes } = await client.data(SIMILAR, { ids: asked.map(chunk => chunk.id), first: 7 });
    asked.forEach(({ id, vector }, index) => {
      const expected = all
        .filter(other => other.id !== id)
        .map(other => ({ id: other.id, similarity: dot(other.vector, vector) }))
        .sort((a, b) => b.similarity - a.similarity)
        .slice(0, 7);
      expect(nodes[index].similar.map((hit: any) => hit.chunk.id)).toEqual(
        expected.map(hit => hit.id),
      );
      nodes[index].similar.forEach((hit: any, nth: number) =>
        expect(hit.similarity).toBeCloseTo(expected[nth]!.similarity, 3),
      );
    });
  });

  test('are all others where there are no more, and none of a chunk without a vector', async () => {
    const without = documents[1]!.ids[11]!;
    const { nodes } = await client.data(SIMILAR, {
      ids: [documents[0]!.ids[0], without],
      first: 50,
    });
    expect(nodes[0].similar).toHaveLength(22);
    expect(nodes[1].similar).toEqual([]);
  });

  test('are a search each: twenty in an operation, a statement for each', async () => {
    const ids = documents.flatMap(document => document.ids).slice(0, 20);
    await client.data(SIMILAR, { ids, first: 1 });
    const names = await gateway.statements(() => client.data(SIMILAR, { ids, first: 1 }));
    expect(names.filter(name => name.startsWith('searchChunks_'))).toHaveLength(20);
    const { errors } = await client.query(SIMILAR, {
      ids: documents.flatMap(document => document.ids).slice(0, 21),
      first: 1,
    });
    expect(errors![0]!.extensions).toMatchObject({
      code: 'QUERY_TOO_COMPLEX',
      field: 'DocumentChunk.similar',
    });
  });

  test('are none, and no search, where none are wanted', async () => {
    const ids = documents.flatMap(document => document.ids).slice(0, 21);
    let answer: any;
    const names = await gateway.statements(
      async () => (answer = await client.data(SIMILAR, { ids, first: 0 })),
    );
    expect(answer.nodes).toEqual(ids.map(() => ({ similar: [] })));
    expect(names.filter(name => !name.startsWith('nodeTypes'))).toEqual([]);
  });

  test.each([-1, 51])('are 0 to 50, not %d', async first => {
    const { errors } = await client.query(SIMILAR, { ids: documents[0]!.ids.slice(0, 1), first });
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'first' });
  });

  test('never hold a chunk of another tenant', async () => {
    const { nodes } = await stranger.data(SIMILAR, {
      ids: [strangersChunk, documents[0]!.ids[0]],
      first: 50,
    });
    expect(nodes).toEqual([{ similar: [] }, null]);
  });
});

describe('passages', () => {
  const PASSAGES = `query ($input: SearchChunksInput!) {
    searchChunks(input: $input) { hits { rank chunk { chunkIndex document { id } } }
      passages { ranks text firstChunkIndex lastChunkIndex chunks { id chunkIndex document { id } }
        } }
  }`;

  async function search(input: Record<string, unknown>, asker = client): Promise<any> {
    return (await asker.data(PASSAGES, { input })).searchChunks;
  }

  test.each([0, 1, 3])('hold each hit with %d chunks on either side, once', async contextWindow => {
    const { hits, passages } = await search({
      embedding: Array.from(documents[0]!.vectors[4]!),
      topK: 5,
      contextWindow,
    });
    const expected = new Set<string>();
    for (const { chunk } of hits) {
      for (
        let index = Math.max(0, chunk.chunkIndex - contextWindow);
        index <= Math.min(11, chunk.chunkIndex + contextWindow);
        index += 1
      )
        expected.add(`${chunk.document.id} ${index}`);
    }
    const found = passages.flatMap((passage: any) =>
      passage.chunks.map((chunk: any) => `${chunk.document.id} ${chunk.chunkIndex}`),
    );
    expect(found.toSorted()).toEqual([...expected].toSorted());
    expect(passages.flatMap((passage: any) => passage.ranks).toSorted()).toEqual([1, 2, 3, 4, 5]);
    expect(passages[0].ranks[0]).toBe(1);
    for (const { chunks, firstChunkIndex, lastChunkIndex } of passages) {
      expect(chunks.map((chunk: any) => chunk.chunkIndex)).toEqual(
        Array.from({ length: chunks.length }, (_, n) => firstChunkIndex + n),
      );
      expect(lastChunkIndex).toBe(firstChunkIndex + chunks.length - 1);
      expect(new Set(chunks.map((chunk: any) => chunk.document.id)).size).toBe(1);
    }
  });

  test('show a gap between chunks of other programs, whatever these repeat', async () => {
    const { passages } = await search({
      text: '"1.4 ends here"',
      mode: 'KEYWORD',
      topK: 10,
      contextWindow: 1,
    });
    expect(passages).toHaveLength(1);
    // Chunks 3 and 4 hold the words; with their neighbours that is 2 to 5.
    expect(passages[0]).toMatchObject({ ranks: [1, 2], firstChunkIndex: 2, lastChunkIndex: 5 });
    expect(passages[0].text).toBe(
      [2, 3, 4, 5]
        .map(index => `Sentence 1.${index} ends here. Sentence 1.${index + 1} ends here.`)
        .join('\n\n…\n\n'),
    );
  });

  test('cost one statement, and none where they are not asked for', async () => {
    await search({ text: 'sentence', topK: 20 });
    const names = await gateway.statements(() =>
      search({ text: 'sentence', topK: 20, contextWindow: 5 }),
    );
    expect(names).toEqual(expect.arrayContaining(['searchChunks_exact', 'chunkWindows']));
    expect(names.filter(name => name === 'chunkWindows')).toHaveLength(1);
    expect(
      await gateway.statements(() =>
        client.data('{ searchChunks(input: { text: "sentence" }) { hits { rank } } }'),
      ),
    ).toEqual(['searchChunks_exact']);
  });

  test('of nothing are none, and the window is 0 to 5', async () => {
    expect(
      (await search({ text: 'zeppelin', mode: 'KEYWORD', contextWindow: 2 })).passages,
    ).toEqual([]);
    for (const contextWindow of [-1, 6]) {
      const { errors } = await client.query(PASSAGES, { input: { text: 'a', contextWindow } });
      expect(errors![0]!.extensions).toMatchObject({
        code: 'BAD_USER_INPUT',
        field: 'input.contextWindow',
      });
    }
  });
});

describe('Query.explainChunk', () => {
  const EXPLAIN = `query ($input: SearchChunksInput!, $chunkId: ID!) {
    explainChunk(input: $input, chunkId: $chunkId) {
      isHit droppedBy failedFilters rank similarity vectorRank keywordScore keywordRank
        keywordMatch completeness { requested returned candidates path }
    }
  }`;

  async function explain(
    chunkId: string,
    input: Record<string, unknown>,
    asker = client,
  ): Promise<any> {
    return (await asker.data(EXPLAIN, { input, chunkId })).explainChunk;
  }

  const near = (): number[] => Array.from(documents[0]!.vectors[4]!);
  /** All chunks with a vector, the nearest to `near` first. */
  const inOrder = (): { id: string; similarity: number }[] =>
    documents
      .flatMap(({ ids, vectors: all }) =>
        ids.map((id, index) => ({ id, similarity: dot(all[index]!, documents[0]!.vectors[4]!) })),
      )
      .slice(0, -1)
      .sort((a, b) => b.similarity - a.similarity);

  test('tells a hit by its rank, and what was just not good enough by its', async () => {
    const order = inOrder();
    for (const [index, { id, similarity }] of order.entries()) {
      const explained = await explain(id, { embedding: near(), topK: 5 });
      expect(explained).toMatchObject({
        isHit: index < 5,
        droppedBy: index < 5 ? null : 'TOP_K',
        rank: index < 5 ? index + 1 : null,
        vectorRank: index + 1,
        keywordScore: null,
        keywordRank: null,
        keywordMatch: null,
        failedFilters: [],
      });
      expect(explained.similarity).toBeCloseTo(similarity, 3);
      expect(explained.completeness).toMatchObject({ requested: 5, returned: 5, path: 'EXACT' });
    }
  });

  test('names every filter that the chunk does not meet', async () => {
    const { botId, documentId } = documents[1]!;
    const input = {
      embedding: near(),
      botId,
      documentIds: [documentId],
      documentStatuses: ['FAILED'],
      documentTags: { hasAny: ['none'] },
      metadata: { number: 1 },
      metadataConditions: [
        { path: ['number'], equals: 1 },
        { path: ['number'], number: { gt: 5 } },
      ],
      createdAt: { lt: '2000-01-01T00:00:00Z' },
    };
    expect(await explain(documents[0]!.ids[4]!, input)).toMatchObject({
      isHit: false,
      droppedBy: 'FILTER',
      vectorRank: 1,
      failedFilters: [
        'botId',
        'documentIds',
        'documentStatuses',
        'documentTags',
        'metadataConditions[1]',
        'createdAt',
      ],
    });
  });

  test('names minSimilarity, and what cannot be compared', async () => {
    const order = inOrder();
    const least = (order[2]!.similarity + order[3]!.similarity) / 2;
    expect(await explain(order[3]!.id, { embedding: near(), minSimilarity: least })).toMatchObject({
      droppedBy: 'THRESHOLD',
      vectorRank: 4,
    });
    expect(await explain(order[2]!.id, { embedding: near(), minSimilarity: least })).toMatchObject({
      isHit: true,
      rank: 3,
    });
    expect(await explain(documents[1]!.ids[11]!, { embedding: near() })).toMatchObject({
      droppedBy: 'MATCH',
      similarity: null,
      vectorRank: null,
    });
  });

  test('tells the rank by words', async () => {
    const hits = (
      await client.data(
        'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { ' +
          'keywordScore chunk { id } } } }',
        { input: { text: 'sentence', mode: 'KEYWORD', topK: 100 } },
      )
    ).searchChunks.hits;
    for (const index of [0, 3, 10, 23]) {
      expect(
        await explain(hits[index].chunk.id, { text: 'sentence', mode: 'KEYWORD', topK: 4 }),
      ).toMatchObject({
        isHit: index < 4,
        droppedBy: index < 4 ? null : 'TOP_K',
        keywordRank: index + 1,
        keywordScore: hits[index].keywordScore,
        similarity: null,
        keywordMatch: 'ALL_WORDS',
      });
    }
    expect(
      await explain(documents[0]!.ids[0]!, { text: '"1.4 ends here"', mode: 'KEYWORD' }),
    ).toMatchObject({ droppedBy: 'MATCH', keywordRank: null });
  });

  test('tells both of HYBRID', async () => {
    const input = { text: '1.4 ends here', embedding: near(), mode: 'HYBRID', topK: 2 };
    const { searchChunks } = await client.data(
      'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { ' +
        'vectorRank keywordRank chunk { id } } } }',
      { input: { ...input, topK: 100 } },
    );
    expect(searchChunks.hits).toHaveLength(24);
    for (const [index, { chunk, ...ranks }] of searchChunks.hits.entries())
      expect(await explain(chunk.id, input)).toMatchObject({
        isHit: index < 2,
        rank: index < 2 ? index + 1 : null,
        droppedBy: index < 2 ? null : 'TOP_K',
        ...ranks,
      });
    const wordless = { ...input, text: 'zeppelin' };
    expect(await explain(inOrder().at(-1)!.id, wordless)).toMatchObject({
      isHit: false,
      droppedBy: 'TOP_K',
      vectorRank: 23,
      keywordRank: null,
    });
    expect(await explain(documents[1]!.ids[11]!, wordless)).toMatchObject({ droppedBy: 'MATCH' });
  });

  test('names the first stage of each mode that left the chunk out', async () => {
    const order = inOrder();
    const least = (order[2]!.similarity + order[3]!.similarity) / 2;
    const [worded] = (
      await client.data(
        '{ searchChunks(input: { text: "sentence", mode: KEYWORD, topK: 1 }) { hits { ' +
          'chunk { id } } } }',
      )
    ).searchChunks.hits;
    const elsewhere = { metadata: { number: 7 } };
    expect(
      await explain(worded.chunk.id, { text: 'sentence', mode: 'KEYWORD', ...elsewhere }),
    ).toMatchObject({ droppedBy: 'FILTER', failedFilters: ['metadata'] });
    expect(
      await explain(order[0]!.id, {
        text: 'sentence',
        embedding: near(),
        mode: 'HYBRID',
        ...elsewhere,
      }),
    ).toMatchObject({ droppedBy: 'FILTER', failedFilters: ['metadata'] });
    const both = { text: 'sentence', embedding: near(), mode: 'HYBRID', minSimilarity: least };
    expect(await explain(order[2]!.id, both)).toMatchObject({ isHit: true, droppedBy: null });
    // Words alone bring none above the least similarity, nor one that has no similarity.
    for (const id of [order[3]!.id, documents[1]!.ids[11]!])
      expect(await explain(id, both)).toMatchObject({ isHit: false, droppedBy: 'THRESHOLD' });
    expect(await explain(strangersChunk, both)).toMatchObject({ droppedBy: 'SCOPE' });
  });

  test('says of HYBRID what neither of the fused rankings holds', async () => {
    const owner = await gateway.world.tenant();
    const asker = gateway.client((await owner.key()).secret);
    const ids = await (
      await (await owner.bot()).document()
    ).chunks(
      Array.from({ length: 60 }, (_, chunkIndex) => ({
        text: chunkIndex === 59 ? 'zeppelin' : 'boat',
        chunkIndex,
        embedding: Array.from({ length: 1536 }, (__, n) =>
          n === 0 ? 1 : n === 1 ? chunkIndex / 60 : 0,
        ),
      })),
    );
    const input = {
      text: 'zeppelin',
      embedding: Array.from({ length: 1536 }, (_, n) => (n === 0 ? 1 : 0)),
      mode: 'HYBRID',
      weights: { vector: 0.2, keyword: 1 },
      topK: 5,
    };
    // Fifty of each ranking are fused.
    expect(await explain(ids[49]!, input, asker)).toMatchObject({
      droppedBy: 'TOP_K',
      vectorRank: 50,
      keywordRank: null,
    });
    expect(await explain(ids[50]!, input, asker)).toMatchObject({
      droppedBy: 'CANDIDATES',
      vectorRank: 51,
      keywordRank: null,
    });
    expect(await explain(ids[59]!, input, asker)).toMatchObject({
      isHit: true,
      vectorRank: 60,
      keywordRank: 1,
    });
  });

  test('of a chunk that is not yours says no more than of one that is not there', async () => {
    const input = { embedding: near() };
    const [foreign, unknown] = [await explain(strangersChunk, input), await explain(v7(), input)];
    expect(foreign).toEqual(unknown);
    expect(foreign).toMatchObject({
      isHit: false,
      droppedBy: 'SCOPE',
      similarity: null,
      vectorRank: null,
      failedFilters: [],
    });
    expect(await explain(documents[0]!.ids[4]!, { embedding: near() }, stranger)).toMatchObject({
      droppedBy: 'SCOPE',
      similarity: null,
    });
  });

  test.each<[Record<string, unknown>, string, string]>([
    [{ text: 'a', after: 'x' }, v7(), 'input.after'],
    [{ text: 'a' }, 'x', 'chunkId'],
    [{ text: 'a', topK: 0 }, v7(), 'input.topK'],
  ])('refuses by name what it cannot explain: %j', async (input, chunkId, field) => {
    const { errors } = await client.query(EXPLAIN, { input, chunkId });
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
  });

  test('needs the scope SEARCH', async () => {
    const reader = gateway.client((await tenant.key({ scopes: ['read'] })).secret);
    const { errors } = await reader.query(EXPLAIN, { input: { text: 'a' }, chunkId: v7() });
    expect(errors![0]!.extensions).toMatchObject({
      code: 'FORBIDDEN',
      field: 'Query.explainChunk',
    });
  });
});

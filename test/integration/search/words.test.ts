import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { asStored, randomNumbers } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import {
  fusedHits,
  keywordScores,
  ranked,
  totalOf,
  type KeywordScored,
} from '../../support/keyword-scores.js';
import type { TenantWorld } from '../../support/world.js';

const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) {
    hits { rank score similarity keywordScore vectorRank keywordRank chunk { id text } }
    completeness { requested returned exact candidates path reason hasMore }
    mode scoreKind keywordMatch
  }
}`;

interface Hit {
  rank: number;
  score: number;
  similarity: number | null;
  keywordScore: number | null;
  vectorRank: number | null;
  keywordRank: number | null;
  chunk: { id: string; text: string };
}

const VOCABULARY = [
  'refund',
  'return',
  'policy',
  'tent',
  'stove',
  'repair',
  'boots',
  'wax',
  'order',
  'invoice',
  'delivery',
  'parcel',
];

let gateway: TestGateway;
let tenant: TenantWorld;
let client: Client;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  // Two tenants with the same words, so that a forgotten filter shows.
  await write(tenant, 120, 1);
  await write(await gateway.world.tenant(), 120, 1);
});
afterAll(() => gateway.close());

/** Chunks of a few words each, the same for the same seed; every third has a vector. */
async function write(owner: TenantWorld, count: number, seed: number): Promise<void> {
  const next = randomNumbers(seed);
  const document = await (await owner.bot()).document();
  const chunks = Array.from({ length: count }, (_, chunkIndex) => ({
    chunkIndex,
    text: Array.from(
      { length: 3 + Math.floor(next() * 12) },
      () => VOCABULARY[Math.floor(next() * VOCABULARY.length)],
    ).join(' '),
    metadata: { even: chunkIndex % 2 === 0 },
    embedding: chunkIndex % 3 === 0 ? Array.from({ length: 1536 }, () => next() - 0.5) : null,
  }));
  await document.chunks(chunks);
}

async function search(input: Record<string, unknown>, asker = client): Promise<any> {
  return (await asker.data(SEARCH, { input })).searchChunks;
}

const ids = (result: { hits: Hit[] }): string[] => result.hits.map(hit => hit.chunk.id);

/** What has the words and how well, by the definition of BM25. */
async function rankedBy(words: string, any?: string, all?: string): Promise<KeywordScored[]> {
  return ranked(await keywordScores(gateway.db, tenant.id, words, any, all));
}

const scoresOf = (rows: readonly { score: number }[]): unknown[] =>
  rows.map(({ score }) => expect.closeTo(score, 9));

describe('KEYWORD', () => {
  test.each([
    ['one word', 'refund', 'refund', undefined, undefined],
    ['a word by its stem', 'refunding', 'refund', undefined, undefined],
    ['words', 'refund tents', 'refund tent', undefined, undefined],
    ['a phrase', '"order delivery"', 'order delivery', 'order <-> delivery', 'order <-> delivery'],
    ['one of two', 'wax or parcel', 'wax parcel', undefined, 'wax | parcel'],
    ['a word without another', 'wax -parcel', 'wax', 'wax & !parcel', 'wax & !parcel'],
    [
      'without a phrase',
      'order -"order parcel"',
      'order',
      'order & !(order <-> parcel)',
      'order & !(order <-> parcel)',
    ],
  ])('finds %s, ranked by BM25', async (_, text, words, any, all) => {
    const expected = await rankedBy(words, any, all);
    const result = await search({ text, mode: 'KEYWORD', topK: 100 });
    expect(ids(result)).toEqual(expected.slice(0, 100).map(row => row.id));
    expect(result.hits.map((hit: Hit) => hit.score)).toEqual(scoresOf(expected.slice(0, 100)));
    expect(result).toMatchObject({
      mode: 'KEYWORD',
      scoreKind: 'KEYWORD_SCORE',
      keywordMatch: 'ALL_WORDS',
    });
    expect(result.completeness).toMatchObject({
      exact: true,
      candidates: expected.length,
      path: 'WORDS',
      hasMore: expected.length > 100,
    });
  });

  test('says of each hit its place and its score, and of similarity nothing', async () => {
    const { hits } = await search({ text: 'refund', mode: 'KEYWORD', topK: 3 });
    expect(hits).toHaveLength(3);
    hits.forEach((hit: Hit, index: number) => {
      expect(hit).toMatchObject({
        rank: index + 1,
        keywordRank: index + 1,
        vectorRank: null,
        similarity: null,
        keywordScore: hit.score,
      });
      expect(hit.score).toBeGreaterThan(0);
    });
  });

  test('ranks chunks with some of the words where none has all, and says so', async () => {
    const result = await search({ text: 'refund zeppelin stove', mode: 'KEYWORD', topK: 100 });
    const expected = await rankedBy('refund zeppelin stove');
    expect(result.keywordMatch).toBe('ANY_WORD');
    expect(ids(result)).toEqual(expected.slice(0, 100).map(row => row.id));
    // More of the words is better than one of them often.
    expect(result.hits[0].chunk.text).toMatch(/refund/);
    expect(result.hits[0].chunk.text).toMatch(/stove/);
  });

  test('keeps to phrases and excluded words', async () => {
    const result = await search({
      text: 'zeppelin "order delivery" refund -wax -"stove parcel"',
      mode: 'KEYWORD',
      topK: 100,
    });
    const any = '(zeppelin | (order <-> delivery) | refund) & !wax & !(stove <-> parcel)';
    const expected = await rankedBy('zeppelin order delivery refund', any, 'zeppelin & !zeppelin');
    expect(expected.length).toBeGreaterThan(3);
    expect(ids(result)).toEqual(expected.slice(0, 100).map(row => row.id));
    expect(result.keywordMatch).toBe('ANY_WORD');
  });

  test('knows which words are rare, and lets no single chunk hide the others', async () => {
    const owner = await gateway.world.tenant();
    const document = await (await owner.bot()).document();
    const footers = Array.from({ length: 12 }, (_, chunkIndex) => ({
      chunkIndex,
      text: `About subject ${chunkIndex}. You can call the support line on weekdays.`,
      embedding: null,
    }));
    const right = 'Support line on holidays: it is closed, and nobody answers on holidays.';
    await document.chunks([...footers, { chunkIndex: 12, text: right, embedding: null }]);
    const asker = gateway.client((await owner.key()).secret);
    const texts = async (text: string): Promise<string[]> =>
      (await search({ text, mode: 'KEYWORD', topK: 20 }, asker)).hits.map(
        (hit: Hit) => hit.chunk.text,
      );
    // Every footer has one word more of the question, which says nothing.
    expect((await texts('can I call the support line on holidays'))[0]).toBe(right);
    expect(await texts('can I call the support line on holidays')).toHaveLength(13);
    expect((await texts('subject 7 holidays')).slice(0, 2)).toContain(right);
  });

  test.each([
    ['no such words', { text: 'zeppelin' }, 'NO_MORE_MATCHES'],
    // They count where there are no others, and none of the texts has one.
    ['words that English texts are full of', { text: 'the of and' }, 'NO_MORE_MATCHES'],
    ['signs', { text: '!!! & | ( : *' }, 'NO_WORDS'],
  ])('finds nothing with %s, and says why', async (_, input, reason) => {
    const result = await search({ ...input, mode: 'KEYWORD' });
    expect(result.hits).toEqual([]);
    expect(result).toMatchObject({
      keywordMatch: null,
      completeness: {
        requested: 10,
        returned: 0,
        exact: true,
        candidates: 0,
        reason,
        hasMore: false,
      },
    });
  });

  test('costs one statement beside those that read the words and count them', async () => {
    const query =
      'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { ' +
      'highlight chunk { text document { filename bot { name } } } } } }';
    const names = await gateway.statements(() =>
      client.data(query, { input: { text: 'refund zeppelin', mode: 'KEYWORD', topK: 100 } }),
    );
    expect(names).toEqual([
      'searchQuestion',
      'tenantTexts',
      'wordFrequencies',
      'searchChunks_words',
      'docsById',
      'botsById',
    ]);
  });
});

describe('contextHighlight', () => {
  const BOTH = `query ($input: SearchChunksInput!) { searchChunks(input: $input) {
    hits { highlight contextHighlight chunk { headings } } } }`;

  test.each(['KEYWORD', 'HYBRID'])('shows the words above the text: %s', async mode => {
    const owner = await gateway.world.tenant();
    const writer = gateway.client(
      (await owner.key({ scopes: ['read', 'search', 'write'] })).secret,
    );
    await owner.bot();
    const text = [
      '# Returns & refunds',
      '',
      'Refunds take fourteen days.',
      '',
      '## Zeppelins',
      '',
      'They are paid back at once. '.repeat(2),
    ].join('\n');
    await writer.data(
      `mutation ($text: String!) { createDocument(input: {
        filename: "airships.md", text: $text }) { document { id } } }`,
      { text },
    );
    const hitsOf = async (query: string): Promise<any[]> =>
      (await writer.data(BOTH, { input: { text: query, mode, topK: 1 } })).searchChunks.hits;
    const context = 'airships.md\nReturns &amp; refunds';
    expect(await hitsOf('fourteen')).toMatchObject([
      { highlight: expect.stringContaining('<mark>fourteen</mark>'), contextHighlight: null },
    ]);
    const [hit] = await hitsOf('refunds of an airship');
    expect(hit.highlight).toContain('<mark>Refunds</mark>');
    expect(hit.contextHighlight.replaceAll(/<\/?mark>/g, '')).toContain(context);
    expect(hit.contextHighlight).toContain('<mark>refunds</mark>');
    expect(hit.contextHighlight).toContain('<mark>airships</mark>');
  });

  test('costs no statement, and is null in the mode VECTOR', async () => {
    const input = { text: 'refund', mode: 'VECTOR' };
    const { searchChunks } = await client.data(BOTH, { input });
    expect(searchChunks.hits.map((hit: any) => hit.contextHighlight)).toEqual(
      searchChunks.hits.map(() => null),
    );
    const names = await gateway.statements(() =>
      client.data(BOTH, { input: { ...input, mode: 'KEYWORD' } }),
    );
    expect(names).toEqual([
      'searchQuestion',
      'tenantTexts',
      'wordFrequencies',
      'searchChunks_words',
    ]);
  });
});

describe('highlight', () => {
  const HIGHLIGHT =
    'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { highlight } } }';

  async function highlightOf(
    text: string,
    query: string,
    mode = 'KEYWORD',
  ): Promise<string | null> {
    const owner = await gateway.world.tenant();
    await (
      await (await owner.bot()).document()
    ).chunks([{ text, chunkIndex: 0, embedding: Array.from({ length: 1536 }, () => 1) }]);
    const { searchChunks } = await gateway
      .client((await owner.key()).secret)
      .data(HIGHLIGHT, { input: { text: query, mode } });
    return searchChunks.hits[0].highlight;
  }

  test('marks the words', async () => {
    expect(
      await highlightOf('We refund within fourteen days. Refunds take a week.', 'refund'),
    ).toBe('We <mark>refund</mark> within fourteen days. <mark>Refunds</mark> take a week');
    expect(await highlightOf('We refund within fourteen days.', 'refund', 'HYBRID')).toBe(
      'We <mark>refund</mark> within fourteen days',
    );
  });

  test('shows fragments of a long text', async () => {
    const filler = 'Nothing of interest stands here, and it goes on for quite a while. '.repeat(20);
    const highlight = await highlightOf(
      `${filler} The zeppelin lands. ${filler} Another zeppelin starts. ${filler}`,
      'zeppelin',
    );
    expect(highlight!.match(/<mark>zeppelin<\/mark>/g)).toHaveLength(2);
    expect(highlight).toContain(' … ');
    expect(highlight!.length).toBeLessThan(600);
  });

  test('has no markup but its own, whatever the text holds', async () => {
    const hostile =
      `zeppelin <script>alert("1")</script> <img src=x onerror='x'> & ` +
      '\u0002<mark>fake</mark>\u0003 &lt;b&gt; zeppelin';
    const highlight = (await highlightOf(hostile, 'zeppelin'))!;
    expect(highlight.match(/<mark>zeppelin<\/mark>/g)).toHaveLength(2);
    expect(highlight.replaceAll(/<mark>zeppelin<\/mark>/g, '')).not.toMatch(
      /[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/,
    );
  });

  test("shows a text's own markup as it stands, and words in it", async () => {
    expect(
      await highlightOf('Return a List<String> or <b>zeppelin</b> & company', 'zeppelin'),
    ).toBe('Return a List&lt;String&gt; or &lt;b&gt;<mark>zeppelin</mark>&lt;/b&gt; &amp; company');
  });

  test('is null in the mode VECTOR, and where the words of a hit do not stand in it', async () => {
    expect(await highlightOf('We refund.', 'refund', 'VECTOR')).toBeNull();
    expect(await highlightOf('We refund.', 'zeppelin', 'HYBRID')).toBeNull();
  });
});

describe('HYBRID', () => {
  const SINES = Array.from({ length: 1536 }, (_, index) => Math.sin(index));
  /** Of length 1 and half precision, as vectors are compared. */
  const QUERY = asStored(SINES);

  /** Both rankings by other means, and their sum as it is defined. */
  async function fused(
    words: string,
    topK: number,
    weights = { vector: 1, keyword: 1 },
    least?: number,
  ): Promise<Hit[]> {
    const depth = Math.max(50, 2 * topK);
    const near = await gateway.db.asSuperuser<{ id: string; similarity: number }>(
      'select id, 1 - (embedding <=> ?::halfvec(1536)) as similarity from doc_chunks ' +
        'where tenant_id = ? and embedding is not null order by 2 desc, 1',
      [JSON.stringify(QUERY), tenant.id],
    );
    const similarity = new Map(near.map(row => [row.id, row.similarity]));
    const isSimilar = ({ id }: { id: string }): boolean =>
      least === undefined || (similarity.get(id) ?? -2) >= least;
    const scores = await keywordScores(gateway.db, tenant.id, words);
    return fusedHits(
      near.filter(isSimilar).slice(0, depth),
      ranked(scores.filter(isSimilar)).slice(0, depth),
      { depth, weights, total: totalOf(scores) },
    )
      .slice(0, topK)
      .map(hit => ({
        rank: hit.rank,
        score: hit.score,
        similarity: similarity.get(hit.id) ?? null,
        keywordScore: hit.keywordScore,
        vectorRank: hit.vectorRank,
        keywordRank: hit.keywordRank,
        chunk: { id: hit.id, text: '' },
      }));
  }

  function expectSame(hits: Hit[], expected: Hit[]): void {
    expect(hits.map(hit => hit.chunk.id)).toEqual(expected.map(hit => hit.chunk.id));
    hits.forEach((hit, index) => {
      const { score, similarity, keywordScore, chunk: _, ...ranks } = expected[index]!;
      expect(hit).toMatchObject(ranks);
      expect(hit.score).toBeCloseTo(score, 9);
      if (keywordScore === null) expect(hit.keywordScore).toBeNull();
      else expect(hit.keywordScore).toBeCloseTo(keywordScore, 9);
      if (similarity === null) expect(hit.similarity).toBeNull();
      else expect(hit.similarity).toBe(similarity);
    });
  }

  test.each([
    ['evenly', 10, undefined],
    ['over a hundred hits', 100, undefined],
    ['by weights', 30, { vector: 0.5, keyword: 3 }],
    ['by words alone', 30, { vector: 0, keyword: 1 }],
    ['by vectors alone', 30, { vector: 2, keyword: 0 }],
  ])('fuses the two rankings %s', async (_, topK, weights) => {
    const result = await search({
      text: 'refund tent',
      embedding: QUERY,
      mode: 'HYBRID',
      topK,
      ...(weights && { weights }),
    });
    expectSame(result.hits, await fused('refund tent', topK, weights));
    expect(result).toMatchObject({
      mode: 'HYBRID',
      scoreKind: 'WEIGHTED_SUM',
      keywordMatch: 'ALL_WORDS',
    });
  });

  test('keeps to minSimilarity in both rankings', async () => {
    const result = await search({
      text: 'refund',
      embedding: QUERY,
      mode: 'HYBRID',
      topK: 100,
      minSimilarity: 0,
    });
    expectSame(result.hits, await fused('refund', 100, undefined, 0));
    expect(result.completeness).toMatchObject({ reason: 'MIN_SIMILARITY', hasMore: false });
    for (const hit of result.hits) expect(hit.similarity).toBeGreaterThanOrEqual(0);
  });

  test('embeds the text where there is no embedding', async () => {
    const result = await search({ text: 'refund', mode: 'HYBRID' });
    const { hits } = await search({ text: 'refund', mode: 'VECTOR', topK: 100 });
    const similarity = new Map(hits.map((hit: Hit) => [hit.chunk.id, hit.similarity]));
    for (const hit of result.hits)
      expect(hit.similarity).toBe(similarity.get(hit.chunk.id) ?? null);
  });

  test('says whether there is more', async () => {
    expect((await search({ text: 'refund', mode: 'HYBRID', topK: 5 })).completeness).toMatchObject({
      returned: 5,
      hasMore: true,
      reason: null,
    });
  });

  test("costs one statement beside those about words, once the scope's size is known", async () => {
    await search({ text: 'refund', mode: 'HYBRID' });
    expect(await gateway.statements(() => search({ text: 'refund', mode: 'HYBRID' }))).toEqual([
      'searchQuestion',
      'tenantTexts',
      'wordFrequencies',
      'searchHybrid_exact',
    ]);
  });
});

describe('what a mode does not take', () => {
  const vector = Array.from({ length: 1536 }, () => 1);

  test.each<[Record<string, unknown>, string]>([
    [{ mode: 'KEYWORD' }, 'input.text'],
    [{ mode: 'KEYWORD', text: ' ' }, 'input.text'],
    [{ mode: 'KEYWORD', text: 'a', embedding: vector }, 'input.embedding'],
    [{ mode: 'KEYWORD', text: 'a', minSimilarity: 0 }, 'input.minSimilarity'],
    [{ mode: 'KEYWORD', text: 'a', weights: {} }, 'input.weights'],
    [{ mode: 'VECTOR', text: 'a', weights: { vector: 1 } }, 'input.weights'],
    [{ mode: 'VECTOR', text: 'a', embedding: vector }, 'input.embedding'],
    [{ mode: 'HYBRID', embedding: vector }, 'input.text'],
    [{ mode: 'HYBRID', text: 'a', weights: { vector: 10.5 } }, 'input.weights.vector'],
    [{ mode: 'HYBRID', text: 'a', weights: { keyword: -1 } }, 'input.weights.keyword'],
    [{ mode: 'HYBRID', text: 'a', weights: { vector: 0, keyword: 0 } }, 'input.weights'],
    [{ mode: 'HYBRID', text: 'a', weights: { vector: -0, keyword: -0 } }, 'input.weights'],
    [
      { mode: 'HYBRID', text: 'a', weights: { vector: 5e-324, keyword: 0 } },
      'input.weights.vector',
    ],
    [
      { mode: 'HYBRID', text: 'a', weights: { vector: 1, keyword: 2.2e-308 } },
      'input.weights.keyword',
    ],
    [{ mode: 'HYBRID', text: 'a', weights: { vector: 1e308, keyword: 0 } }, 'input.weights.vector'],
    [{ mode: 'HYBRID', text: 'a', after: 'x' }, 'input.after'],
  ])('is refused, naming its field: %j', async (input, field) => {
    const { errors, data } = await client.query(SEARCH, { input });
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
    expect(data).toBeNull();
  });
});

describe('the indexes on words and metadata', () => {
  test('serve a tenant under row-level security', async () => {
    const owner = await gateway.world.tenant();
    const document = await (await owner.bot()).document();
    await document.texts(500);
    await gateway.db.asSuperuser('vacuum analyze doc_chunks');
    const plans = await gateway.db.database.write(
      'plans',
      { role: 'weaver_tenant', tenantId: owner.id },
      async em => {
        // So small a table would be read as a whole.
        await em.execute('set local enable_seqscan = off');
        const plan = async (condition: string): Promise<string> =>
          JSON.stringify(
            await em.execute(
              `explain select id from doc_chunks where tenant_id = '${owner.id}' and ${condition}`,
            ),
          );
        return [
          await plan(`search_vector @@ to_tsquery('english', 'zeppelin')`),
          await plan(`chunk_metadata @> '{"kind": 1}'`),
        ];
      },
    );
    expect(plans[0]).toMatch(/Index Cond: .*search_vector @@/);
    expect(plans[1]).toMatch(/Index Cond: .*chunk_metadata @>/);
  });
});

test("a stranger's words are not found", async () => {
  const other = gateway.client((await (await gateway.world.tenant()).key()).secret);
  for (const mode of ['KEYWORD', 'HYBRID'])
    expect((await search({ text: 'refund', mode }, other)).hits).toEqual([]);
  const { errors } = await other.query(SEARCH, {
    input: { text: 'refund', mode: 'KEYWORD', tenantId: tenant.id },
  });
  expect(errors![0]!.extensions).toMatchObject({ code: 'NOT_FOUND', field: 'input.tenantId' });
  const unknown = v7();
  const answer = await gateway.operator.query(SEARCH, {
    input: { text: 'refund', mode: 'KEYWORD', tenantId: unknown },
  });
  expect(answer.errors![0]!.extensions).toMatchObject({
    code: 'NOT_FOUND',
    field: 'input.tenantId',
  });
  expect(
    (await search({ text: 'refund', mode: 'KEYWORD', tenantId: tenant.id }, gateway.operator)).hits,
  ).toHaveLength(10);
});

test('words close together count more; of very many, each counts once and is marked', async () => {
  const other = await gateway.world.tenant();
  const document = await (await other.bot()).document();
  const filler = 'ocean '.repeat(40).trim();
  const [near, far] = await document.chunks([
    { chunkIndex: 0, text: `refund tent stove ${filler}`, embedding: null },
    { chunkIndex: 1, text: `refund ${filler} tent stove`, embedding: null },
  ]);
  const asker = gateway.client((await other.key()).secret);
  const found = async (text: string): Promise<any> =>
    (
      await asker.data<any>(
        'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { ' +
          'keywordScore highlight chunk { id } } keywordMatch } }',
        { input: { text, mode: 'KEYWORD' } },
      )
    ).searchChunks;
  const few = await found('refund tent stove');
  expect(few.hits.map((hit: any) => hit.chunk.id)).toEqual([near, far]);
  expect(few.hits[0].keywordScore).toBeGreaterThan(few.hits[1].keywordScore);
  const many = await found('refund tent stove '.repeat(33));
  expect(many).toMatchObject({
    keywordMatch: 'ALL_WORDS',
    hits: [{ highlight: expect.stringContaining('<mark>refund</mark>') }, {}],
  });
  expect(many.hits.map((hit: any) => hit.chunk.id)).toEqual([near, far]);
});

test.each([
  '-'.repeat(100) + ' tent',
  '- '.repeat(60) + 'tent',
  '-( '.repeat(60) + 'tent',
  `tent ${'-!'.repeat(60)}`,
  'tent\n--\n',
])('lines of dashes are no words and exclude none: %j', async text => {
  expect(ids(await search({ text, mode: 'KEYWORD', topK: 100 }))).toEqual(
    ids(await search({ text: 'tent', mode: 'KEYWORD', topK: 100 })),
  );
});

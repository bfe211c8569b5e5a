import fc from 'fast-check';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { ClusteredVectors, randomNumbers } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { DocumentWorld, TenantWorld } from '../../support/world.js';

const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) {
    hits { rank score vectorRank keywordRank chunk { id } }
    completeness { returned path hasMore reason }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    keywordMatch
  }
}`;

const vectors = new ClusteredVectors(7, 6);
const WORDS = ['refund', 'tent', 'stove', 'wax'];
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

interface Place {
  readonly tenant: TenantWorld;
  readonly document: DocumentWorld;
  readonly client: Client;
}

async function place(): Promise<Place> {
  const tenant = await gateway.world.tenant();
  return {
    tenant,
    document: await (await tenant.bot()).document(),
    client: gateway.client((await tenant.key()).secret),
  };
}

/** Chunks of few vectors and few texts, so that many have the very same score. */
async function store({ document }: Place, count: number, next: () => number): Promise<string[]> {
  const few = vectors.document(Math.max(1, Math.ceil(count / 3)));
  return document.chunks(
    Array.from({ length: count }, (_, chunkIndex) => ({
      chunkIndex,
      text: Array.from(
        { length: 1 + Math.floor(next() * 3) },
        () => WORDS[Math.floor(next() * WORDS.length)],
      ).join(' '),
      embedding: Array.from(few[Math.floor(next() * few.length)]!),
    })),
  );
}

async function page(client: Client, input: Record<string, unknown>): Promise<any> {
  return (await client.data(SEARCH, { input })).searchChunks;
}

/** All pages, with something done between them. */
async function allPages(
  client: Client,
  input: Record<string, unknown>,
  between: () => Promise<unknown> = async () => {},
): Promise<any[]> {
  const pages = [];
  for (let after: string | null = null; ;) {
    const result: any = await page(client, { ...input, after });
    pages.push(result);
    if (!result.pageInfo.hasNextPage) return pages;
    after = result.pageInfo.endCursor;
    await between();
  }
}

const idsOf = (pages: any[]): string[] =>
  pages.flatMap(result => result.hits.map((hit: any) => hit.chunk.id));

describe.each(['VECTOR', 'KEYWORD'])('pages of %s', mode => {
  const input = (): Record<string, unknown> =>
    mode === 'VECTOR'
      ? { embedding: Array.from(vectors.questionOnTopic()) }
      : { text: 'refund or tent', mode };

  test('neither repeat nor skip what was there at first, whatever is written since', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 2, max: 9 }),
        fc.integer(),
        async (count, topK, seed) => {
          const next = randomNumbers(seed);
          const where = await place();
          const stored = await store(where, count, next);
          const query = input();
          const gone = new Set<string>();
          const expected = idsOf([await page(where.client, { ...query, topK: 100 })]);
          const pages = await allPages(where.client, { ...query, topK }, async () => {
            await store(where, Math.floor(next() * 5), next);
            const victim = stored[Math.floor(next() * stored.length)]!;
            gone.add(victim);
            await gateway.db.asSuperuser('delete from doc_chunks where id = ?', [victim]);
          });
          const found = idsOf(pages);
          expect(new Set(found).size).toBe(found.length);
          expect(expected.filter(id => !found.includes(id) && !gone.has(id))).toEqual([]);
          // What was there comes in its order.
          const order = found.filter(id => expected.includes(id));
          expect(order).toEqual(expected.filter(id => order.includes(id)));
          const scores = pages.flatMap(result => result.hits.map((hit: any) => hit.score));
          expect(scores).toEqual(scores.toSorted((a: number, b: number) => b - a));
          expect(pages.flatMap(result => result.hits.map((hit: any) => hit.rank))).toEqual(
            found.map((_, index) => index + 1),
          );
        },
      ),
      { numRuns: 6, seed: 20_261_124 },
    );
  }, 240_000);

  test('say where they stand', async () => {
    const where = await place();
    await store(where, 25, randomNumbers(1));
    const pages = await allPages(where.client, { ...input(), topK: 4 });
    expect(pages.length).toBeGreaterThan(2);
    pages.forEach((result, index) => {
      expect(result.pageInfo.hasPreviousPage).toBe(index > 0);
      expect(result.completeness.hasMore).toBe(index < pages.length - 1);
      expect(
        result.hits.map((hit: any) => (mode === 'VECTOR' ? hit.vectorRank : hit.keywordRank)),
      ).toEqual(result.hits.map((hit: any) => hit.rank));
    });
    // The cursor of a page's first hit leads on to its second.
    const again = await page(where.client, {
      ...input(),
      ...(mode === 'VECTOR' && { embedding: undefined, text: 'x' }),
      topK: 3,
    });
    const second = await page(where.client, {
      ...input(),
      ...(mode === 'VECTOR' && { embedding: undefined, text: 'x' }),
      topK: 1,
      after: again.pageInfo.startCursor,
    });
    expect(second.hits[0].chunk.id).toBe(again.hits[1].chunk.id);
  });

  test('of another size go on where the last one ended', async () => {
    const where = await place();
    await store(where, 30, randomNumbers(3));
    const query = input();
    const all = idsOf([await page(where.client, { ...query, topK: 100 })]);
    const first = await page(where.client, { ...query, topK: 3 });
    const rest = await page(where.client, { ...query, topK: 100, after: first.pageInfo.endCursor });
    expect([...idsOf([first]), ...idsOf([rest])]).toEqual(all);
    expect(rest.completeness).toMatchObject({
      returned: all.length - 3,
      reason: mode === 'VECTOR' ? 'NO_MORE_CHUNKS' : 'NO_MORE_MATCHES',
    });
  });
});

test('pages of KEYWORD keep to any word, once they began so', async () => {
  const where = await place();
  await store(where, 20, randomNumbers(5));
  const query = { text: 'refund zeppelin', mode: 'KEYWORD', topK: 2 };
  const first = await page(where.client, query);
  expect(first.keywordMatch).toBe('ANY_WORD');
  // Now one chunk has all words.
  await where.document.chunks([{ text: 'refund zeppelin', chunkIndex: 90, embedding: null }]);
  const second = await page(where.client, { ...query, after: first.pageInfo.endCursor });
  expect(second.keywordMatch).toBe('ANY_WORD');
  expect(second.hits).toHaveLength(2);
  expect((await page(where.client, query)).keywordMatch).toBe('ALL_WORDS');
});

test('a large tenant is paged to its end, along the codes and then exactly', async () => {
  const where = await place();
  await where.document.chunks(
    [...vectors.document(20), ...vectors.document(20)].map((vector, chunkIndex) => ({
      text: 'x',
      chunkIndex,
      embedding: Array.from(vector),
    })),
  );
  await gateway.db.asSuperuser(
    'insert into doc_chunks (tenant_id, doc_id, text, chunk_index, embedding) select ' +
      'tenant_id, doc_id, text, chunk_index, embedding ' +
      'from doc_chunks, generate_series(1, 27) where tenant_id = ?',
    [where.tenant.id],
  );
  const query = { embedding: Array.from(vectors.questionOnTopic()), topK: 100 };
  const pages = await allPages(where.client, query);
  const found = idsOf(pages);
  const expected = await gateway.db.asSuperuser<{ id: string }>(
    'select id from doc_chunks where tenant_id = ? order by embedding <=> ?::halfvec(1536), id',
    [where.tenant.id, JSON.stringify(query.embedding)],
  );
  expect(new Set(found).size).toBe(1_120);
  expect(found).toEqual(expected.map(row => row.id));
}, 240_000);

describe('a cursor', () => {
  let where: Place;
  let cursor: string;
  const query = { text: 'refund tent', topK: 2 };

  beforeAll(async () => {
    where = await place();
    await store(where, 20, randomNumbers(9));
    cursor = (await page(where.client, query)).pageInfo.endCursor;
  });

  async function refusal(input: Record<string, unknown>): Promise<unknown> {
    const { errors } = await where.client.query(SEARCH, { input });
    return errors?.[0]!.extensions;
  }

  test.each<[string, Record<string, unknown>]>([
    ['another text', { text: 'refund' }],
    ['another mode', { mode: 'KEYWORD' }],
    ['a bot', { botId: v7() }],
    ['documents', { documentIds: [v7()] }],
    ['metadata', { metadata: { a: 1 } }],
    ['conditions', { metadataConditions: [{ path: ['a'], exists: true }] }],
    ['a status', { documentStatuses: ['COMPLETED'] }],
    ['tags', { documentTags: { isEmpty: true } }],
    ['a time', { createdAt: { gte: '2020-01-01T00:00:00Z' } }],
    ['a least similarity', { minSimilarity: 0 }],
  ])('is refused with %s', async (_, change) => {
    expect(await refusal({ ...query, ...change, after: cursor })).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.after',
    });
  });

  test.each(['', 'x', 'AAAA', '=', '💥'])('that nobody gave is refused: %s', async after => {
    expect(await refusal({ ...query, after })).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.after',
    });
  });

  test('that is cut or changed is refused', async () => {
    expect(await refusal({ ...query, after: cursor.slice(0, -4) })).toMatchObject({
      field: 'input.after',
    });
    expect(
      await refusal({
        ...query,
        after: `${cursor.slice(0, 40)}${cursor[40] === 'A' ? 'B' : 'A'}${cursor.slice(41)}`,
      }),
    ).toMatchObject({ field: 'input.after' });
  });

  test("of another tenant's search is refused", async () => {
    const other = await place();
    await store(other, 20, randomNumbers(9));
    const { errors } = await other.client.query(SEARCH, { input: { ...query, after: cursor } });
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'input.after' });
  });
});

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { randomNumbers } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { keywordScores, ranked, type KeywordScored } from '../../support/keyword-scores.js';
import type { DocumentWorld, TenantWorld } from '../../support/world.js';

// Chunks are scored 400 at a time: these tenants have more with the words.

const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) {
    hits { rank score keywordRank chunk { id } }
    completeness { exact candidates hasMore }
    pageInfo { hasNextPage endCursor }
  }
}`;
const TEXT = 'refund tent';
const COUNT = 1_030;

let gateway: TestGateway;
let place: Place;

interface Place {
  readonly tenant: TenantWorld;
  readonly document: DocumentWorld;
  readonly client: Client;
}

beforeAll(async () => {
  gateway = await startTestGateway();
  place = await settle(COUNT, 1);
}, 120_000);
afterAll(() => gateway.close());

/** A tenant of so many chunks, of which each has one word of the question at least. */
async function settle(count: number, seed: number): Promise<Place> {
  const tenant = await gateway.world.tenant();
  const document = await (await tenant.bot()).document();
  await store(document, count, seed);
  return { tenant, document, client: gateway.client((await tenant.key()).secret) };
}

async function store(document: DocumentWorld, count: number, seed: number): Promise<string[]> {
  const next = randomNumbers(seed);
  const words = ['refund', 'tent', 'stove', 'wax', 'boots'];
  return document.chunks(
    Array.from({ length: count }, (_, chunkIndex) => ({
      chunkIndex: seed * 10_000 + chunkIndex,
      embedding: null,
      text: [
        words[Math.floor(next() * 2)],
        ...Array.from(
          { length: Math.floor(next() * 9) },
          () => words[Math.floor(next() * words.length)],
        ),
      ].join(' '),
    })),
  );
}

async function page({ client }: Place, input: Record<string, unknown>): Promise<any> {
  return (await client.data(SEARCH, { input: { text: TEXT, mode: 'KEYWORD', ...input } }))
    .searchChunks;
}

async function allPages(
  where: Place,
  input: Record<string, unknown>,
  between: () => Promise<unknown> = async () => {},
): Promise<any[]> {
  const pages = [];
  for (let after: string | null = null; ;) {
    const result: any = await page(where, { ...input, after });
    pages.push(result);
    if (!result.pageInfo.hasNextPage) return pages;
    after = result.pageInfo.endCursor;
    await between();
  }
}

const hitsOf = (pages: any[]): any[] => pages.flatMap(result => result.hits);
const idsOf = (pages: any[]): string[] => hitsOf(pages).map(hit => hit.chunk.id);

async function scores({ tenant }: Place): Promise<KeywordScored[]> {
  return keywordScores(gateway.db, tenant.id, TEXT);
}

describe('pages of KEYWORD beyond a block of chunks', () => {
  test.each([[100], [83], [41]])(
    'show every chunk once, in its place: topK %d',
    async topK => {
      const expected = ranked(await scores(place));
      const pages = await allPages(place, { topK });
      expect(expected).toHaveLength(COUNT);
      expect(idsOf(pages)).toEqual(expected.map(({ id }) => id));
      expect(hitsOf(pages).map(({ score }) => score)).toEqual(
        expected.map(({ score }) => expect.closeTo(score, 9)),
      );
      const places = expected.map((_, index) => index + 1);
      expect(hitsOf(pages).map(({ rank }) => rank)).toEqual(places);
      expect(hitsOf(pages).map(({ keywordRank }) => keywordRank)).toEqual(places);
      pages.forEach((result, index) =>
        expect(result.completeness).toEqual({
          exact: false,
          candidates: COUNT,
          hasMore: index < pages.length - 1,
        }),
      );
    },
    240_000,
  );

  test('are in the order of the scores with exact', async () => {
    const expected = ranked(await scores(place), Infinity);
    const pages = await allPages(place, { topK: 100, exact: true });
    expect(idsOf(pages)).toEqual(expected.map(({ id }) => id));
    for (const { completeness } of pages)
      expect(completeness).toMatchObject({ exact: true, candidates: COUNT });
  }, 120_000);

  test('neither repeat nor skip what was there at first, whatever is written since', async () => {
    const where = await settle(870, 2);
    const expected = ranked(await scores(where)).map(({ id }) => id);
    const next = randomNumbers(3);
    const gone = new Set<string>();
    let seed = 4;
    const pages = await allPages(where, { topK: 60 }, async () => {
      // Also the last of the first block, where the second begins.
      const victims = [399, Math.floor(next() * 870), Math.floor(next() * 870)];
      for (const victim of victims) {
        gone.add(expected[victim]!);
        await gateway.db.asSuperuser('delete from doc_chunks where id = ?', [expected[victim]!]);
      }
      await store(where.document, 9, (seed += 1));
    });
    const found = idsOf(pages);
    expect(new Set(found).size).toBe(found.length);
    expect(expected.filter(id => !found.includes(id) && !gone.has(id))).toEqual([]);
    // Where the blocks after the one that was begun end depends on what is there by then.
    const begun = found.filter(id => expected.slice(0, 400).includes(id));
    expect(begun).toEqual(expected.slice(0, 400).filter(id => begun.includes(id)));
    expect(begun.length).toBeGreaterThan(350);
  }, 240_000);

  test.each([
    [399, true],
    [400, true],
    [401, false],
  ])(
    'are not needed for %d chunks: exact %s',
    async (count, exact) => {
      const where = await settle(count, 20);
      const first = await page(where, { topK: 10 });
      expect(first.completeness).toEqual({ exact, candidates: count, hasMore: true });
      const pages = await allPages(where, { topK: 100 });
      expect(idsOf(pages)).toEqual(ranked(await scores(where)).map(({ id }) => id));
      expect(pages.at(-1).completeness.hasMore).toBe(false);
    },
    120_000,
  );

  test('cost one statement each, and one more where a block ends', async () => {
    const searches = async (after: string | null): Promise<number> =>
      (await gateway.statements(() => page(place, { topK: 90, after }))).filter(
        name => name === 'searchChunks_words',
      ).length;
    const counts = [];
    for (const { pageInfo } of (await allPages(place, { topK: 90 })).slice(0, 5))
      counts.push(await searches(pageInfo.endCursor));
    // Those from 90, 180, 270, 360 and 450 on; the first beyond a page shows whether there is one.
    expect(counts).toEqual([1, 1, 1, 2, 1]);
  });

  test('explainChunk gives each chunk the rank that the pages give it', async () => {
    const explain = async (chunkId: string, exact: boolean): Promise<any> =>
      (
        await place.client.data(
          'query ($input: SearchChunksInput!, $chunkId: ID!) ' +
            '{ explainChunk(input: $input, chunkId: $chunkId) ' +
            '{ isHit droppedBy keywordRank keywordScore } }',
          { input: { text: TEXT, mode: 'KEYWORD', topK: 5, exact }, chunkId },
        )
      ).explainChunk;
    for (const exact of [false, true]) {
      const hits = hitsOf(await allPages(place, { topK: 100, exact }));
      for (const rank of [1, 5, 6, 400, 401, 799, 801, COUNT]) {
        const { chunk, score } = hits[rank - 1];
        expect(await explain(chunk.id, exact)).toEqual({
          isHit: rank <= 5,
          droppedBy: rank <= 5 ? null : 'TOP_K',
          keywordRank: rank,
          keywordScore: expect.closeTo(score, 9),
        });
      }
    }
  }, 120_000);
});

describe('a cursor of KEYWORD', () => {
  const REFUSED = { code: 'BAD_USER_INPUT', field: 'input.after' };

  async function refusal(input: Record<string, unknown>): Promise<any> {
    const { errors, data } = await place.client.query(SEARCH, {
      input: { text: TEXT, mode: 'KEYWORD', ...input },
    });
    expect(data).toBeNull();
    expect(errors).toHaveLength(1);
    return errors![0];
  }

  /** A cursor with another position, signed as the gateway signs: the digest has no secret. */
  async function forged(change: (position: any[]) => unknown): Promise<string> {
    const cursor: string = (await page(place, { topK: 5 })).pageInfo.endCursor;
    const bytes = Buffer.from(cursor, 'base64url');
    const position = JSON.parse(bytes.subarray(8).toString());
    const text = JSON.stringify(change(position) ?? position);
    const identity = ['keyword', TEXT, null, null, place.tenant.id, ...Array(6).fill(null)];
    const hash = createHash('sha256').update(JSON.stringify(identity)).digest('base64url');
    const order = `search ${hash}`;
    const digest = createHash('sha256').update(`weaver cursor 1\n${order}\n${text}`).digest();
    return Buffer.concat([digest.subarray(0, 8), Buffer.from(text)]).toString('base64url');
  }

  test('that is forged without a change is as good as the true one', async () => {
    const after = await forged(() => undefined);
    expect(after).toBe((await page(place, { topK: 5 })).pageInfo.endCursor);
  });

  const keyword = (change: (state: any[]) => void) => (position: any[]) => {
    const state = JSON.parse(position[5]);
    change(state);
    position[5] = JSON.stringify(state);
  };
  test.each<[string, (position: any[]) => unknown]>([
    ['from before words were ranked by rarity', position => position.slice(0, 5)],
    ['without frequencies', position => void (position[5] = null)],
    ['with other members', position => void (position[5] = '{}')],
    ['with no JSON', position => void (position[5] = '[')],
    ['with a negative count of chunks', keyword(state => void (state[0] = -1))],
    ['with too large a count of chunks', keyword(state => void (state[0] = 2 ** 31))],
    ['with a negative length', keyword(state => void (state[1] = -1))],
    ['with too few frequencies', keyword(state => void state[2].pop())],
    ['with too many frequencies', keyword(state => void state[2].push(1))],
    ['with a frequency that is no whole number', keyword(state => void (state[2][0] = 0.5))],
    ['with an edge of text', keyword(state => void (state[3] = ['x', place.tenant.id]))],
    ['with an edge of no chunk', keyword(state => void (state[4] = [1, "';--"]))],
    ['with no score', position => void (position[0] = 'NaN')],
    ['with a score that no text has', position => void (position[0] = '1e300')],
    ['with no id', position => void (position[1] = 'x')],
  ])('%s is refused', async (_, change) => {
    const error = await refusal({ after: await forged(change) });
    expect(error.extensions).toMatchObject(REFUSED);
    expect(error.message).toMatch(/^input\.after is (not a cursor of|of a search that was) /);
    expect(error.message).not.toMatch(/select|syntax|undefined|NaN/);
  });

  test('with made-up numbers shows nothing but chunks of its own tenant', async () => {
    const theirs = await settle(30, 40);
    const own = new Set((await scores(place)).map(({ id }) => id));
    const [chunk] = await scores(theirs);
    const found = [];
    for (const change of [
      keyword(state => void (state[0] = 2 ** 31 - 1)),
      keyword(state => void (state[2] = state[2].map(() => 2 ** 31 - 1))),
      keyword(state => void (state[3] = [1e9, chunk!.id])),
      (position: any[]) => void (position[1] = chunk!.id),
      (position: any[]) => void (position[0] = '1000000'),
    ]) {
      const { hits } = await page(place, { topK: 100, after: await forged(change) });
      found.push(...hits.map((hit: any) => hit.chunk.id));
    }
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter(id => !own.has(id))).toEqual([]);
  });

  test('of a search that scores all chunks is good for no other, nor vice versa', async () => {
    const after = (await page(place, { topK: 5 })).pageInfo.endCursor;
    expect((await refusal({ after, exact: true })).extensions).toMatchObject(REFUSED);
    const exact = (await page(place, { topK: 5, exact: true })).pageInfo.endCursor;
    expect((await refusal({ after: exact })).extensions).toMatchObject(REFUSED);
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const FOOTER = 'Write to us about tents.';
/** More than a page of a search. */
const COPIES = 130;
const OTHERS = 12;
const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) {
    hits { rank score vectorRank keywordRank chunk { id text document { id } } }
    completeness { returned reason hasMore }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;
const EXPLAIN = `query ($input: SearchChunksInput!, $id: ID!) {
  explainChunk(input: $input, chunkId: $id) { isHit droppedBy rank }
}`;

let gateway: TestGateway;
let client: Client;
let copies: string[];
/** One chunk of each document, by its similarity; the last two have one text. */
let others: { id: string; text: string }[];

/** At an angle to the first axis. */
const vector = (angle: number): number[] =>
  Array.from({ length: 1536 }, (_, axis) =>
    axis === 0 ? Math.cos(angle) : axis === 1 ? Math.sin(angle) : 0,
  );

const search = async (input: object): Promise<any> =>
  (await client.data(SEARCH, { input: { embedding: vector(0), ...input } })).searchChunks;
const byWords = async (input: object): Promise<any> =>
  (await client.data(SEARCH, { input: { text: 'tents', mode: 'KEYWORD', ...input } })).searchChunks;
const texts = ({ hits }: any): string[] => hits.map((hit: any) => hit.chunk.text);

beforeAll(async () => {
  gateway = await startTestGateway();
  const tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  const bot = await tenant.bot();
  copies = await (
    await bot.document()
  ).chunks(
    Array.from({ length: COPIES }, (_, chunkIndex) => ({
      text: FOOTER,
      chunkIndex,
      embedding: vector(0.1),
    })),
  );
  others = [];
  for (let index = 0; index < OTHERS; index++) {
    const text = `Tents of the kind ${Math.min(index, OTHERS - 2)}, in many words and colours.`;
    const [id] = await (
      await bot.document()
    ).chunks([{ text, chunkIndex: 0, embedding: vector(0.2 + index / 10) }]);
    others.push({ id: id!, text });
  }
});
afterAll(() => gateway.close());

describe('distinct', () => {
  test('leaves only the best of equal texts, beyond a page of copies too', async () => {
    const result = await search({ distinct: true, topK: 12 });
    expect(texts(result)).toEqual([FOOTER, ...others.slice(0, -1).map(({ text }) => text)]);
    expect(result.hits.map((hit: any) => hit.rank)).toEqual(
      Array.from({ length: 12 }, (_, index) => index + 1),
    );
    // The ranking by vectors has the copies.
    expect(result.hits[1].vectorRank).toBe(COPIES + 1);
    expect(result.completeness).toEqual({ returned: 12, reason: null, hasMore: false });
    expect(result.hits[0].chunk.id).toBe(copies.toSorted()[0]);
  });

  test('says that hits were left out where too few stay', async () => {
    expect((await search({ distinct: true, topK: 13 })).completeness).toEqual({
      returned: 12,
      reason: 'LEFT_OUT',
      hasMore: false,
    });
    expect((await search({ distinct: true, topK: 3 })).completeness).toEqual({
      returned: 3,
      reason: null,
      hasMore: true,
    });
  });

  test('does so by words, whose short texts come first', async () => {
    const result = await byWords({ distinct: true, topK: 20 });
    expect(texts(result)[0]).toBe(FOOTER);
    expect(texts(result).toSorted()).toEqual(
      [FOOTER, ...others.slice(0, -1).map(({ text }) => text)].toSorted(),
    );
    expect(result.completeness.reason).toBe('LEFT_OUT');
  });

  test('in HYBRID looks through all that both rankings give', async () => {
    const input = { mode: 'HYBRID', text: 'tents', topK: 100 };
    const whole = await search(input);
    const result = await search({ ...input, distinct: true });
    expect(whole.hits).toHaveLength(100);
    expect(texts(result)).toEqual([...new Set(texts(result))]);
    expect(texts(result)).toHaveLength(OTHERS);
    expect(result.hits[0]).toEqual(whole.hits[0]);
    expect(result.completeness.reason).toBe('LEFT_OUT');
  });

  test('omitted or false, hides nothing', async () => {
    expect(texts(await search({ distinct: false, topK: 3 }))).toEqual([FOOTER, FOOTER, FOOTER]);
  });
});

describe('maxPerDocument', () => {
  test('leaves so many hits of each document, the best', async () => {
    const result = await search({ maxPerDocument: 2, topK: 5 });
    expect(texts(result)).toEqual([FOOTER, FOOTER, ...others.slice(0, 3).map(({ text }) => text)]);
    expect(result.hits.slice(0, 2).map((hit: any) => hit.chunk.id)).toEqual(
      copies.toSorted().slice(0, 2),
    );
    const ofWords = await byWords({ maxPerDocument: 1, topK: 20 });
    expect(new Set(ofWords.hits.map((hit: any) => hit.chunk.document.id)).size).toBe(OTHERS + 1);
    expect(ofWords.hits).toHaveLength(OTHERS + 1);
  });

  test.each([0, -1, 101])('of %i is refused', async maxPerDocument => {
    const { errors } = await client.query(SEARCH, { input: { text: 'tents', maxPerDocument } });
    expect(errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.maxPerDocument',
    });
    expect(errors![0]!.message).toContain('from 1 to 100');
  });
});

test('a search that leaves out hits has one page', async () => {
  const { pageInfo } = await search({ distinct: true, topK: 2 });
  expect(pageInfo).toEqual({
    hasNextPage: false,
    hasPreviousPage: false,
    startCursor: null,
    endCursor: null,
  });
  const after = (await search({ topK: 2 })).pageInfo.endCursor;
  for (const more of [{ distinct: true }, { maxPerDocument: 3 }]) {
    const { errors } = await client.query(SEARCH, {
      input: { embedding: vector(0), after, ...more },
    });
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'input.after' });
  }
});

test('explainChunk tells what was left out, and by what', async () => {
  const explain = async (input: object, id: string): Promise<unknown> =>
    (await client.data(EXPLAIN, { input: { embedding: vector(0), topK: 2, ...input }, id }))
      .explainChunk;
  const [best, second] = copies.toSorted();
  expect(await explain({ distinct: true }, best!)).toEqual({
    isHit: true,
    droppedBy: null,
    rank: 1,
  });
  expect(await explain({ distinct: true }, second!)).toMatchObject({ droppedBy: 'DISTINCT' });
  expect(await explain({ maxPerDocument: 1 }, second!)).toMatchObject({
    droppedBy: 'MAX_PER_DOCUMENT',
  });
  expect(await explain({ distinct: true }, others[0]!.id)).toMatchObject({ rank: 2 });
  expect(await explain({ distinct: true }, others[5]!.id)).toMatchObject({ droppedBy: 'TOP_K' });
});

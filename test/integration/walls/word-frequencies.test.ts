import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { OperationReads } from '../../../src/db/operation-reads.js';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

// A word weighs by how many of a tenant's chunks have it, counted for it alone. Both sizes of
// tenants are tried: counts of those with more than 1,000 chunks are kept.

const EXPLAIN = `query ($input: SearchChunksInput!, $chunkId: ID!) {
  explainChunk(input: $input, chunkId: $chunkId) {
    droppedBy keywordScore keyword { chunks meanLength words { word frequency idf } }
    completeness { candidates }
  }
}`;
const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) { hits { score chunk { id } } completeness { candidates } }
}`;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

interface Inhabitant {
  readonly tenant: TenantWorld;
  readonly client: Client;
  readonly ids: readonly string[];
}

/** A tenant of so many chunks, of which `common` have the word. */
async function settle(count: number, common: number): Promise<Inhabitant> {
  const tenant = await gateway.world.tenant();
  const document = await (await tenant.bot()).document();
  const ids = await document.chunks(
    Array.from({ length: count }, (_, chunkIndex) => ({
      chunkIndex,
      text: `${chunkIndex < common ? 'zeppelin' : 'balloon'} ${'landing '.repeat(common % 5)}`,
      embedding: null,
    })),
  );
  return { tenant, ids, client: gateway.client((await tenant.key()).secret) };
}

/** What a tenant gets to know of its words and chunks. */
async function seen(
  { client }: Pick<Inhabitant, 'client'>,
  chunkId: string,
  filter: Record<string, unknown> = {},
  text = 'zeppelin',
): Promise<any> {
  const input = { text, mode: 'KEYWORD', ...filter };
  const [explained, found] = [
    await client.query(EXPLAIN, { input, chunkId }),
    await client.query(SEARCH, { input }),
  ];
  return [explained, found].map(({ data, errors }) => ({
    data,
    errors: errors?.map(({ message, extensions }) => ({ message, code: extensions?.code })),
  }));
}

function withoutTheGatewaysFilter(): void {
  beforeEach(
    () => void vi.spyOn(OperationReads.prototype, 'tenantId', 'get').mockReturnValue(undefined),
  );
  afterEach(() => void vi.restoreAllMocks());
}

function withoutRowLevelSecurity(): void {
  const alter = (how: 'enable' | 'disable'): Promise<unknown> =>
    gateway.db.asSuperuser(`alter table doc_chunks ${how} row level security`);
  beforeAll(() => alter('disable'));
  afterAll(() => alter('enable'));
}

describe.each([
  ['counted for each search', 12],
  ['kept for a while', 1_010],
])('frequencies %s', (_, size) => {
  /** Where a caller names the tenant itself, as it may with the gateway's filter removed. */
  const provesThatNothingShows = (
    names: (tenant: TenantWorld) => Record<string, unknown>,
  ): void => {
    test('are those of the tenant alone, whatever others store and search for', async () => {
      const stranger = await settle(size, 3);
      const filter = names(stranger.tenant);
      const before = await seen(stranger, stranger.ids[0]!, filter);
      expect(before[0].data.explainChunk).toMatchObject({
        keyword: { chunks: size, words: [{ word: 'zeppelin', frequency: 3 }] },
        completeness: { candidates: 3 },
      });
      const owner = await settle(size + 1, size - 2);
      const theirs = await seen(owner, owner.ids[0]!, names(owner.tenant));
      expect(theirs[0].data.explainChunk.keyword).toMatchObject({
        chunks: size + 1,
        words: [{ word: 'zeppelin', frequency: size - 2 }],
      });
      expect(await seen(stranger, stranger.ids[0]!, filter)).toEqual(before);
    }, 120_000);

    test("say nothing of another tenant's, and are not changed by who asks for them", async () => {
      const [owner, stranger] = [await settle(size + 1, 5), await settle(size, 2)];
      const own = names(owner.tenant);
      const before = await seen(owner, owner.ids[0]!, own);
      // With and without naming the other tenant; also words that nobody looked for before.
      for (const text of ['zeppelin', 'balloon'])
        for (const filter of [names(stranger.tenant), { tenantId: owner.tenant.id }]) {
          const [explained, found] = await seen(stranger, owner.ids[0]!, filter, text);
          expect(explained.data?.explainChunk ?? null).toEqual(
            explained.data && {
              droppedBy: 'SCOPE',
              keywordScore: null,
              keyword: null,
              completeness: {
                candidates: filter.tenantId === owner.tenant.id ? 0 : expect.any(Number),
              },
            },
          );
          const hits = found.data?.searchChunks.hits.map((hit: any) => hit.chunk.id) ?? [];
          expect(hits.filter((id: string) => owner.ids.includes(id))).toEqual([]);
        }
      expect(await seen(owner, owner.ids[0]!, own)).toEqual(before);
      const [balloons] = await seen(owner, owner.ids.at(-1)!, own, 'balloon');
      expect(balloons.data.explainChunk.keyword.words).toEqual([
        { word: 'balloon', frequency: size - 4, idf: expect.any(Number) },
      ]);
    }, 120_000);
  };

  describe('behind both walls', () => {
    provesThatNothingShows(() => ({}));
  });

  describe('behind row-level security alone', () => {
    withoutTheGatewaysFilter();
    provesThatNothingShows(tenant => ({ tenantId: tenant.id }));
  });

  describe("behind the gateway's filter alone", () => {
    withoutRowLevelSecurity();
    provesThatNothingShows(() => ({}));
  });

  describe('behind no wall at all', () => {
    withoutTheGatewaysFilter();
    withoutRowLevelSecurity();

    test('are seen by another tenant, so that the tests above can fail', async () => {
      const [owner, stranger] = [await settle(size, 5), await settle(size, 2)];
      const [explained] = await seen(stranger, owner.ids[0]!, { tenantId: owner.tenant.id });
      expect(explained.data.explainChunk.keyword).toMatchObject({
        chunks: size,
        words: [{ word: 'zeppelin', frequency: 5 }],
      });
    }, 120_000);
  });
});

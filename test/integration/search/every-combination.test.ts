import fc from 'fast-check';
import { v7 } from 'uuid';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { weaver } from '../../support/command.js';
import type { Client } from '../../support/client.js';
import { asStored, ClusteredVectors, randomNumbers } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import {
  fusedHits,
  keywordScores,
  ranked,
  totalOf,
  type KeywordScored,
} from '../../support/keyword-scores.js';
import type { TenantWorld } from '../../support/world.js';

// Every mode with every two filters, along every path, beside a reference that knows of no path:
// PostgreSQL says how good each chunk of the tenant is for a question, and what is to be found
// follows from the definitions, in a few lines of JavaScript.

const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) {
    hits { rank score similarity keywordScore vectorRank keywordRank chunk { id } }
    completeness { requested returned exact candidates path reason hasMore }
    keywordMatch
  }
}`;

const onPostgres = inject('template').kind === 'postgres';
const WORDS = ['refund', 'tent', 'stove', 'wax', 'parcel', 'invoice'];
const STATUSES = ['PENDING', 'PROCESSING', 'COMPLETED', 'FAILED'];
const DAYS = 20;

interface Passage {
  readonly id: string;
  readonly botId: string;
  readonly documentId: string;
  readonly status: string;
  readonly kind: number;
  readonly day: number;
  readonly hasVector: boolean;
}

let gateway: TestGateway;
let large: Corpus;
let small: Corpus;

beforeAll(async () => {
  gateway = await startTestGateway();
  large = await Corpus.make(300, 60, 1);
  small = await Corpus.make(10, 5, 2);
}, 240_000);
afterEach(() => void vi.restoreAllMocks());
afterAll(() => gateway.close());

interface Question {
  readonly words: string;
  readonly embedding: number[];
}

interface Scored {
  readonly passage: Passage;
  readonly score: number;
}

const TAGS = ['faq', 'internal', 'draft'];
/** The tags of a document, which follow from its state. */
const tagsOf = (status: string): string[] => TAGS.slice(0, STATUSES.indexOf(status as never));

class Corpus {
  readonly passages: Passage[] = [];
  readonly questions: Question[] = [];
  readonly #similarities = new Map<Question, Scored[]>();
  readonly #words = new Map<string, KeywordScored[]>();

  private constructor(
    readonly tenant: TenantWorld,
    readonly client: Client,
  ) {}

  /**
   * A tenant of two bots with four documents each, one in each state, of so many chunks,
   * `chunksOfSubject` about the same; one of twelve has no vector.
   */
  static async make(
    chunksOfDocument: number,
    chunksOfSubject: number,
    seed: number,
  ): Promise<Corpus> {
    const vectors = new ClusteredVectors(seed, 6);
    const next = randomNumbers(seed);
    const tenant = await gateway.world.tenant();
    const corpus = new Corpus(tenant, gateway.client((await tenant.key()).secret));
    for (const bot of [await tenant.bot(), await tenant.bot()]) {
      for (const status of STATUSES) {
        const document = await bot.document({
          status: status.toLowerCase(),
          tags: `{${tagsOf(status).join()}}`,
        });
        const chunks = Array.from({ length: chunksOfDocument / chunksOfSubject }, () =>
          vectors.document(chunksOfSubject),
        )
          .flat()
          .map((vector, chunkIndex) => {
            const hasVector = next() >= 1 / 12;
            const [kind, day] = [Math.floor(next() * 3), Math.floor(next() * DAYS)];
            corpus.passages.push({
              id: v7(),
              botId: bot.id,
              documentId: document.id,
              status,
              kind,
              day,
              hasVector,
            });
            if (chunkIndex === 5)
              corpus.questions.push({
                words: ['refund', 'wax tent', 'refund stove invoice parcel wax tent'][
                  corpus.questions.length % 3
                ]!,
                embedding: Array.from(vectors.questionAbout(vector)),
              });
            return {
              id: corpus.passages.at(-1)!.id,
              chunkIndex,
              metadata: { kind, place: { day } },
              createdAt: instantOf(day),
              embedding: hasVector ? Array.from(vector) : null,
              text: Array.from(
                { length: 1 + Math.floor(next() * 6) },
                () => WORDS[Math.floor(next() * WORDS.length)],
              ).join(' '),
            };
          });
        await document.chunks(chunks);
      }
    }
    return corpus;
  }

  /** All chunks with a vector, by the similarity that PostgreSQL tells. */
  async bySimilarity(question: Question): Promise<Scored[]> {
    return this.#remembered(
      this.#similarities,
      question,
      'select id, 1 - (embedding <=> ?::halfvec(1536)) as score from doc_chunks ' +
        'where embedding is not null',
      JSON.stringify(asStored(question.embedding)),
    );
  }

  /** All chunks with one of the words. */
  async byWords(words: string): Promise<KeywordScored[]> {
    if (!this.#words.has(words))
      this.#words.set(words, await keywordScores(gateway.db, this.tenant.id, words));
    return this.#words.get(words)!;
  }

  async #remembered<K>(
    known: Map<K, Scored[]>,
    key: K,
    sql: string,
    parameter: string,
  ): Promise<Scored[]> {
    if (!known.has(key)) {
      const rows = await gateway.db.asSuperuser<{ id: string; score: number }>(
        `${sql} and tenant_id = ?`,
        [parameter, this.tenant.id],
      );
      const passages = new Map(this.passages.map(passage => [passage.id, passage]));
      known.set(key, inOrder(rows.map(({ id, score }) => ({ passage: passages.get(id)!, score }))));
    }
    return known.get(key)!;
  }
}

const instantOf = (day: number): string => new Date(Date.UTC(2026, 0, 1 + day)).toISOString();

function inOrder(scored: Scored[]): Scored[] {
  return scored.toSorted((a, b) => b.score - a.score || (a.passage.id < b.passage.id ? -1 : 1));
}

/** A filter as the input has it, and what it asks. */
interface Filter {
  readonly input: Record<string, unknown>;
  readonly meets: (passage: Passage) => boolean;
}

type Filters = Record<(typeof NAMES)[number], fc.Arbitrary<Filter>>;

function filtersOf({ passages }: Corpus): Filters {
  const some = <T>(values: readonly T[], least: number): fc.Arbitrary<T[]> =>
    fc.uniqueArray(fc.constantFrom(...new Set(values)), { minLength: least, maxLength: 6 });
  const day = fc.integer({ min: 0, max: DAYS });
  return {
    botId: fc
      .constantFrom(...new Set(passages.map(({ botId }) => botId)))
      .map(botId => ({ input: { botId }, meets: passage => passage.botId === botId })),
    documentIds: some(
      passages.map(({ documentId }) => documentId),
      1,
    ).map(documentIds => ({
      input: { documentIds },
      meets: ({ documentId }) => documentIds.includes(documentId),
    })),
    documentStatuses: some(STATUSES, 1).map(documentStatuses => ({
      input: { documentStatuses },
      meets: ({ status }) => documentStatuses.includes(status),
    })),
    documentTags: fc.oneof(
      some(TAGS, 1).map((hasAny): Filter => ({
        input: { documentTags: { hasAny } },
        meets: ({ status }) => hasAny.some(tag => tagsOf(status).includes(tag)),
      })),
      some(TAGS, 1).map((hasAll): Filter => ({
        input: { documentTags: { hasAll } },
        meets: ({ status }) => hasAll.every(tag => tagsOf(status).includes(tag)),
      })),
      fc.boolean().map((isEmpty): Filter => ({
        input: { documentTags: { isEmpty } },
        meets: ({ status }) => (tagsOf(status).length === 0) === isEmpty,
      })),
    ),
    metadata: fc
      .integer({ min: 0, max: 3 })
      .map(kind => ({ input: { metadata: { kind } }, meets: passage => passage.kind === kind })),
    metadataConditions: fc.oneof(
      some([0, 1, 2, 7], 0).map((kinds): Filter => ({
        input: { metadataConditions: [{ path: ['kind'], in: kinds }] },
        meets: ({ kind }) => kinds.includes(kind),
      })),
      fc.tuple(day, day).map(([gte, lt]): Filter => ({
        input: {
          metadataConditions: [
            { path: ['place', 'day'], number: { gte } },
            { path: ['place', 'day'], number: { lt } },
          ],
        },
        meets: passage => passage.day >= gte && passage.day < lt,
      })),
    ),
    createdAt: fc.tuple(day, day).map(([gt, lte]) => ({
      input: { createdAt: { gt: instantOf(gt), lte: instantOf(lte) } },
      meets: passage => passage.day > gt && passage.day <= lte,
    })),
  };
}

type Mode = 'VECTOR' | 'KEYWORD' | 'HYBRID';

interface Ask {
  readonly question: Question;
  readonly topK: number;
  /** Of all similarities of the question, the one at this share is the least that is asked for. */
  readonly leastAt: number | undefined;
  readonly weights: { vector: number; keyword: number };
  readonly exact: boolean;
}

function anyAsk({ questions }: Corpus): fc.Arbitrary<Ask> {
  const weight = fc.constantFrom(0, 0.5, 1, 3);
  return fc.record({
    question: fc.constantFrom(...questions),
    topK: fc.constantFrom(1, 7, 10, 40, 100),
    leastAt: fc.option(fc.constantFrom(0.01, 0.1, 0.5, 0.9), { nil: undefined }),
    weights: fc
      .record({ vector: weight, keyword: weight })
      .filter(({ vector, keyword }) => vector + keyword > 0),
    exact: fc.constantFrom(false, false, false, true),
  });
}

/** What a search must find, and must say of it. */
async function expectedOf(
  corpus: Corpus,
  mode: Mode,
  { question, topK, leastAt, weights, exact }: Ask,
  meets: (passage: Passage) => boolean,
): Promise<{
  input: Record<string, unknown>;
  hits: any[];
  completeness: Record<string, unknown>;
  keywordMatch: string | null;
  comparable: number;
}> {
  const nearest = await corpus.bySimilarity(question);
  const minSimilarity =
    leastAt === undefined || mode === 'KEYWORD'
      ? undefined
      : nearest[Math.floor(leastAt * nearest.length)]!.score;
  const similarity = new Map(nearest.map(({ passage, score }) => [passage.id, score]));
  const isSimilar = ({ id }: Passage): boolean =>
    minSimilarity === undefined || (similarity.get(id) ?? -2) >= minSimilarity;
  const comparable = nearest.filter(({ passage }) => meets(passage)).length;
  const found = ({ passage }: Scored): boolean => meets(passage) && isSimilar(passage);

  const byVector = nearest.filter(found);
  const passages = new Map(corpus.passages.map(passage => [passage.id, passage]));
  const scored = await corpus.byWords(question.words);
  const byWords = scored.filter(({ id, score }) => found({ passage: passages.get(id)!, score }));
  const keywordMatch =
    mode === 'VECTOR' || byWords.length === 0
      ? null
      : byWords.some(({ hasAll }) => hasAll)
        ? 'ALL_WORDS'
        : 'ANY_WORD';

  const depth = mode === 'HYBRID' ? Math.max(50, 2 * topK) : Infinity;
  const inWords = ranked(byWords, mode === 'KEYWORD' && exact ? Infinity : undefined);
  const near = byVector.map(({ passage, score }) => ({ id: passage.id, similarity: score }));
  const hits = fusedHits(
    mode === 'KEYWORD' ? [] : near.slice(0, depth),
    mode === 'VECTOR' ? [] : inWords.slice(0, depth),
    {
      depth,
      weights: { vector: 1, keyword: 1, ...(mode === 'HYBRID' && weights) },
      total: totalOf(scored),
    },
  ).map(hit => ({
    score:
      mode === 'VECTOR'
        ? similarity.get(hit.id)!
        : mode === 'KEYWORD'
          ? hit.keywordScore!
          : hit.score,
    similarity: mode === 'KEYWORD' ? null : (similarity.get(hit.id) ?? null),
    vectorRank: hit.vectorRank,
    keywordRank: hit.keywordRank,
    keywordScore: hit.keywordScore,
    chunk: { id: hit.id },
  }));
  if (mode === 'KEYWORD') hits.sort((a, b) => a.keywordRank! - b.keywordRank!);
  const shown = hits.slice(0, topK).map((hit, index) => ({ rank: index + 1, ...hit }));
  const shortage =
    mode === 'KEYWORD'
      ? 'NO_MORE_MATCHES'
      : minSimilarity !== undefined && comparable > shown.length
        ? 'MIN_SIMILARITY'
        : 'NO_MORE_CHUNKS';
  return {
    input: {
      topK,
      ...(mode !== 'VECTOR' && { text: question.words, mode }),
      ...(mode !== 'KEYWORD' && { embedding: question.embedding }),
      ...(mode === 'HYBRID' && { weights }),
      ...(minSimilarity !== undefined && { minSimilarity }),
    },
    hits: shown,
    completeness: {
      requested: topK,
      returned: shown.length,
      hasMore: hits.length > topK,
      reason: shown.length < topK ? shortage : null,
    },
    keywordMatch,
    comparable: mode === 'KEYWORD' ? byWords.length : comparable,
  };
}

/** Searches, compares with what must be found, and gives the path. */
async function check(
  corpus: Corpus,
  mode: Mode,
  ask: Ask,
  filters: readonly Filter[],
): Promise<string> {
  const { input, hits, completeness, keywordMatch, comparable } = await expectedOf(
    corpus,
    mode,
    ask,
    passage => filters.every(({ meets }) => meets(passage)),
  );
  const result = (
    await corpus.client.data(SEARCH, {
      input: Object.assign({ exact: ask.exact }, input, ...filters.map(filter => filter.input)),
    })
  ).searchChunks;
  const close = (value: number | null): unknown =>
    value === null ? null : expect.closeTo(value, 9);
  expect(result).toEqual({
    keywordMatch,
    hits: hits.map(hit => ({
      ...hit,
      score: close(hit.score),
      similarity: close(hit.similarity),
      keywordScore: close(hit.keywordScore),
    })),
    completeness: expect.objectContaining(completeness),
  });
  const { exact, candidates, path } = result.completeness;
  if (mode === 'KEYWORD')
    expect({ exact, candidates }).toEqual({
      exact: ask.exact || comparable <= 400,
      candidates: comparable,
    });
  else if (ask.exact || path === 'EXACT')
    expect({ exact, candidates }).toEqual({ exact: true, candidates: comparable });
  else
    expect({ exact, candidates }).toEqual({
      exact: candidates === comparable,
      candidates: Math.min(comparable, candidates),
    });
  return exact ? 'EXACT' : path;
}

const NAMES = [
  'botId',
  'documentIds',
  'documentStatuses',
  'documentTags',
  'metadata',
  'metadataConditions',
  'createdAt',
] as const;
/** None, each alone, and every two. */
const COMBINATIONS = [
  [],
  ...NAMES.map(name => [name]),
  ...NAMES.flatMap((one, index) => NAMES.slice(index + 1).map(other => [one, other])),
];

describe.each<Mode>(['VECTOR', 'KEYWORD', 'HYBRID'])('%s', mode => {
  test.each<[string, () => Corpus, string]>([
    ['few chunks', () => small, 'EXACT'],
    ['many', () => large, 'CODES'],
  ])(
    'finds among %s what it must, with none, each and every two of the filters',
    async (_, corpusOf, path) => {
      const corpus = corpusOf();
      const filters = filtersOf(corpus);
      const paths: string[] = [];
      for (const names of COMBINATIONS) {
        await fc.assert(
          fc.asyncProperty(
            anyAsk(corpus),
            fc.tuple(...names.map(name => filters[name])),
            async (ask, chosen) => void paths.push(await check(corpus, mode, ask, chosen)),
          ),
          { numRuns: 4, seed: 20_261_124 },
        );
      }
      if (mode !== 'KEYWORD')
        expect(paths.filter(taken => taken === path).length).toBeGreaterThan(5);
    },
    240_000,
  );
});

describe.runIf(onPostgres)('with an index of its own', () => {
  beforeAll(() =>
    weaver(
      {
        WEAVER_SEARCH_INDEX_FROM: '1000',
        DATABASE_URL: gateway.db.urls!.login,
        WEAVER_MIGRATION_URL: gateway.db.urls!.admin,
      },
      ['search', 'tune'],
    ),
  );

  test.each<Mode>(['VECTOR', 'HYBRID'])(
    '%s finds what it must',
    async mode => {
      const now = performance.now.bind(performance);
      // By then the gateway has looked which tenants have one.
      vi.spyOn(performance, 'now').mockImplementation(() => now() + 31_000);
      const paths: string[] = [];
      await fc.assert(
        fc.asyncProperty(
          anyAsk(large),
          async ask => void paths.push(await check(large, mode, { ...ask, exact: false }, [])),
        ),
        { numRuns: 30, seed: 20_261_124 },
      );
      expect(paths.filter(path => path === 'HNSW').length).toBeGreaterThan(5);
    },
    120_000,
  );
});

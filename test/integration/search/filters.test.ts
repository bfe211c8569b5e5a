import fc from 'fast-check';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { ClusteredVectors } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) { hits { chunk { id } }
    completeness { candidates exact returned reason path } }
}`;

interface Passage {
  readonly id: string;
  readonly botId: string;
  readonly documentId: string;
  readonly status: string;
  readonly metadata: Record<string, unknown>;
  readonly createdAt: string;
}

const STATUSES = ['PENDING', 'PROCESSING', 'COMPLETED', 'FAILED'];
/** Values of every JSON type in the same place, and texts that look like dates and are none. */
const VALUES = [
  1,
  1.5,
  '1',
  true,
  false,
  null,
  'true',
  [1, 2],
  { deep: 7, name: 'x' },
  { deep: '7' },
  '2026-01-31',
  '2026-02-30',
  '2026-01-31T09:30:00Z',
  '2026-01-31T09:30:00.123456+02:00',
  '2026-01-31 25:00',
  '0000-01-01',
  'yesterday',
  1e20,
  -3,
  '',
  '2026-01-31t09:30:00z',
  '2026-01-31t09:30:00.5-02:00',
  '2026-01-31T0\u0669:30:00Z',
];
const vectors = new ClusteredVectors(3, 4);

let gateway: TestGateway;
let client: Client;
let passages: Passage[];

beforeAll(async () => {
  gateway = await startTestGateway();
  const tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  passages = [];
  for (const bot of [await tenant.bot(), await tenant.bot()]) {
    for (const status of STATUSES) {
      const tags = JSON.stringify(tagsOf(status)).replace(/^\[|\]$/g, c => (c === '[' ? '{' : '}'));
      const document = await bot.document({ status: status.toLowerCase(), tags });
      const chunks = vectors.document(VALUES.length).map((embedding, chunkIndex) => ({
        id: v7(),
        text: `refund ${chunkIndex}`,
        chunkIndex,
        embedding: Array.from(embedding),
        metadata:
          chunkIndex === 0
            ? {}
            : { value: VALUES[chunkIndex % VALUES.length], list: ['a', chunkIndex] },
        createdAt: new Date(Date.UTC(2026, 0, 1 + chunkIndex)).toISOString(),
      }));
      await document.chunks(chunks);
      passages.push(
        ...chunks.map(({ id, metadata, createdAt }) => ({
          id,
          metadata,
          createdAt,
          botId: bot.id,
          documentId: document.id,
          status,
        })),
      );
    }
  }
});
afterAll(() => gateway.close());

type Range = {
  gt?: number | string;
  gte?: number | string;
  lt?: number | string;
  lte?: number | string;
};
interface Condition {
  path?: string[];
  equals?: unknown;
  in?: unknown[];
  exists?: boolean;
  isNull?: boolean;
  hasAny?: unknown[];
  hasAll?: unknown[];
  number?: Range;
  date?: Range;
  and?: Condition[];
  or?: Condition[];
  not?: Condition;
}

function at(value: unknown, [key, ...rest]: string[]): unknown {
  if (key === undefined) return value;
  return typeof value === 'object' && value !== null
    ? at((value as Record<string, unknown>)[key], rest)
    : undefined;
}

const inRange = (value: number, range: Range, of: (bound: any) => number): boolean =>
  (range.gt === undefined || value > of(range.gt)) &&
  (range.gte === undefined || value >= of(range.gte)) &&
  (range.lt === undefined || value < of(range.lt)) &&
  (range.lte === undefined || value <= of(range.lte));

/** Milliseconds of what is a date in ISO 8601, by JavaScript's own calendar. */
function instant(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d/.test(value) || value.startsWith('0000'))
    return undefined;
  const day = value.slice(0, 10);
  if (
    !Number.isFinite(Date.parse(`${day}T00:00:00Z`)) ||
    !new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
  )
    return undefined;
  const ms = Date.parse(value.replace(' ', 'T').toUpperCase());
  return Number.isNaN(ms) ? undefined : ms;
}

function meets(
  metadata: unknown,
  {
    path = [],
    equals,
    in: values,
    exists,
    isNull,
    hasAny,
    hasAll,
    number,
    date,
    and = [],
    or,
    not,
  }: Condition,
): boolean {
  const value = at(metadata, path);
  const items = Array.isArray(value) ? (value as unknown[]) : undefined;
  const isDate =
    date === undefined ||
    (instant(value) !== undefined && inRange(instant(value)!, date, Date.parse));
  return (
    (equals === undefined || value === equals) &&
    (values === undefined || values.includes(value)) &&
    (exists === undefined || (value !== undefined) === exists) &&
    (isNull === undefined || (value === undefined || value === null) === isNull) &&
    (hasAny === undefined || hasAny.some(item => items?.includes(item))) &&
    (hasAll === undefined || (items !== undefined && hasAll.every(item => items.includes(item)))) &&
    and.every(condition => meets(metadata, condition)) &&
    (or === undefined || or.some(condition => meets(metadata, condition))) &&
    (not === undefined || !meets(metadata, not)) &&
    (number === undefined ||
      (typeof value === 'number' && inRange(value, number, bound => bound))) &&
    isDate
  );
}

interface Filter {
  botId?: string;
  documentIds?: string[];
  documentStatuses?: string[];
  documentTags?: { hasAny?: string[]; hasAll?: string[]; isEmpty?: boolean };
  metadata?: Record<string, unknown>;
  metadataConditions?: Condition[];
  createdAt?: Range;
}

/** The tags of a document, which follow from its state. */
const tagsOf = (status: string): string[] =>
  ['faq', 'für alle', 'draft'].slice(0, STATUSES.indexOf(status as never));

function meetsTags(
  tags: readonly string[],
  { hasAny, hasAll, isEmpty }: NonNullable<Filter['documentTags']>,
): boolean {
  return (
    (hasAny === undefined || hasAny.some(tag => tags.includes(tag.normalize('NFC')))) &&
    (hasAll === undefined || hasAll.every(tag => tags.includes(tag.normalize('NFC')))) &&
    (isEmpty === undefined || (tags.length === 0) === isEmpty)
  );
}

function expectedOf(filter: Filter): string[] {
  return passages
    .filter(
      ({ botId, documentId, status, metadata, createdAt }) =>
        (filter.botId === undefined || botId === filter.botId) &&
        (filter.documentIds === undefined || filter.documentIds.includes(documentId)) &&
        (filter.documentStatuses === undefined || filter.documentStatuses.includes(status)) &&
        meetsTags(tagsOf(status), filter.documentTags ?? {}) &&
        (filter.metadata === undefined ||
          Object.entries(filter.metadata).every(([key, value]) => metadata[key] === value)) &&
        (filter.metadataConditions ?? []).every(condition => meets(metadata, condition)) &&
        (filter.createdAt === undefined ||
          inRange(Date.parse(createdAt), filter.createdAt, Date.parse)),
    )
    .map(({ id }) => id);
}

const value = fc.constantFrom(...VALUES.filter(item => typeof item !== 'object'));
const path = fc.constantFrom<string[]>(
  ['value'],
  ['value', 'deep'],
  ['value', 'name'],
  ['list', '0'],
  ['list', '1'],
  ['absent'],
  ['value', 'deep', 'deeper'],
);
const numberRange = fc.record(
  {
    gt: fc.constantFrom(-5, 0, 1, 1e19),
    gte: fc.constantFrom(1, 1.5, 7),
    lt: fc.constantFrom(2, 8, 1e21),
    lte: fc.constantFrom(1, 7, 1e20),
  },
  { requiredKeys: [] },
);
const dates = [
  '2025-12-31T00:00:00Z',
  '2026-01-05T00:00:00Z',
  '2026-01-12T00:00:00+02:00',
  '2026-01-31T00:00:00Z',
  '2026-01-31T09:30:00Z',
  '2027-01-01T00:00:00Z',
];
const dateRange = fc.record(
  {
    gt: fc.constantFrom(...dates),
    gte: fc.constantFrom(...dates),
    lt: fc.constantFrom(...dates),
    lte: fc.constantFrom(...dates),
  },
  { requiredKeys: [] },
);
const item = fc.constantFrom<unknown>('a', 1, 2, 7, 'b', true);
const list = fc.constantFrom<string[]>(['list'], ['list'], ['value'], ['absent']);
const anyComparison = fc.oneof(
  fc.record({ path, equals: value }),
  fc.record({ path, isNull: fc.boolean() }),
  fc.record({ path: list, hasAny: fc.array(item, { maxLength: 3 }) }),
  fc.record({ path: list, hasAll: fc.array(item, { maxLength: 2 }) }),
  fc.record({ path, in: fc.array(value, { maxLength: 3 }) }),
  fc.record({ path, exists: fc.boolean() }),
  fc.record({ path, number: numberRange }),
  fc.record({ path, date: dateRange }),
  fc.record({ path, exists: fc.constant(true), number: numberRange }),
);

const anyCondition: fc.Arbitrary<Condition> = fc.letrec<{ condition: Condition }>(tie => {
  const some = fc.array(tie('condition'), { minLength: 1, maxLength: 2 });
  return {
    condition: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      { arbitrary: anyComparison, weight: 3 },
      { arbitrary: fc.record({ or: some }), weight: 1 },
      { arbitrary: fc.record({ and: some }), weight: 1 },
      { arbitrary: fc.record({ not: tie('condition') }), weight: 1 },
      { arbitrary: fc.record({ path, exists: fc.boolean(), not: tie('condition') }), weight: 1 },
    ),
  };
}).condition;

const anyTag = fc.constantFrom('faq', 'für alle', 'fu\u0308r alle', 'draft', 'FAQ');

/** One or two filters, now and then three: more leave nothing. */
function anyFilter(): fc.Arbitrary<Filter> {
  const filters: Record<keyof Filter, fc.Arbitrary<unknown>> = {
    botId: fc.constantFrom(...new Set(passages.map(passage => passage.botId)), v7()),
    documentIds: fc.uniqueArray(
      fc.constantFrom(...new Set(passages.map(passage => passage.documentId))),
      { maxLength: 6 },
    ),
    documentStatuses: fc.uniqueArray(fc.constantFrom(...STATUSES), { maxLength: 3 }),
    documentTags: fc.record(
      {
        hasAny: fc.uniqueArray(anyTag, { maxLength: 2 }),
        hasAll: fc.uniqueArray(anyTag, { maxLength: 2 }),
        isEmpty: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    metadata: fc.constantFrom({}, { value: 1 }, { value: 'true' }),
    metadataConditions: fc.array(anyCondition, { minLength: 1, maxLength: 2 }),
    createdAt: dateRange,
  };
  const names = fc.uniqueArray(fc.constantFrom(...(Object.keys(filters) as (keyof Filter)[])), {
    minLength: 1,
    maxLength: 3,
  });
  return names.chain(chosen =>
    fc.record(Object.fromEntries(chosen.map(name => [name, filters[name]]))),
  ) as fc.Arbitrary<Filter>;
}

async function found(input: Record<string, unknown>): Promise<{
  ids: string[];
  completeness: { candidates: number; exact: boolean; returned: number; reason: string | null };
}> {
  const { searchChunks } = await client.data(SEARCH, { input: { topK: 100, ...input } });
  return {
    ids: searchChunks.hits.map((hit: any) => hit.chunk.id),
    completeness: searchChunks.completeness,
  };
}

describe.each([
  ['VECTOR', { text: 'refund' }],
  ['KEYWORD', { text: 'refund', mode: 'KEYWORD' }],
  ['HYBRID', { text: 'refund', mode: 'HYBRID' }],
])('%s', (_, query) => {
  test('finds everything that meets any combination of filters, and nothing else', async () => {
    let matched = 0;
    await fc.assert(
      fc.asyncProperty(anyFilter(), async filter => {
        const expected = expectedOf(filter);
        const { ids, completeness } = await found({ ...query, ...filter });
        expect(new Set(ids).size).toBe(ids.length);
        if (expected.length <= 100) expect(ids.toSorted()).toEqual(expected.toSorted());
        else expect(ids.every(id => expected.includes(id))).toBe(true);
        expect(completeness).toMatchObject({
          returned: Math.min(100, expected.length),
          exact: true,
          candidates: expected.length,
        });
        matched += expected.length > 0 ? 1 : 0;
      }),
      { numRuns: 160, seed: 20_261_124 },
    );
    expect(matched).toBeGreaterThan(30);
  });
});

test('a date is its first instant in UTC, and a day that does not exist is no date', async () => {
  const condition = (date: Range): Condition => ({ path: ['value'], date });
  const all = await found({
    text: 'refund',
    metadataConditions: [condition({ gte: '2000-01-01T00:00:00Z' })],
  });
  expect(all.ids.toSorted()).toEqual(
    expectedOf({ metadataConditions: [condition({ gte: '2000-01-01T00:00:00Z' })] }).toSorted(),
  );
  expect(
    new Set(all.ids.map(id => passages.find(passage => passage.id === id)!.metadata.value)),
  ).toEqual(
    new Set([
      '2026-01-31',
      '2026-01-31T09:30:00Z',
      '2026-01-31T09:30:00.123456+02:00',
      '2026-01-31t09:30:00z',
      '2026-01-31t09:30:00.5-02:00',
    ]),
  );
  const exact = await found({
    text: 'refund',
    metadataConditions: [condition({ gte: '2026-01-31T00:00:00Z', lte: '2026-01-31T00:00:00Z' })],
  });
  expect(
    new Set(exact.ids.map(id => passages.find(passage => passage.id === id)!.metadata.value)),
  ).toEqual(new Set(['2026-01-31']));
});

test.each<[Record<string, unknown>, string]>([
  [
    { metadataConditions: Array.from({ length: 21 }, () => ({ path: ['a'] })) },
    'input.metadataConditions',
  ],
  [{ documentTags: { hasAny: Array.from({ length: 101 }, String) } }, 'input.documentTags.hasAny'],
  [{ documentTags: { hasAll: Array.from({ length: 101 }, String) } }, 'input.documentTags.hasAll'],
  [{ metadataConditions: [{ path: [] }] }, 'input.metadataConditions[0].path'],
  [
    {
      metadataConditions: [
        { path: ['a'], exists: true },
        { path: Array.from({ length: 9 }, () => 'a') },
      ],
    },
    'input.metadataConditions[1].path',
  ],
  [
    { metadataConditions: [{ path: ['a', 'b'.repeat(201)] }] },
    'input.metadataConditions[0].path[1]',
  ],
  [
    { metadataConditions: [{ path: ['a'], in: Array.from({ length: 101 }, () => 1) }] },
    'input.metadataConditions[0].in',
  ],
  [
    { metadataConditions: [{ path: ['a'], hasAny: Array.from({ length: 101 }, () => 1) }] },
    'input.metadataConditions[0].hasAny',
  ],
  [{ metadataConditions: [{ equals: 1 }] }, 'input.metadataConditions[0].path'],
  [
    { metadataConditions: [{ path: ['a'], not: { path: ['a'], exists: true } }] },
    'input.metadataConditions[0]',
  ],
  [
    { metadataConditions: [{ not: { or: [{ path: ['a'] }] } }] },
    'input.metadataConditions[0].not.or[0]',
  ],
  [{ metadataConditions: [{ or: [] }] }, 'input.metadataConditions[0].or'],
  [{ metadataConditions: [{ and: null, or: null }] }, 'input.metadataConditions[0]'],
  [
    { metadataConditions: [{ path: ['a'], hasAll: ['b'], not: null }] },
    'input.metadataConditions[0].not',
  ],
  [
    {
      metadataConditions: [
        { not: { not: { not: { not: { not: { path: ['a'], exists: true } } } } } },
      ],
    },
    'input.metadataConditions[0].not.not.not.not.not',
  ],
  [
    {
      metadataConditions: [
        { or: Array.from({ length: 20 }, () => ({ path: ['a'], exists: true })) },
      ],
    },
    'input.metadataConditions',
  ],
  // Else a forgotten variable would let everything through.
  [
    { metadataConditions: [{ path: ['a'], exists: true }, { path: ['a'] }] },
    'input.metadataConditions[1]',
  ],
  [
    {
      metadataConditions: [
        { path: ['a'], equals: null, in: null, exists: null, number: null, date: null },
      ],
    },
    'input.metadataConditions[0]',
  ],
  // Else a bound that is null would let every number through.
  [
    { metadataConditions: [{ path: ['a'], number: { gt: null } }] },
    'input.metadataConditions[0].number.gt',
  ],
  [
    { metadataConditions: [{ path: ['a'], number: { gte: 1, lt: null } }] },
    'input.metadataConditions[0].number.lt',
  ],
  [
    {
      metadataConditions: [
        { path: ['a'], exists: true },
        { path: ['a'], date: { lte: null } },
      ],
    },
    'input.metadataConditions[1].date.lte',
  ],
  [
    { metadataConditions: [{ path: ['a'], exists: true, equals: null }] },
    'input.metadataConditions[0].equals',
  ],
])(
  'what passes a limit, and a null in a metadata condition, is refused by name: %#',
  async (filter, field) => {
    const { errors } = await client.query(SEARCH, { input: { text: 'a', ...filter } });
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
  },
);

test.each([
  ['number: { gt: $bound }', 'Float', 'number.gt'],
  ['date: { gt: $bound }', 'DateTime', 'date.gt'],
  ['exists: true, equals: $bound', 'MetadataValue', 'equals'],
])(
  'a variable that is null is refused in a metadata condition, in literals too: %s',
  async (condition, type, field) => {
    const { errors } = await client.query(
      `query ($bound: ${type}) { searchChunks(input: { text: "a", metadataConditions: [{ ` +
        `path: ["value"], ${condition} }] }) { hits { score } } }`,
      { bound: null },
    );
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/is null/),
        extensions: { code: 'BAD_USER_INPUT', field: `input.metadataConditions[0].${field}` },
      },
    ]);
  },
);

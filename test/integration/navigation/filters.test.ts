import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGatewaySchema } from '../../../src/schema.js';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { FilterOracle, type Filter, type ShownRow } from './filter-oracle.js';

const schema = buildGatewaySchema();

interface Filtered {
  readonly type: string;
  /** The list that is filtered, and what it hangs from. */
  readonly list: string;
  readonly parent: 'Query' | 'Tenant' | 'Document';
  /** Of keys that are no field of the type: where their value shows. */
  readonly related?: Record<string, string>;
}

const FILTERED: readonly Filtered[] = [
  { type: 'Tenant', list: 'tenants', parent: 'Query' },
  { type: 'User', list: 'users', parent: 'Tenant' },
  { type: 'ApiKey', list: 'apiKeys', parent: 'Tenant' },
  { type: 'Bot', list: 'bots', parent: 'Query' },
  { type: 'Document', list: 'documents', parent: 'Query', related: { botId: 'bot' } },
  { type: 'Ingestion', list: 'ingestions', parent: 'Tenant', related: { documentId: 'document' } },
  { type: 'Upload', list: 'uploads', parent: 'Tenant', related: { botId: 'bot' } },
  { type: 'DocumentChunk', list: 'chunks', parent: 'Document' },
  {
    type: 'BotQuery',
    list: 'botQueries',
    parent: 'Query',
    related: { botId: 'bot', apiKeyId: 'apiKey' },
  },
];

/** What a filter reaches into. */
const INNER: Readonly<Record<string, string>> = { errorCode: 'errorCode: error { code }' };

let gateway: TestGateway;
let client: Client;
const parents: Record<string, string> = {};

const NAMES = [
  '100% sure',
  '100 percent',
  'a_b',
  'aXb',
  'back\\slash',
  'Ärger',
  'it\'s "quoted"',
  '😀 face',
  'a'.repeat(255),
];
const INSTANTS = [
  '2026-01-01T00:00:00.000001Z',
  '2026-01-01T00:00:00.000002Z',
  '2026-01-01T00:00:00Z',
  '2025-12-31T23:59:59.999999Z',
];
const oneOf = <T>(values: readonly T[], nth: number): T => values[nth % values.length]!;

beforeAll(async () => {
  gateway = await startTestGateway();
  const { world } = gateway;
  for (const [nth, name] of NAMES.entries())
    await world.insert('tenants', {
      name,
      plan_tier: oneOf(['free', 'business'], nth),
      storage_used_bytes: oneOf(['0', '9007199254740993'], nth),
      created_at: oneOf(INSTANTS, nth),
    });
  const tenant = await world.tenant();
  const key = await tenant.key({ name: 'Filters' });
  client = gateway.client(key.secret);
  const vector = Array.from({ length: 1536 }, () => 0.02);
  const bot = await tenant.bot({ name: 'Filtered', config_json: '{"a": 1}' });
  const chunked = await bot.document({ filename: 'Chunked' });
  Object.assign(parents, { Tenant: tenant.id, Document: chunked.id });
  const configs = [
    '{"a": 1, "tags": ["x", "y"]}',
    '{"deep": {"er": {"yes": true}}}',
    '{"n": null, "list": [{"k": 1, "l": 2}]}',
    `{"quote\\"\\\\": "'"}`,
  ];
  for (const [nth, name] of NAMES.entries()) {
    const times = { created_at: oneOf(INSTANTS, nth), updated_at: oneOf(INSTANTS, nth + 1) };
    await tenant.user({
      email: `${name}`.slice(0, 200),
      role: oneOf(['owner', 'admin', 'admin'], nth),
      ...times,
    });
    await world.insert('api_keys', {
      tenant_id: tenant.id,
      name,
      key_hash: 'none',
      key_prefix: oneOf([undefined, `wvr_${nth}`], nth),
      rate_limit_rpm: oneOf([1, 60, 2_147_483_647], nth),
      revoked: nth % 2 === 0,
      scopes: oneOf(['{read}', '{}', '{read,write}', '{read,search,ask}'], nth),
      expires_at: oneOf([undefined, oneOf(INSTANTS, nth)], nth),
      last_used_at: oneOf([oneOf(INSTANTS, nth), undefined], nth),
      ...times,
    });
    const language = oneOf([undefined, 'en', 'de'], nth);
    await tenant.bot({
      name,
      language,
      config_json: oneOf(configs, nth),
      created_at: oneOf(INSTANTS, nth),
    });
    const document = await bot.document({
      filename: name,
      language,
      gcs_path: oneOf([undefined, `gs://${name}`], nth),
      size_bytes: oneOf(['0', '5', '1000000000000000000', '9007199254740993'], nth),
      status: oneOf(['failed', 'completed', 'pending'], nth),
      error_message: oneOf(['It broke: 100%', undefined], nth),
      metadata: oneOf(configs, nth),
      content_sha256: oneOf([undefined, '0'.repeat(64), 'a'.repeat(64)], nth),
      tags: oneOf(['{}', '{draft}', '{"für alle",draft}', '{"a,b",NULLS,"\\""}'], nth),
      ...times,
    });
    await oneOf([chunked, document], nth).ingestion({
      filename: name,
      kind: oneOf(['create', 'replace'], nth),
      state: oneOf(['failed', 'cancelled', 'completed'], nth),
      step: oneOf([undefined, 'extract', 'embed'], nth),
      attempt: nth % 3,
      ...(nth % 2 === 0 && {
        error_code: name.slice(0, 50),
        error_message: 'It broke.',
        error_retryable: false,
      }),
      created_at: oneOf(INSTANTS, nth),
      started_at: oneOf([undefined, oneOf(INSTANTS, nth)], nth),
      finished_at: oneOf([oneOf(INSTANTS, nth), undefined], nth),
    });
    const received = oneOf([false, true, false], nth);
    await bot.upload({
      filename: name,
      size_bytes: oneOf([1, 5, 1_000_000], nth),
      ...(received && {
        state: 'received',
        received_bytes: oneOf([1, 5, 1_000_000], nth),
        sha256: '0'.repeat(64),
      }),
      expires_at: `2100${oneOf(INSTANTS, nth).slice(4)}`,
      ...times,
    });
    await bot.query({
      api_key_id: oneOf([key.id, undefined], nth),
      query: name,
      answer: oneOf(NAMES, nth + 1),
      confidence: oneOf(['high', undefined, 'low'], nth),
      latency_ms: oneOf([undefined, 0, 5, 7], nth),
      created_at: oneOf(INSTANTS, nth),
    });
  }
  await (await tenant.bot()).upload();
  await chunked.chunks(
    NAMES.map((text, nth) => ({
      text,
      chunkIndex: nth % 4,
      pageNum: oneOf([null, 1, 2], nth),
      metadata: JSON.parse(oneOf(configs, nth)),
      embedding: oneOf([null, vector], nth),
      createdAt: oneOf(INSTANTS, nth),
    })),
  );
  const other = await tenant.bot();
  await other.document();
  await other.query();
});
afterAll(() => gateway.close());

const clientOf = ({ type }: Filtered) => (type === 'Tenant' ? gateway.operator : client);

/** Answers of a list under one alias for each of the filters, many in one operation. */
async function ask<T>(
  filtered: Filtered,
  filters: readonly Filter[],
  selection: string,
): Promise<T[]> {
  if (filters.length > 60)
    return [
      ...(await ask<T>(filtered, filters.slice(0, 60), selection)),
      ...(await ask<T>(filtered, filters.slice(60), selection)),
    ];
  const variables = Object.fromEntries(filters.map((filter, nth) => [`f${nth}`, filter]));
  const lists = filters
    .map((_, nth) => `f${nth}: ${filtered.list}(first: 100, filter: $f${nth}) { ${selection} }`)
    .join('\n');
  const declared = filters.map((_, nth) => `$f${nth}: ${filtered.type}Filter`).join(', ');
  const body =
    filtered.parent === 'Query'
      ? lists
      : `node(id: "${parents[filtered.parent]}") { ... on ${filtered.parent} { ${lists} } }`;
  const data = await clientOf(filtered).data(`query (${declared}) { ${body} }`, variables);
  const found = filtered.parent === 'Query' ? data : data.node;
  return filters.map((_, nth) => found[`f${nth}`]);
}

async function rowsOf(filtered: Filtered, oracle: FilterOracle): Promise<ShownRow[]> {
  const related = filtered.related ?? {};
  const selection = oracle.keys
    .map(key => (related[key] ? `${key}: ${related[key]} { id }` : (INNER[key] ?? key)))
    .join(' ');
  const [list] = await ask<{ nodes: Record<string, any>[] }>(
    filtered,
    [{}],
    `nodes { ${selection} }`,
  );
  return list!.nodes.map(
    row =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [
          key,
          related[key] ? (value?.id ?? null) : INNER[key] ? (value?.code ?? null) : value,
        ]),
      ) as ShownRow,
  );
}

async function expectOracleAgrees(
  filtered: Filtered,
  oracle: FilterOracle,
  rows: readonly ShownRow[],
  filters: readonly Filter[],
): Promise<void> {
  const found = await ask<{ totalCount: number; nodes: { id: string }[] }>(
    filtered,
    filters,
    'totalCount nodes { id }',
  );
  for (const [nth, filter] of filters.entries()) {
    const ids = found[nth]!.nodes.map(node => node.id);
    expect(ids.toSorted(), JSON.stringify(filter)).toEqual(oracle.idsOf(filter, rows).toSorted());
    expect(found[nth]!.totalCount, JSON.stringify(filter)).toBe(ids.length);
  }
}

describe.each(FILTERED)('$type', filtered => {
  const oracle = new FilterOracle(schema, `${filtered.type}Filter`);
  let rows: ShownRow[];

  beforeAll(async () => {
    rows = await rowsOf(filtered, oracle);
  });

  test('has rows to find', () => {
    expect(rows.length).toBeGreaterThanOrEqual(NAMES.length);
  });

  test.each(oracle.keys)('filtered by %s finds what each operator means', async key => {
    const cases = oracle.casesOf(key, rows);
    await expectOracleAgrees(filtered, oracle, rows, cases);
    // An operator that finds all or nothing with every operand would prove little.
    expect(cases.length).toBeGreaterThan(2);
    const values = new Set(rows.map(row => JSON.stringify(row[key])));
    expect(values.size, `Give the rows above several values of ${key}.`).toBeGreaterThan(1);
  });

  test('the opposite of each comparison finds the others, and those without a value', async () => {
    const cases = oracle.keys
      .flatMap(key => oracle.casesOf(key, rows).slice(0, 6))
      .map(not => ({ not }));
    await expectOracleAgrees(filtered, oracle, rows, cases);
    // What compares with null asks nothing, and has no opposite.
    const asking = cases.filter(({ not }) =>
      Object.values(not).every(operators =>
        Object.values(operators).every(operand => operand !== null),
      ),
    );
    expect(asking.length).toBeGreaterThan(oracle.keys.length);
    const found = await ask<{ totalCount: number }>(
      filtered,
      asking.flatMap(({ not }) => [not, { not }]),
      'totalCount',
    );
    for (let nth = 0; nth < found.length; nth += 2)
      expect(found[nth]!.totalCount + found[nth + 1]!.totalCount).toBe(rows.length);
  });

  test('filtered by and, or and not inside each other finds what they mean', async () => {
    const leaves = oracle.keys.flatMap(key => oracle.casesOf(key, rows));
    const { filter } = fc.letrec<{ filter: Filter }>(tie => ({
      filter: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom(
          ...leaves,
          {},
          { and: [] },
          { or: [] },
          { not: {} },
          { and: null, or: null, not: null },
        ),
        fc.array(tie('filter'), { maxLength: 3 }).map(and => ({ and })),
        fc.array(tie('filter'), { maxLength: 3 }).map(or => ({ or })),
        tie('filter').map(not => ({ not })),
        fc
          .tuple(fc.constantFrom(...leaves), tie('filter'))
          .map(([leaf, not]) => ({ ...leaf, not })),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(fc.array(filter, { minLength: 1, maxLength: 8 }), filters =>
        expectOracleAgrees(filtered, oracle, rows, filters),
      ),
      { numRuns: 12, seed: 20_261_123 },
    );
  });
});

const filenames = async (filter: Filter): Promise<string[]> => {
  const { documents } = await client.data(
    'query ($filter: DocumentFilter) { documents(first: 100, filter: $filter, orderBy: ' +
      '{field: FILENAME}) { nodes { filename } } }',
    { filter },
  );
  return documents.nodes.map((node: { filename: string }) => node.filename);
};

describe('StringFilter', () => {
  test('takes the wildcards of LIKE for themselves', async () => {
    expect(await filenames({ filename: { contains: '%' } })).toEqual(['100% sure']);
    expect(await filenames({ filename: { contains: 'a_b' } })).toEqual(['a_b']);
    expect(await filenames({ filename: { startsWith: 'back\\s' } })).toEqual(['back\\slash']);
  });

  test('looks for parts whatever their case, and compares the whole with it', async () => {
    expect(await filenames({ filename: { contains: 'äRG' } })).toEqual(['Ärger']);
    expect(await filenames({ filename: { startsWith: '100 P' } })).toEqual(['100 percent']);
    expect(await filenames({ filename: { eq: 'ärger' } })).toEqual([]);
  });

  test('does not cut a text that is longer than the column', async () => {
    expect(await filenames({ filename: { eq: `${'a'.repeat(255)}` } })).toHaveLength(1);
    const { tenants } = await gateway.operator.data(
      'query ($long: String!) { tenants(filter: {or: [{name: {eq: $long}}, {name: {in: ' +
        '[$long]}}]}) { totalCount } }',
      { long: 'a'.repeat(256) },
    );
    expect(tenants.totalCount).toBe(0);
  });
});

describe('DateTimeFilter', () => {
  test('tells microseconds apart, in any time zone and case that RFC 3339 knows', async () => {
    const count = async (filter: Filter) =>
      (
        await client.data(
          'query ($filter: BotQueryFilter) { botQueries(filter: $filter) { totalCount } }',
          { filter },
        )
      ).botQueries.totalCount;
    expect(await count({ createdAt: { eq: '2026-01-01T00:00:00.000001Z' } })).toBe(3);
    for (const text of [
      '2026-01-01T05:30:00.000001+05:30',
      '2026-01-01T16:00:00.000001+16:00',
      '2026-01-01T23:59:00.000001+23:59',
      '2025-12-31T00:01:00.000001-23:59',
      '2026-01-01t00:00:00.000001z',
      '2026-01-01t01:00:00.000001+01:00',
    ])
      expect([text, await count({ createdAt: { eq: text } })]).toEqual([text, 3]);
    expect(
      await count({ createdAt: { gt: '2026-01-01T00:00:00Z', lt: '2026-01-01T00:00:00.000002Z' } }),
    ).toBe(3);
    expect(await count({ createdAt: { eq: '2026-01-01T00:00:00.00001Z' } })).toBe(0);
  });
});

describe('the limits of a filter', () => {
  async function expectRefusal(filter: Filter, field: string, limit: string): Promise<void> {
    const start = performance.now();
    const { status, errors } = await client.query(
      'query ($filter: DocumentFilter) { documents(filter: $filter) { totalCount } }',
      { filter },
    );
    expect(status).toBeLessThan(500);
    expect(errors).toHaveLength(1);
    expect(errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      ...(field && { field }),
    });
    expect(errors![0]!.message).toContain(limit);
    // A second, and as much again for a busy machine.
    expect(performance.now() - start).toBeLessThan(2_000);
  }
  const negated = (depth: number): Filter =>
    Array.from({ length: depth }).reduce<Filter>(not => ({ not }), { filename: { eq: 'x' } });

  test('are 100 values, filters and comparisons, 20 levels and 1,000 characters', async () => {
    await expectRefusal(
      { filename: { contains: 'x'.repeat(1_001) } },
      'filter.filename.contains',
      '1000',
    );
    await expectRefusal(
      { not: { filename: { startsWith: '%'.repeat(1_001) } } },
      'filter.not.filename.startsWith',
      '1000',
    );
    await expectRefusal(
      { filename: { in: Array.from({ length: 101 }, String) } },
      'filter.filename.in',
      '100',
    );
    await expectRefusal(
      { id: { in: Array.from({ length: 101 }, () => parents['Document']) } },
      'filter.id.in',
      '100',
    );
    await expectRefusal({ or: Array.from({ length: 101 }, () => ({})) }, 'filter.or', '100');
    await expectRefusal({ and: Array.from({ length: 101 }, () => ({})) }, 'filter.and', '100');
    await expectRefusal(
      { or: Array.from({ length: 51 }, () => ({ sizeBytes: { gt: 1, lt: 5 } })) },
      'filter.or[50].sizeBytes.gt',
      '100',
    );
    await expectRefusal(negated(21), `filter${'.not'.repeat(21)}`, '20');
    await expectRefusal(negated(90), `filter${'.not'.repeat(21)}`, '20');
    await expectRefusal(negated(200), 'variables', '100');
  });

  test('hold for literals too, however deep', async () => {
    const literal = (depth: number) =>
      `{ documents(filter: ${'{not: '.repeat(depth)}{}${'}'.repeat(depth)}) { totalCount } }`;
    for (const depth of [21, 200, 500, 1_000, 1_500, 2_000, 2_490]) {
      const { status, errors } = await client.query(literal(depth));
      expect(status, `${depth} levels`).toBeLessThan(500);
      expect(errors, `${depth} levels`).toMatchObject([
        { extensions: { code: 'BAD_USER_INPUT' }, message: expect.not.stringContaining('stack') },
      ]);
    }
  });

  test('hold for variables of any depth', async () => {
    for (const depth of [101, 1_000, 20_000, 100_000]) {
      const body =
        '{"query": "query ($filter: DocumentFilter) { documents(filter: $filter) { ' +
        'totalCount } }", "variables": {"filter": ' +
        `${'{"not":'.repeat(depth)}{}${'}'.repeat(depth)}}}`;
      const { status, errors } = await client.post(body);
      expect(status).toBeLessThan(500);
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
      expect(errors![0]!.message).not.toMatch(/stack/);
    }
  });

  test('let everything below them through', async () => {
    expect(
      await filenames({
        or: Array.from({ length: 100 }, (_, nth) => ({
          filename: { eq: nth === 99 ? 'a_b' : 'x' },
        })),
      }),
    ).toEqual(['a_b']);
    expect((await filenames(negated(19))).length).toBeGreaterThan(0);
    expect(await filenames({ filename: { contains: '%'.repeat(1_000) } })).toEqual([]);
    expect(
      await filenames({
        filename: {
          in: Array.from({ length: 100 }, (_, nth) => (nth === 99 ? 'aXb' : String(nth))),
        },
      }),
    ).toEqual(['aXb']);
  });
});

describe('a filter', () => {
  test('that is wrong is refused even where there is nothing to filter', async () => {
    const { errors } = await client.query(
      '{ bots(filter: {name: {eq: "none"}}) { nodes { documents(filter: {id: {eq: "x"}}) ' +
        '{ nodes { id } } } } documents(filter: {id: {eq: "x"}}, first: 1) { __typename } }',
    );
    expect(errors).toMatchObject([
      { path: ['documents'], extensions: { code: 'BAD_USER_INPUT', field: 'filter.id.eq' } },
    ]);
  });

  test('holds on every page, under several aliases and below many parents', async () => {
    const query = (args: string) => {
      const lists = ['FAILED', 'COMPLETED', 'PENDING'].map(
        status =>
          `${status}: documents(filter: {status: {eq: ${status}}}, ${args}) { totalCount ` +
          'nodes { status bot { id } } pageInfo { hasNextPage endCursor } }',
      );
      return `{ bots { nodes { ${lists.join(' ')} id } } }`;
    };
    const { bots } = await client.data(query('first: 2, orderBy: {field: FILENAME}'));
    let seen = 0;
    for (const bot of bots.nodes) {
      for (const status of ['FAILED', 'COMPLETED', 'PENDING']) {
        const { totalCount, nodes, pageInfo } = bot[status];
        expect(nodes).toEqual(nodes.map(() => ({ status, bot: { id: bot.id } })));
        expect(nodes).toHaveLength(Math.min(totalCount, 2));
        expect(pageInfo.hasNextPage).toBe(totalCount > 2);
        seen += totalCount;
      }
    }
    const { documents } = await client.data('{ documents { totalCount } }');
    expect(seen).toBe(documents.totalCount);
  });
});

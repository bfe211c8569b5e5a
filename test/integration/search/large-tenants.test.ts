import { Client as PgClient } from 'pg';
import { v7 } from 'uuid';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { storeChunks } from '../../../src/chunking/store-chunks.js';
import { searchIndexName } from '../../../src/db/search-index-name.js';
import { statement } from '../../../src/db/statement.js';
import { weaver } from '../../support/command.js';
import type { Client } from '../../support/client.js';
import { ClusteredVectors, dot } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { fill } from '../../support/large-tenant.js';
import type { TenantWorld } from '../../support/world.js';
import { until } from '../../support/row-locks.js';

const onPostgres = inject('template').kind === 'postgres';

/** Fewer chunks than it takes otherwise, which is what the setting is for. */
const SIZE = 2_000;
const ENV = { WEAVER_SEARCH_INDEX_FROM: '1500' };
const SEARCH =
  'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { similarity ' +
  'chunk { id } } completeness { returned exact candidates path } } }';

interface Result {
  hits: { similarity: number; chunk: { id: string } }[];
  completeness: { returned: number; exact: boolean; candidates: number; path: string };
}

let gateway: TestGateway;
let tenant: TenantWorld;
let client: Client;
let botId: string;
const vectors = new ClusteredVectors(20_261_124);
let passages: { id: string; vector: Float32Array }[];

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  const bot = await tenant.bot();
  botId = bot.id;
  const document = await bot.document();
  passages = await fill(gateway.db, document, vectors, SIZE);
}, 120_000);
afterEach(() => void vi.restoreAllMocks());
afterAll(() => gateway.close());

const now = performance.now.bind(performance);
/** Lets the gateway forget which tenants have an index, as it does after a while. */
function later(milliseconds: number): void {
  vi.spyOn(performance, 'now').mockImplementation(() => now() + milliseconds);
}

const search = async (input: Record<string, unknown>): Promise<Result> =>
  (await client.data<{ searchChunks: Result }>(SEARCH, { input })).searchChunks;
const tune = (): Promise<unknown> =>
  weaver(
    { ...ENV, DATABASE_URL: gateway.db.urls!.login, WEAVER_MIGRATION_URL: gateway.db.urls!.admin },
    ['search', 'tune'],
  );

/**
 * Share of the nearest chunks that searches find along a path. Where that could have missed one,
 * as an index whose levels are drawn by chance may, the search goes on along the next.
 */
async function recall(topK: number, path: string): Promise<number> {
  let found = 0;
  let alongPath = 0;
  const questions = Array.from({ length: 20 }, () =>
    vectors.questionAbout(passages[vectors.below(SIZE)]!.vector),
  );
  for (const question of questions) {
    const expected = passages
      .map(({ id, vector }) => ({ id, similarity: dot(vector, question) }))
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, topK);
    const { hits, completeness } = await search({ embedding: Array.from(question), topK });
    expect(completeness).toMatchObject({
      returned: topK,
      path: expect.stringMatching(`^(${path}|CODES|EXACT)$`),
    });
    alongPath += completeness.path === path ? 1 : 0;
    const ids = new Set(hits.map(hit => hit.chunk.id));
    found += expected.filter(({ id }) => ids.has(id)).length / topK;
  }
  expect(alongPath).toBeGreaterThan(0);
  return found / questions.length;
}

const about = (): number[] => Array.from(vectors.questionAbout(passages[0]!.vector));

test('without an index of its own, a large tenant is searched by its codes', async () => {
  expect((await search({ embedding: about() })).completeness).toMatchObject({
    returned: 10,
    exact: false,
    candidates: 100,
    path: 'CODES',
  });
});

/** A statement that a search leads to, and what it is given: that of the codes, if not another. */
async function sentStatement(
  input: Record<string, unknown>,
  wanted = 'searchChunks_codes',
): Promise<{ text: string; parameters: readonly unknown[] }> {
  const sent: { text: string; parameters: readonly unknown[] }[] = [];
  gateway.db.database.onStatement = ({ name, text }, parameters) =>
    void (name === wanted && sent.push({ text, parameters }));
  try {
    await search(input);
  } finally {
    gateway.db.database.onStatement = () => {};
  }
  return sent[0]!;
}

describe.runIf(onPostgres)('where parallel workers seem to cost nothing', () => {
  const GUARD = ' and pg_backend_pid() > 0';
  // An index alone is read where all pages are visible to all, as they are once no transaction of
  // before is left.
  beforeAll(() =>
    until(async () => {
      await gateway.db.asSuperuser('vacuum (analyze) doc_chunks');
      const [pages] = await gateway.db.asSuperuser<{ visible: boolean }>(
        "select relallvisible = relpages as visible from pg_class where relname = 'doc_chunks'",
      );
      return pages!.visible;
    }),
  );

  /** The plan for any tenant. */
  async function planOf(text: string, parameters: readonly unknown[]): Promise<string> {
    const session = new PgClient({ connectionString: gateway.db.urls!.admin });
    await session.connect();
    try {
      await session.query(
        'set parallel_setup_cost = 0; set parallel_tuple_cost = 0; ' +
          'set min_parallel_table_scan_size = 0; set min_parallel_index_scan_size = 0; ' +
          'set max_parallel_workers_per_gather = 4; set enable_seqscan = off; ' +
          'set enable_bitmapscan = off; set plan_cache_mode = force_generic_plan; ' +
          `prepare planned as ${text}`,
      );
      const nulls = parameters.map(() => 'null').join();
      const { rows } = await session.query<{ 'QUERY PLAN': string }>(
        `explain (costs off) execute planned(${nulls})`,
      );
      return rows.map(row => row['QUERY PLAN']).join('\n');
    } finally {
      await session.end();
    }
  }

  test.each([
    ['a tenant', () => ({})],
    ['a bot', () => ({ botId })],
  ])(
    'the codes of %s are scanned in one process, and only because of one condition',
    async (...[, filter]) => {
      const { text, parameters } = await sentStatement({ embedding: about(), ...filter() });
      const plan = await planOf(text, parameters);
      expect(plan).toContain('doc_chunks_codes');
      expect(plan).not.toContain('Gather');
      expect(await planOf(text.replace(GUARD, ''), parameters)).toContain('Gather');
    },
  );

  test('a filter that reads rows may have parallel workers', async () => {
    const { text, parameters } = await sentStatement({ embedding: about(), metadata: { a: 1 } });
    expect(text).not.toContain(GUARD);
    expect(await planOf(text, parameters)).toContain('Gather');
  });

  test('the session of a search has no setting of its own afterwards', async () => {
    await search({ embedding: about() });
    const rows = await gateway.db.database
      .reads({ role: 'weaver_operator' })
      .query<{ value: string }>(
        statement('test', `select current_setting('max_parallel_workers_per_gather') as value`),
        [],
      );
    const [server] = await gateway.db.asSuperuser<{ value: string }>(
      `select current_setting('max_parallel_workers_per_gather') as value`,
    );
    expect(rows).toEqual([server]);
  });
});

/**
 * What the answers to forty questions came from, each less about a passage than the one before;
 * their hits are the nearest, whatever it was.
 */
async function askFainterAndFainter(): Promise<Set<string>> {
  const seen = new Set<string>();
  let found = 0;
  for (let step = 0; step < 40; step += 1) {
    const passage = passages[vectors.below(SIZE)]!.vector;
    const question = Array.from(
      passage,
      (value, index) => value + (step / 150) * Math.sin(index * index + step),
    );
    const length = Math.hypot(...question);
    const expected = passages
      .map(({ id, vector }) => ({
        id,
        similarity: dot(vector, Float32Array.from(question)) / length,
      }))
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, 10);
    const { hits, completeness } = await search({ embedding: question });
    const ids = new Set(hits.map(({ chunk }) => chunk.id));
    found += expected.filter(({ id }) => ids.has(id)).length;
    seen.add(`${completeness.path} ${completeness.candidates}`);
  }
  expect(found).toBeGreaterThanOrEqual(396);
  return seen;
}

test('the less a question stands out, the more chunks are compared, up to all', async () => {
  expect(await askFainterAndFainter()).toEqual(
    new Set(['CODES 100', 'CODES 600', `EXACT ${SIZE}`]),
  );
});

test('where a filter leaves fewer chunks than may be compared, all of them are', async () => {
  const nothing = Array.from({ length: 1536 }, (_, index) => Math.sin(index * index));
  await gateway.db.asSuperuser(
    `update doc_chunks set chunk_metadata = '{"some": true}' where tenant_id = ? ` +
      'and chunk_index < 400',
    [tenant.id],
  );
  expect((await search({ embedding: nothing, metadata: { some: true } })).completeness).toEqual({
    returned: 10,
    exact: true,
    candidates: 400,
    path: 'CODES',
  });
});

describe.runIf(onPostgres)('with an index of its own', () => {
  beforeAll(() => tune());

  test('a tenant is searched by it once the gateway knows, and the nearest are found', async () => {
    expect((await search({ embedding: about() })).completeness.path).toBe('CODES');
    later(31_000);
    expect((await search({ embedding: about() })).completeness).toEqual({
      returned: 10,
      exact: false,
      candidates: 100,
      path: 'HNSW',
    });
    expect(
      await gateway.db.asSuperuser(
        `select reloptions from pg_class where relname = '${searchIndexName(tenant.id)}'`,
      ),
    ).toEqual([{ reloptions: ['m=16', 'ef_construction=128'] }]);
    expect(await recall(10, 'HNSW')).toBeGreaterThanOrEqual(0.99);
    expect(await recall(100, 'HNSW')).toBeGreaterThanOrEqual(0.99);
  });

  test('chunks stored after the index are found along it at once, deleted ones never', async () => {
    later(62_000);
    const [{ doc_id }] = (await gateway.db.asSuperuser<{ doc_id: string }>(
      'select doc_id from doc_chunks where tenant_id = ? limit 1',
      [tenant.id],
    )) as [{ doc_id: string }];
    const fresh = vectors.document(25);
    const question = Array.from(vectors.questionAbout(fresh[7]!));
    const nearest = (): Promise<string[]> =>
      gateway.db
        .asSuperuser<{ id: string }>(
          'select id from doc_chunks where tenant_id = ? ' +
            'order by embedding <=> ?::halfvec(1536), id limit 10',
          [tenant.id, JSON.stringify(question)],
        )
        .then(rows => rows.map(({ id }) => id));
    const idsOf = ({ hits }: Result): string[] => hits.map(({ chunk }) => chunk.id);
    const ids = await gateway.db.database.write('test', { role: 'weaver_operator' }, em =>
      storeChunks(
        em,
        { id: doc_id, tenantId: tenant.id },
        fresh.map((vector, n) => ({
          text: 'Fresh',
          chunkIndex: SIZE + n,
          embedding: Array.from(vector),
        })),
      ),
    );

    const found = await search({ embedding: question });
    expect(found.completeness).toMatchObject({ returned: 10, path: 'HNSW' });
    expect(idsOf(found)).toEqual(await nearest());
    expect(idsOf(found).every(id => ids.includes(id))).toBe(true);

    await gateway.db.asSuperuser('delete from doc_chunks where id = any(?)', [
      idsOf(found).slice(0, 5),
    ]);
    const less = await search({ embedding: question });
    expect(less.completeness).toMatchObject({ returned: 10, path: 'HNSW' });
    expect(idsOf(less)).toEqual(await nearest());
    expect(idsOf(less).slice(0, 5)).toEqual(idsOf(found).slice(5));
    await gateway.db.asSuperuser('delete from doc_chunks where id = any(?)', [ids]);
  });

  test('pages along it neither repeat nor skip', async () => {
    later(62_000);
    const question = about();
    const PAGE =
      'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { chunk { ' +
      'id } } completeness { path } pageInfo { endCursor } } }';
    const [found, paths]: [string[], string[]] = [[], []];
    for (let after: string | null = null; found.length < 200;) {
      const { searchChunks }: any = await client.data(PAGE, {
        input: { embedding: question, topK: found.length < 20 ? 5 : 60, after },
      });
      found.push(...searchChunks.hits.map((hit: any) => hit.chunk.id));
      paths.push(searchChunks.completeness.path);
      after = searchChunks.pageInfo.endCursor;
    }
    const expected = await gateway.db.asSuperuser<{ id: string }>(
      'select id from doc_chunks where tenant_id = ? ' +
        'order by embedding <=> ?::halfvec(1536), id limit 200',
      [tenant.id, JSON.stringify(question)],
    );
    expect(found).toEqual(expected.map(({ id }) => id));
    expect(paths.slice(0, 3)).toEqual(['HNSW', 'HNSW', 'HNSW']);
  });

  test('filtered searches go without it, as do those of other tenants', async () => {
    later(62_000);
    expect((await search({ embedding: about(), botId })).completeness.path).toBe('CODES');
    expect((await search({ embedding: about(), metadata: { a: 1 } })).completeness).toMatchObject({
      returned: 0,
      exact: true,
    });
    const stranger = gateway.client((await (await gateway.world.tenant()).key()).secret);
    const { searchChunks } = await stranger.data<{ searchChunks: Result }>(SEARCH, {
      input: { embedding: about() },
    });
    expect(searchChunks).toMatchObject({ hits: [], completeness: { exact: true, path: 'EXACT' } });
  });

  test('a question that resembles nothing is compared with everything', async () => {
    later(93_000);
    const nothing = Array.from({ length: 1536 }, (_, index) => Math.sin(index * index));
    expect((await search({ embedding: nothing })).completeness).toMatchObject({
      returned: 10,
      exact: true,
      candidates: SIZE,
      path: 'EXACT',
    });
  });

  test('settings of the search end with its transaction', async () => {
    const rows = await gateway.db.database
      .reads({ role: 'weaver_operator' })
      .query<{ value: string | null }>(
        statement('test', `select current_setting('hnsw.iterative_scan', true) as value`),
        [],
      );
    expect(rows[0]!.value || 'off').toBe('off');
  });

  test('an index that is not valid, or gone, is not used', async () => {
    const index = searchIndexName(tenant.id);
    await gateway.db.asSuperuser(
      `update pg_index set indisvalid = false where indexrelid = '${index}'::regclass`,
    );
    later(124_000);
    expect((await search({ embedding: about() })).completeness.path).toBe('CODES');
    await tune();
    later(155_000);
    expect((await search({ embedding: about() })).completeness.path).toBe('HNSW');
    await gateway.db.asSuperuser(`drop index ${index}`);
    // Not known yet: the statement goes without, and is right.
    const { hits, completeness } = await search({ embedding: about() });
    expect(completeness).toMatchObject({ returned: 10, path: 'HNSW' });
    expect(hits[0]!.chunk.id).toBe(passages[0]!.id);
    later(186_000);
    expect((await search({ embedding: about() })).completeness.path).toBe('CODES');
  });

  test('an index in building is not used, and chunks stored meanwhile are found', async () => {
    const writer = new PgClient({ connectionString: gateway.db.urls!.admin });
    await writer.connect();
    // The build waits for whoever was writing when it began.
    await writer.query(`begin; delete from doc_chunks where tenant_id = '${v7()}'`);
    const building = tune();
    try {
      await expect
        .poll(
          () =>
            gateway.db.asSuperuser(
              'select indisvalid from pg_index ' +
                `where indexrelid = to_regclass('${searchIndexName(tenant.id)}')`,
            ),
          { timeout: 60_000 },
        )
        .toEqual([{ indisvalid: false }]);
      later(217_000);
      expect((await search({ embedding: about() })).completeness).toMatchObject({
        returned: 10,
        path: 'CODES',
      });
      const [vector] = vectors.document(1) as [Float32Array];
      await gateway.db.asSuperuser(
        'insert into doc_chunks (tenant_id, doc_id, text, chunk_index, embedding) select ' +
          "tenant_id, doc_id, 'Meanwhile', ?, ?::halfvec(1536) from doc_chunks " +
          'where tenant_id = ? limit 1',
        [2 * SIZE, JSON.stringify(Array.from(vector)), tenant.id],
      );
      const meanwhile = async (): Promise<number> =>
        (await search({ embedding: Array.from(vector), topK: 1 })).hits[0]!.similarity;
      expect(await meanwhile()).toBeCloseTo(1, 3);
      await writer.query('commit');
      await building;
      later(248_000);
      expect((await search({ embedding: about() })).completeness.path).toBe('HNSW');
      expect(await meanwhile()).toBeCloseTo(1, 3);
    } finally {
      await writer.end();
      await building;
    }
  });

  test('the less a question stands out, the more is compared: graph, codes or chunks', async () => {
    later(250_000);
    expect(Array.from(await askFainterAndFainter())).toEqual(
      expect.arrayContaining(['HNSW 100', 'HNSW 300', 'CODES 600', `EXACT ${SIZE + 1}`]),
    );
  });

  test('a graph that finds fewer than it was asked for is not believed', async () => {
    await gateway.db.asSuperuser(
      'create table kept_vectors as select id, embedding from doc_chunks where tenant_id = ?',
      [tenant.id],
    );
    await gateway.db.asSuperuser(
      'update doc_chunks set embedding = null where tenant_id = ? and chunk_index >= 150',
      [tenant.id],
    );
    later(250_000);
    const { completeness, hits } = await search({ embedding: about() });
    expect(completeness).toMatchObject({ returned: 10, path: 'CODES' });
    expect(hits[0]!.chunk.id).toBe(passages[0]!.id);
    await gateway.db.asSuperuser(
      'update doc_chunks c set embedding = k.embedding from kept_vectors k ' +
        'where k.id = c.id and c.embedding is null',
    );
  });

  test('a tenant that has become small is searched exactly though its index stands', async () => {
    await tune();
    expect(
      await gateway.db.asSuperuser(
        `select to_regclass('${searchIndexName(tenant.id)}') is not null as stands`,
      ),
    ).toEqual([{ stands: true }]);
    await gateway.db.asSuperuser(
      'delete from doc_chunks where tenant_id = ? and chunk_index >= 500',
      [tenant.id],
    );
    later(279_000);
    expect((await search({ embedding: about() })).completeness).toMatchObject({
      returned: 10,
      exact: true,
      path: 'EXACT',
    });
  });
});

describe.runIf(onPostgres)('behind row-level security', () => {
  test.each(['wordFrequencies', 'searchChunks_words'])(
    '%s reads the index of words',
    async name => {
      const { text, parameters } = await sentStatement({ text: 'passage', mode: 'KEYWORD' }, name);
      const session = new PgClient({ connectionString: gateway.db.urls!.admin });
      await session.connect();
      try {
        await session.query('begin; set local enable_seqscan = off; set local role weaver_tenant');
        await session.query(`select set_config('app.tenant_id', $1, true)`, [parameters[0]]);
        const { rows } = await session.query<{ 'QUERY PLAN': string }>(
          `explain (costs off) ${text}`,
          [...parameters],
        );
        const plan = rows.map(row => row['QUERY PLAN']).join('\n');
        expect(plan).toMatch(/doc_chunks_words\n *Index Cond: .*search_vector @@/);
        expect(plan).not.toMatch(/Filter: .*search_vector @@/);
      } finally {
        await session.end();
      }
    },
  );
});

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { readConfig } from '../../../src/config.js';
import { Database } from '../../../src/db/database.js';
import { ENTITIES } from '../../../src/entities.js';
import { ClusteredVectors } from '../../support/clustered-vectors.js';
import { freshDatabase, weaver, type FreshDatabase } from '../../support/command.js';
import { fails, startOpenAiServer } from '../../support/openai-server.js';
import { World, type TenantWorld } from '../../support/world.js';

const SIZE = 1_200;
const vectors = new ClusteredVectors(20_261_125);
let fresh: FreshDatabase;
let tenant: TenantWorld;
let small: TenantWorld;
let empty: TenantWorld;
let asked: TenantWorld;

beforeAll(async () => {
  fresh = await freshDatabase({ migrated: true });
  const database = await Database.open(readConfig(fresh.env).database, ENTITIES);
  const world = new World(database);
  [tenant, small, empty, asked] = [
    await world.tenant({ name: 'Large' }),
    await world.tenant({ name: 'Small' }),
    await world.tenant({ name: 'Empty' }),
    await world.tenant({ name: 'Asked' }),
  ];
  const passagesOf = async (of: TenantWorld, count: number): Promise<void> => {
    const document = await (await of.bot()).document();
    await document.chunks(
      Array.from({ length: count / 20 }, () => vectors.document(20))
        .flat()
        .map((vector, chunkIndex) => ({
          text: 'Passage',
          chunkIndex,
          embedding: Array.from(vector),
        })),
    );
  };
  await passagesOf(tenant, SIZE);
  await passagesOf(small, 20);
  await (
    await small.bot()
  ).query({
    query_embedding: `[${Array.from(vectors.questionOnTopic(), value => value.toFixed(5)).join()}]`,
  });
  await passagesOf(asked, 20);
  for (const query of ['How long do refunds take?', 'And for tents?', 'And for tents?'])
    await (await asked.bot()).query({ query });
  await database.close();
}, 120_000);
afterAll(() => fresh.close());

const recall = (...args: string[]) => weaver(fresh.env, ['search', 'recall', ...args]);

describe('weaver search recall', () => {
  test('compares what stored vectors find on each path, and tells the depth to set', async () => {
    const { code, out } = await recall('--tenant', tenant.id, '--samples', '10', '--json');
    expect(code).toBe(0);
    const [report] = JSON.parse(out) as Record<string, any>[];
    expect(report).toMatchObject({
      tenantName: 'Large',
      tenantId: tenant.id,
      chunks: SIZE,
      topK: 10,
      samples: 10,
      source: 'chunks',
    });
    expect(report!.paths.map((path: { path: string }) => path.path)).toEqual(['codes', 'served']);
    expect(report!.paths[1].recall).toBeGreaterThanOrEqual(0.99);
    expect(report!.depthFor99).toBeGreaterThanOrEqual(10);
    expect(report!.depthFor99).toBeLessThan(SIZE);
  });

  test.runIf(inject('template').kind === 'postgres')(
    'tells the recall of the index where the tenant has one',
    async () => {
      await weaver({ ...fresh.env, WEAVER_SEARCH_INDEX_FROM: '1000' }, ['search', 'tune']);
      const { out } = await recall('--tenant', tenant.id, '--samples', '5', '--json');
      const [report] = JSON.parse(out) as Record<string, any>[];
      expect(report!.paths.map((path: { path: string }) => path.path)).toEqual([
        'codes',
        'hnsw',
        'served',
      ]);
      for (const path of report!.paths) expect(path.recall).toBeGreaterThan(0.9);
    },
  );

  test('takes logged queries where there are, and several tenants by name', async () => {
    const { code, out } = await recall('--tenant', 'Small', 'Empty', '--top-k', '5');
    expect(code).toBe(0);
    expect(out).toMatch(
      new RegExp(
        `^Small \\(${small.id}\\): 20 chunks, by 1 logged queries\n  path +recall@5 ` +
          '+uncertain +median ms\n  codes +1\\.0000 +0 % .*\n  served +1\\.0000 +0 % .*\n ' +
          ' 99 % of the nearest are among the \\d+ nearest by code\\.\nEmpty ' +
          `\\(${empty.id}\\): 0 chunks with vectors, too few to compare\\.$`,
      ),
    );
  });

  test('embeds queries that were logged without a vector, each text once', async () => {
    const { code, out } = await recall('--tenant', 'Asked', '--json');
    expect(code).toBe(0);
    expect((JSON.parse(out) as unknown[])[0]).toMatchObject({ source: 'queries', samples: 3 });
    const server = await startOpenAiServer({ dimensions: 64 });
    const env = {
      EMBEDDING_PROVIDER: 'openai',
      EMBEDDING_BASE_URL: server.baseUrl,
      EMBEDDING_MODEL: 'other',
      EMBEDDING_DIMENSIONS: '64',
    };
    const run = () => weaver({ ...fresh.env, ...env }, ['search', 'recall', '--tenant', 'Asked']);
    expect(await run()).toMatchObject({
      code: 0,
      out: expect.stringContaining('by 3 logged queries'),
    });
    expect(server.requests.map(({ body }) => body.input.toSorted())).toEqual([
      ['And for tents?', 'How long do refunds take?'],
    ]);
    server.always(fails(401));
    expect(await run()).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^The logged queries of Asked could not be embedded: .*status 401.*\.$/,
      ),
    });
    await server.close();
  });

  test('refuses what it cannot do', async () => {
    expect(await recall()).toMatchObject({
      code: 2,
      err: expect.stringContaining("required option '--tenant <tenant...>' not specified"),
    });
    expect(await recall('--tenant', 'Nobody')).toMatchObject({
      code: 1,
      err: expect.stringContaining('No tenant has the id or the exact name Nobody'),
    });
    expect(await recall('--tenant', 'Small', '--top-k', '101')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Give a whole number from 1 to 100.'),
    });
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/config.js';
import { Database } from '../../../src/db/database.js';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { fixedStatement } from '../../../src/db/statement.js';
import { HashingEmbedder } from '../../../src/embedders/hashing-embedder.js';
import { ENTITIES } from '../../../src/entities.js';
import { Commands, freshDatabase, weaver, type FreshDatabase } from '../../support/command.js';
import { joinPatterns } from '../../support/join-patterns.js';
import {
  answers,
  fails,
  stalls,
  startOpenAiServer,
  type OpenAiServer,
} from '../../support/openai-server.js';
import { World, type TenantWorld } from '../../support/world.js';

/** More than two pages. */
const SIZE = 600;
const WITHOUT = 3;
const commands = new Commands();
let fresh: FreshDatabase;
let server: OpenAiServer;
let large: TenantWorld;
let small: TenantWorld;

const inDatabase = async <T>(work: (database: Database) => Promise<T>): Promise<T> => {
  const database = await Database.open(readConfig(fresh.env).database, ENTITIES);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
};
/**
 * How like a chunk's vector is to what the built-in embedder makes of its context and its text;
 * null without a vector. In the order of ids.
 */
const likeness = (tenant: TenantWorld): Promise<(number | null)[]> =>
  inDatabase(async database => {
    const chunks = await database
      .reads(OPERATOR_SCOPE)
      .query<{ filename: string; text: string; vector: string | null }>(
        fixedStatement(
          'all',
          `select d.filename, c.text, c.embedding::text as vector
             from doc_chunks c join docs d on d.id = c.doc_id
            where c.tenant_id = $1 order by c.id`,
        ),
        [tenant.id],
      );
    const made = await new HashingEmbedder().embed(
      chunks.map(({ filename, text }) => `${filename}\n\n${text}`),
    );
    return chunks.map(({ vector }, index) =>
      vector === null
        ? null
        : (JSON.parse(vector) as number[]).reduce(
            (sum, value, place) => sum + value * made[index]![place]!,
            0,
          ),
    );
  });
const reembed = (args: string[], env: Record<string, string> = {}) =>
  weaver({ ...fresh.env, ...env }, ['search', 'reembed', ...args]);
const service = (): Record<string, string> => ({
  EMBEDDING_PROVIDER: 'openai',
  EMBEDDING_BASE_URL: server.baseUrl,
  EMBEDDING_MODEL: 'other',
  EMBEDDING_DIMENSIONS: '64',
});

beforeAll(async () => {
  server = await startOpenAiServer({ dimensions: 64 });
  fresh = await freshDatabase({ migrated: true });
  await inDatabase(async database => {
    const world = new World(database);
    [large, small] = [await world.tenant({ name: 'Large' }), await world.tenant({ name: 'Small' })];
    const foreign = Array.from({ length: 1536 }, (_, n) => Math.cos(n) / 28);
    const chunksOf = async (tenant: TenantWorld, count: number, end = ''): Promise<void> => {
      const document = await (await tenant.bot()).document({ filename: 'n.md' });
      await document.chunks(
        Array.from({ length: count }, (_, chunkIndex) => ({
          text: `passage number ${chunkIndex}${end}`,
          chunkIndex,
          embedding: chunkIndex >= WITHOUT ? foreign : null,
        })),
      );
    };
    await chunksOf(large, SIZE, ' of many');
    await chunksOf(small, 10);
  });
}, 120_000);
afterAll(async () => {
  await commands.close();
  await fresh.close();
  await server.close();
});
afterEach(() => server.always(answers()));

describe('weaver search reembed', () => {
  test('tells what it would do, and does nothing', async () => {
    const { code, out } = await reembed(['--all', '--dry-run']);
    expect(code).toBe(0);
    expect(out).toContain(`Large (${large.id}): would embed ${SIZE - WITHOUT} chunks, `);
    expect(out).toMatch(
      /Small \(\S+\): would embed 7 chunks, 154 characters, by weaver-hashing-2\./,
    );
    expect((await likeness(large)).filter(like => like !== null && like > 0.9)).toEqual([]);
  });

  test('embeds all stored texts of a tenant, but no others and none without a vector', async () => {
    const { code, out } = await reembed(['--tenant', 'Large']);
    expect(code).toBe(0);
    expect(out).toBe(`Large (${large.id}): embedded ${SIZE - WITHOUT} chunks by weaver-hashing-2.`);
    const likenesses = await likeness(large);
    expect(likenesses.filter(like => like === null)).toHaveLength(WITHOUT);
    expect(Math.min(...likenesses.filter(like => like !== null))).toBeGreaterThan(0.999);
    expect((await likeness(small)).filter(like => like !== null && like > 0.9)).toEqual([]);
  });

  test('embeds those without a vector where it is asked to, and then finds none', async () => {
    expect((await reembed(['--tenant', 'Small', '--missing'])).out).toContain(
      `embedded ${WITHOUT} chunks`,
    );
    expect((await likeness(small)).filter(like => like !== null && like > 0.999)).toHaveLength(
      WITHOUT,
    );
    expect((await reembed(['--tenant', 'Small', '--missing'])).out).toContain('embedded 0 chunks');
  });

  test('stops where the service fails, keeps what is done, and goes on from there', async () => {
    let asked = 0;
    server.always((request, response, options) => {
      asked += request.body.input.length;
      return (asked > 256 ? fails(401) : answers())(request, response, options);
    });
    const stopped = await reembed(['--tenant', 'Large'], service());
    expect(stopped.code).toBe(1);
    expect(stopped.err).toMatch(
      joinPatterns(
        /Large: 256 chunks were embedded\. .*status 401.* To continue, /m,
        /run the same command with --after \S+\/\S+$/,
      ),
    );
    const place = /--after (\S+)$/m.exec(stopped.err)![1]!;
    expect(place).toMatch(new RegExp(`^${large.id}/`));
    expect((await likeness(large)).filter(like => like !== null && like < 0.9)).toHaveLength(256);

    server.always(answers());
    server.requests.splice(0);
    const { code, out } = await reembed(['--all', '--after', place], service());
    expect(code).toBe(0);
    expect(out).toContain(`Large (${large.id}): embedded 341 chunks by other.`);
    // Of the others those that come after it.
    expect(out.includes('Small')).toBe(small.id > large.id);
    expect(
      server.requests
        .flatMap(request => request.body.input as string[])
        .filter(text => text.endsWith('many')),
    ).toHaveLength(341);
    expect((await likeness(large)).filter(like => like !== null && like > 0.9)).toEqual([]);
  });

  test('waits for a service that is busy', async () => {
    server.requests.splice(0);
    server.next(fails(429, { 'retry-after': '30' }));
    const begun = performance.now();
    // The service may be asked again after thirty seconds only, so that the time of a batch is over
    // at once.
    const running = commands.weaver(
      { ...fresh.env, ...service(), EMBEDDING_TIMEOUT_MS: '1000' },
      'search',
      'reembed',
      '--tenant',
      'Small',
    );
    await expect.poll(() => server.requests.length || running.err, { timeout: 20_000 }).toBe(1);
    await new Promise(resolve => setTimeout(resolve, 500));
    expect(running.child.exitCode).toBeNull();
    await running.end('SIGTERM');
    expect(running.err).toContain(
      'Small: 0 chunks were embedded. It was interrupted. To continue, run the ' +
        'same command with --after ',
    );
    expect(performance.now() - begun).toBeLessThan(25_000);
    server.next(fails(503), fails(503), fails(503));
    expect((await reembed(['--tenant', 'Small'], service())).out).toContain(
      'embedded 10 chunks by other',
    );
  });

  test('asks for nothing twice where a batch has to be tried again', async () => {
    server.requests.splice(0);
    server.next(answers(), fails(503), fails(503), fails(503));
    expect((await reembed(['--tenant', 'Large'], service())).out).toContain('embedded 597 chunks');
    const made = server.requests.map(request => request.body.input[0]);
    expect(made.filter(text => text === made[0])).toHaveLength(1);
    expect(made.filter(text => text === made[1])).toHaveLength(4);
  });

  test('says where to go on when it is interrupted, and keeps what is done', async () => {
    let asked = 0;
    server.always((request, response, options) => {
      asked += request.body.input.length;
      return (asked > 256 ? stalls() : answers())(request, response, options);
    });
    const running = commands.weaver(
      { ...fresh.env, ...service() },
      'search',
      'reembed',
      '--tenant',
      'Large',
    );
    await expect.poll(() => running.err || asked > 256, { timeout: 20_000 }).toBe(true);
    const { code } = await running.end('SIGINT');
    expect(code).toBe(130);
    const place = /^Large: 256 chunks were embedded\. It was interrupted\. .* --after (\S+)$/m.exec(
      running.err,
    )![1]!;
    server.always(answers());
    expect((await reembed(['--tenant', 'Large', '--after', place], service())).out).toContain(
      'embedded 341 chunks',
    );
  });

  test('names a chunk that the service cannot embed, and leaves it out on demand', async () => {
    const bad = 'n.md\n\npassage number 7';
    server.always((request, response, options) =>
      (request.body.input.includes(bad) ? fails(500) : answers())(request, response, options),
    );
    const ended = await reembed(['--tenant', 'Small'], service());
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toMatch(
      joinPatterns(
        /^Small: 0 chunks were embedded\. The embedding service cannot embed chunk \S+ of /m,
        /document \S+, whose text reads "passage number 7", while it embeds others: /m,
        /.*status 500.*\. With --skip, the command leaves such chunks without a vector\. To /m,
        /continue, run the same command with --after \S+\/\S+$/m,
      ),
    );
    const skipped = await reembed(['--tenant', 'Small', '--skip'], service());
    expect(skipped).toMatchObject({
      code: 0,
      out: `Small (${small.id}): embedded 9 chunks by other, left 1 without a vector.`,
      err: expect.stringMatching(
        /^Left without a vector: chunk \S+ of document \S+, whose text reads "passage /m,
      ),
    });
    expect((await likeness(small)).filter(like => like === null)).toHaveLength(1);
    server.always(answers());
    expect((await reembed(['--tenant', 'Small', '--missing'], service())).out).toContain(
      'embedded 1 chunks',
    );
  });

  test('refuses what it cannot do', async () => {
    expect(await reembed([])).toMatchObject({
      code: 2,
      err: expect.stringContaining("give '--tenant <tenant...>' or '--all'"),
    });
    expect(await reembed(['--all', '--tenant', 'Large'])).toMatchObject({ code: 2 });
    expect(await reembed(['--all', '--after', 'somewhere'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('two ids separated by a slash'),
    });
    expect(await reembed(['--tenant', 'Nobody'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('No tenant has the id or the exact name Nobody'),
    });
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client as PostgresClient } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KeyUsage } from '../../../src/api-keys/key-usage.js';
import { startGateway } from '../../../src/app.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client } from '../../support/client.js';
import { ClusteredVectors } from '../../support/clustered-vectors.js';
import { Commands, weaver } from '../../support/command.js';
import { testConfig } from '../../support/config.js';
import { startTestGateway, type TestGateway, type UserClient } from '../../support/gateway.js';
import { until } from '../../support/row-locks.js';
import { fill } from '../../support/large-tenant.js';
import { sessionStates, poolOf } from '../../support/session-state.js';
import { hasPooler, startPooler, type Pooler } from '../../support/pooler.js';
import type { TenantWorld } from '../../support/world.js';

const SEARCH =
  'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { chunk { id ' +
  '} } completeness { path exact } } }';
const LARGE = 1_600;
const FROM = { WEAVER_SEARCH_INDEX_FROM: '1500' };
const log = createLogger('silent');

describe.runIf(hasPooler)('through a pooler in transaction mode', () => {
  let pooler: Pooler;
  let gateway: TestGateway;
  let tenant: TenantWorld;
  let owner: UserClient;
  /** As an operator sets them, who heeds the documentation. */
  let env: Record<string, string>;

  beforeAll(async () => {
    pooler = await startPooler(2);
    gateway = await startTestGateway({ poolSize: 3, pooler });
    const { login, admin } = gateway.db.urls!;
    env = { DATABASE_URL: login, DATABASE_POOLER: 'transaction', WEAVER_MIGRATION_URL: admin };
    tenant = await gateway.world.tenant();
    owner = await gateway.user(tenant);
  });
  afterEach(async () => {
    for (const { left } of await sessionStates(await poolOf(gateway.db.database), pooler.size))
      assert.deepEqual(left, {});
  });
  afterAll(async () => {
    await gateway?.close();
    await pooler?.close();
  });

  test('keys, users and the operator sign in, and nobody else', async () => {
    const key = gateway.client((await tenant.key()).secret);
    const whoAmI = '{ viewer { kind } tenants { totalCount } }';
    expect(await key.data('{ viewer { kind } tenant { id } }')).toEqual({
      viewer: { kind: 'API_KEY' },
      tenant: { id: tenant.id },
    });
    expect(await owner.data('{ viewer { kind } tenant { id } }')).toEqual({
      viewer: { kind: 'USER' },
      tenant: { id: tenant.id },
    });
    expect(await gateway.operator.data(whoAmI)).toEqual({
      viewer: { kind: 'OPERATOR' },
      tenants: { totalCount: 1 },
    });
    expect(await gateway.client('wvr_wrong').query(whoAmI)).toMatchObject({ status: 401 });
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
  });

  test('searches go by every path, and the settings of each end with it', async () => {
    const vectors = new ClusteredVectors(20_261_125);
    const large = await gateway.world.tenant();
    const bot = await large.bot();
    const [first] = await fill(gateway.db, await bot.document(), vectors, LARGE);
    expect(await weaver({ ...env, ...FROM }, ['search', 'tune'])).toMatchObject({
      code: 0,
      out: expect.stringContaining(`Built the index of tenant ${large.id}`),
    });
    const client = gateway.client((await large.key()).secret);
    const embedding = Array.from(vectors.questionAbout(first!.vector));
    for (const [input, path] of [
      [{ exact: true }, 'EXACT'],
      [{ botId: bot.id }, 'CODES'],
      [{}, 'HNSW'],
    ] as const) {
      // More than once, so that statements would get names.
      for (let round = 0; round < 4; round += 1) {
        const { searchChunks } = await client.data(SEARCH, { input: { embedding, ...input } });
        expect(searchChunks.completeness.path).toBe(path);
        expect(searchChunks.hits[0].chunk.id).toBe(first!.id);
      }
    }
    const { searchChunks } = await client.data(SEARCH, {
      input: { text: 'passage', mode: 'KEYWORD' },
    });
    expect(searchChunks.hits).toHaveLength(10);
    expect(
      await weaver(env, ['search', 'recall', '--tenant', large.id, '--samples', '3']),
    ).toMatchObject({ code: 0, out: expect.stringContaining('hnsw') });
  });

  test('mutations are done as a whole or not at all, and noted in the audit log', async () => {
    const { createDocument } = await owner.data(
      'mutation ($input: CreateDocumentInput!) { createDocument(input: $input) { ' +
        'document { id updatedAt chunks { totalCount } } } }',
      {
        input: {
          filename: 'new.md',
          text: 'Tents are pitched on level ground.',
          idempotencyKey: 'once',
        },
      },
    );
    expect(createDocument.document.chunks.totalCount).toBe(1);
    expect((await owner.data(SEARCH, { input: { text: 'tents' } })).searchChunks.hits).toHaveLength(
      1,
    );
    const stale = await owner.query(
      'mutation ($input: UpdateDocumentInput!) { updateDocument(input: $input) { ' +
        'document { id } } }',
      {
        input: {
          id: createDocument.document.id,
          filename: 'other.md',
          updatedAt: '2020-01-01T00:00:00Z',
        },
      },
    );
    expect(stale.errors).toMatchObject([{ extensions: { code: 'CONFLICT' } }]);
    const taken = await owner.query(
      'mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id } } }',
      { input: { email: 'new@example.com', id: owner.id } },
    );
    expect(taken.errors).toMatchObject([{ extensions: { code: 'CONFLICT' } }]);
    await owner.data(
      'mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id } } }',
      { input: { email: 'new@example.com' } },
    );
    expect(
      await owner.data(
        '{ auditLog { nodes { action } } tenant { users { totalCount } } documents { ' +
          'nodes { filename } } }',
      ),
    ).toEqual({
      auditLog: { nodes: [{ action: 'createUser' }] },
      tenant: { users: { totalCount: 2 } },
      documents: { nodes: [{ filename: 'new.md' }] },
    });
    await owner.data(
      'mutation ($input: RecordBotQueryInput!) { recordBotQuery(input: $input) { ' +
        'botQuery { id } } }',
      { input: { query: 'Where?', answer: 'There.' } },
    );
    expect(await owner.data('{ botQueries { totalCount } }')).toEqual({
      botQueries: { totalCount: 1 },
    });
  });

  test('uses of keys are noted, and their requests counted', async () => {
    const { id, secret } = await tenant.key({ rate_limit_rpm: 2 });
    const answers = [];
    for (let count = 0; count < 6; count += 1)
      answers.push((await gateway.client(secret).query('{ viewer { kind } }')).status);
    // At most twice in a minute, and no more than two minutes meet here.
    expect(answers.filter(status => status === 200).length).toBeOneOf([2, 4]);
    expect(answers).toContain(429);
    const usage = new KeyUsage(gateway.db.database, log);
    usage.record(id, tenant.id);
    await usage.close();
    expect(
      await owner.data(`query ($id: ID!) { node(id: $id) { ... on ApiKey { lastUsedAt } } }`, {
        id,
      }),
    ).toEqual({ node: { lastUsedAt: expect.any(String) } });
  });

  test('operations keep to their time, in reads and in writes', async () => {
    const bot = await tenant.bot();
    const secret = (await tenant.key({ scopes: ['read', 'write'] })).secret;
    for (const [limit, message] of [
      [{ WEAVER_MAX_LOCK_MS: '50' }, /Another operation is changing/],
      [{ WEAVER_MAX_OPERATION_MS: '300' }, /took longer/],
    ] as const) {
      const bounded = await startGateway({
        config: testConfig(limit),
        database: gateway.db.database,
        log,
      });
      const client = new Client(bounded.url, secret);
      const locker = new PostgresClient({ connectionString: gateway.db.urls!.admin });
      await locker.connect();
      await locker.query('begin; lock table bots in access exclusive mode');
      const unavailable = { status: 503, errors: [{ message: expect.stringMatching(message) }] };
      expect(await client.query('{ bots { totalCount } }')).toMatchObject(unavailable);
      expect(
        await client.query(
          'mutation ($input: UpdateBotInput!) { updateBot(input: $input) { bot { name } } }',
          { input: { id: bot.id, name: 'Changed' } },
        ),
      ).toMatchObject(unavailable);
      await until(
        async () =>
          (
            await locker.query(
              'select from pg_stat_activity where datname = current_database() ' +
                "and wait_event_type = 'Lock'",
            )
          ).rowCount === 0,
      );
      await locker.end();
      expect(await client.data(`{ bot(id: "${bot.id}") { name } }`)).toEqual({
        bot: { name: 'Bot' },
      });
      await bounded.close();
    }
  });

  test('connections to the server that end are said to be unavailable, and replaced', async () => {
    const bots = '{ bots { totalCount } }';
    await owner.data(bots);
    await gateway.db.asSuperuser(
      'select pg_terminate_backend(pid) from pg_stat_activity ' +
        "where datname = current_database() and application_name = 'weaver'",
    );
    await until(async () => {
      const { status } = await owner.query(bots);
      expect(status).toBeOneOf([200, 503]);
      return status === 200;
    });
  });

  describe('commands', () => {
    test('that need no session of their own go through it', async () => {
      expect(await weaver(env, ['db', 'doctor'])).toMatchObject({ code: 0 });
      expect(await weaver(env, ['key', 'list', '--tenant', tenant.id])).toMatchObject({ code: 0 });
    });

    test('that do go to the server itself', async () => {
      for (const command of [
        ['db', 'up'],
        ['db', 'current'],
        ['search', 'tune', '--dry-run'],
      ])
        expect(await weaver(env, command), command.join(' ')).toMatchObject({ code: 0 });
    });

    test('that do are refused with DATABASE_URL alone, on both command lines', async () => {
      const { WEAVER_MIGRATION_URL: _, ...without } = env;
      for (const command of [
        ['db', 'up'],
        ['db', 'check'],
        ['search', 'tune'],
      ]) {
        expect(await weaver(without, command), command.join(' ')).toMatchObject({
          code: 1,
          err: expect.stringMatching(
            /leads to a pooler in transaction mode.*Set WEAVER_MIGRATION_URL/,
          ),
        });
      }
      const same = { ...env, WEAVER_MIGRATION_URL: env.DATABASE_URL! };
      expect(await weaver(same, ['db', 'up'])).toMatchObject({
        code: 1,
        err: expect.stringContaining('WEAVER_MIGRATION_URL is not set or has the same address'),
      });
      const commands = new Commands();
      expect(await commands.mikroOrm(without, 'migration:up').outcome()).toMatchObject({
        code: 1,
        err: expect.stringMatching(
          /leads to a pooler in transaction mode.*Set WEAVER_MIGRATION_URL/,
        ),
      });
      await commands.close();
    });

    test('that do find that both addresses lead through it, and leave no lock', async () => {
      const through = { ...env, DATABASE_POOLER: 'none', WEAVER_MIGRATION_URL: env.DATABASE_URL! };
      // As far as an owner gets.
      const { username } = new URL(env.DATABASE_URL!);
      await gateway.db.asSuperuser(`grant create on schema public to ${username}`);
      await gateway.db.asSuperuser(`grant all on mikro_orm_migrations to ${username}`);
      const file = join(mkdtempSync(join(tmpdir(), 'weaver-')), 'weaver.rows');
      expect(await weaver(env, ['db', 'backup', file, '--portable'])).toMatchObject({ code: 0 });
      for (const command of [
        ['db', 'up'],
        ['db', 'down'],
        ['db', 'stamp', 'head'],
        ['db', 'restore', file],
        ['search', 'tune'],
      ]) {
        expect(await weaver(through, command), command.join(' ')).toMatchObject({
          code: 1,
          err: expect.stringMatching(
            /leads to a pooler in transaction mode.*Set WEAVER_MIGRATION_URL/,
          ),
        });
      }
      rmSync(dirname(file), { recursive: true });
      expect(
        await gateway.db.asSuperuser(
          "select from pg_locks where locktype = 'advisory' and database = (select oid " +
            'from pg_database where datname = current_database())',
        ),
      ).toEqual([]);
    });
  });
});

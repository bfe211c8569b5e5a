import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { startGateway } from '../../../src/app.js';
import { Database } from '../../../src/db/database.js';
import { ENTITIES } from '../../../src/entities.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client } from '../../support/client.js';
import { freshDatabase, weaver } from '../../support/command.js';
import { OPERATOR_TOKEN, testConfig } from '../../support/config.js';
import {
  BOTLESS,
  CHUNK,
  DOC,
  KEY,
  NIL,
  QUERY,
  REVISIONS,
  TIDY,
  UNTIDY,
  USER,
  vectorOf,
} from '../../support/legacy-database.js';
import { LegacyDatabase, withoutLegacyObjects } from '../../support/legacy-server.js';
import { postgresAt } from '../../support/postgres-at.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const onPostgres = inject('template').kind === 'postgres';
const HEAD = JSON.parse(
  readFileSync(join(import.meta.dirname, '../migrations/catalogue.snapshot.json'), 'utf8'),
) as unknown;
type Rows = Record<string, Record<string, any>[]>;

test.runIf(!onPostgres)('an embedded database is never an older one', async () => {
  const fresh = await freshDatabase({ migrated: true });
  try {
    expect(await weaver(fresh.env, ['db', 'adopt', '--yes'])).toEqual({
      code: 1,
      out: '',
      err:
        'The embedded database cannot come from an older Weaver: there is nothing to adopt. ' +
        'Name the PostgreSQL of the older Weaver in DATABASE_URL.',
    });
  } finally {
    await fresh.close();
  }
});

/** In another form, or what the database makes of other values. */
const RECOMPUTED = new Set(['embedding', 'query_embedding', 'search_vector', 'storage_used_bytes']);
const NEAREST =
  'select id, round((1 - (embedding <=> $1::vector))::numeric, 3) as similarity ' +
  'from doc_chunks where tenant_id = $2 order by embedding <=> $1::vector limit 8';

describe.runIf(onPostgres).each(REVISIONS)('revision %s', revision => {
  let legacy: LegacyDatabase;
  let before: Rows;
  let after: Rows;
  let nearestBefore: unknown[];
  const users = revision === '001' ? 'users' : 'profiles';
  const row = (rows: Rows, table: string, id: string): Record<string, any> =>
    rows[table]!.find(found => found.id === id)!;

  beforeAll(async () => {
    legacy = await LegacyDatabase.make(revision);
    before = await legacy.rows();
    nearestBefore = await legacy.sql(NEAREST, [vectorOf(2), TIDY]);
  });
  afterAll(() => legacy.close());

  test('a dry run, and a run without --yes, print the plan and change nothing', async () => {
    const catalogue = await legacy.catalogue();
    const dry = await legacy.adopt('--dry-run');
    expect(dry).toMatchObject({
      code: 0,
      err: expect.stringContaining('This was a dry run: nothing was changed.'),
    });
    expect(dry.out).toContain(`Adopting revision ${revision}.\n`);
    expect(dry.out).toMatch(/^ {2}doc_chunks +24 rows, /m);
    expect(dry.out).toContain(
      'docs.status: an unknown status becomes "failed", and error_message says which it ' +
        'was (1 row)',
    );
    expect(dry.out).toContain('1 tenant without a bot gets one');
    expect(await legacy.adopt()).toMatchObject({
      code: 1,
      out: dry.out,
      err: expect.stringContaining('Nothing was changed. Add --yes to go ahead.'),
    });
    expect(await legacy.catalogue()).toEqual(catalogue);
    expect(await legacy.rows()).toEqual(before);
  });

  test('comes to the schema that an empty database gets', async () => {
    expect(await legacy.adopt('--yes')).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        new RegExp(`\\nAdopted revision ${revision} in [\\d.]+ s\\. Every row arrived`),
      ),
    });
    expect(withoutLegacyObjects(await legacy.catalogue())).toEqual(HEAD);
    const pending = await weaver({ DATABASE_URL: legacy.owner }, ['db', 'status', '--json']);
    expect(JSON.parse(pending.out)).toMatchObject({ pending: [], unknown: [] });
    after = await legacy.rows();
  });

  test('the entities find nothing to change', async () => {
    const database = await Database.open(
      postgresAt(legacy.admin, { poolSize: 1 }),
      ENTITIES,
      'migrate',
    );
    try {
      expect(await database.orm.schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
    } finally {
      await database.close();
    }
  });

  test('every row is there, and the older tables are as they were', async () => {
    for (const table of [
      'tenants',
      users,
      'bots',
      'docs',
      'doc_chunks',
      'api_keys',
      'bot_queries',
      'alembic_version',
    ])
      expect(after[`weaver_legacy_${table}`], table).toEqual(before[table]);
    const ids = (rows: Record<string, any>[]): string[] =>
      rows.map(({ id }) => id as string).toSorted();
    for (const table of ['tenants', 'docs', 'doc_chunks', 'api_keys', 'bot_queries'])
      expect(ids(after[table]!), table).toEqual(ids(before[table]!));
    expect(ids(after.profiles!)).toEqual(ids(before[users]!));
    expect(after.bots).toHaveLength(before.bots!.length + 1);
  });

  test('every chunk has its words, and those of the name of its file', async () => {
    expect(
      await legacy.sql(
        `select c.id from doc_chunks c join docs d on d.id = c.doc_id
          where c.context is distinct from d.filename
             or c.search_vector is distinct from weaver_words(c.text) ||
                  setweight(weaver_words(d.filename), 'C')`,
      ),
    ).toEqual([]);
    expect(row(after, 'doc_chunks', CHUNK(1)).search_vector).not.toBe('');
  });

  test('what was right is the same to the microsecond', () => {
    for (const [table, id] of [
      ['tenants', TIDY],
      ['docs', DOC(0)],
      ['docs', DOC(3)],
      ['doc_chunks', CHUNK(1)],
      ['api_keys', KEY(0)],
      ['bot_queries', QUERY(0)],
    ] as const) {
      const values = Object.entries(row(before, table, id)).filter(
        ([column]) => !RECOMPUTED.has(column),
      );
      expect(row(after, table, id), table).toMatchObject(Object.fromEntries(values));
    }
    expect(row(after, 'profiles', USER(1))).toEqual(row(before, users, USER(1)));
    expect(row(after, 'api_keys', KEY(0))).toMatchObject({
      key_prefix: null,
      scopes: ['read', 'write', 'search', 'ask'],
      expires_at: null,
    });
  });

  test('what was not right is mended, and the change is noted', () => {
    expect(row(after, 'tenants', UNTIDY)).toMatchObject({
      plan_tier: 'free',
      storage_used_bytes: expect.any(Number),
    });
    expect(row(after, 'tenants', BOTLESS)).toMatchObject({
      name: 'Unnamed tenant',
      plan_tier: 'free',
    });
    for (const { id, storage_used_bytes } of after.tenants!) {
      expect(storage_used_bytes).toBe(
        after
          .docs!.filter(doc => doc.tenant_id === id)
          .reduce((sum, doc) => sum + doc.size_bytes, 0),
      );
    }
    expect([USER(2), USER(3)].map(id => row(after, 'profiles', id).role)).toEqual([
      'member',
      'member',
    ]);
    expect(row(after, 'docs', DOC(4))).toMatchObject({
      status: 'failed',
      error_message: 'It was old.\nStatus before the adoption: archived',
      size_bytes: 0,
    });
    expect(row(after, 'docs', DOC(5))).toMatchObject({ status: 'pending', filename: 'unnamed' });
    expect(row(after, 'doc_chunks', CHUNK(4)).chunk_index).toBe(0);
    expect(row(after, 'doc_chunks', CHUNK(3)).page_num).toBeNull();
    expect([8, 9].map(number => row(after, 'doc_chunks', CHUNK(number)).chunk_metadata)).toEqual([
      {},
      { value: 'text' },
    ]);
    expect(row(after, 'api_keys', KEY(1))).toMatchObject({
      name: 'Unnamed key',
      rate_limit_rpm: 60,
      revoked: false,
    });
    expect(row(after, 'api_keys', KEY(2))).toMatchObject({
      name: 'Unnamed key',
      rate_limit_rpm: 1,
      revoked: true,
    });
    expect(row(after, 'bot_queries', QUERY(1)).api_key_id).toBeNull();
    expect(row(after, 'bot_queries', QUERY(2)).latency_ms).toBeNull();
    expect(row(after, 'bot_queries', QUERY(3))).toMatchObject({
      confidence: null,
      sources: [{ doc: 1 }],
    });
    expect(row(after, 'bot_queries', QUERY(4))).toMatchObject({ confidence: null, sources: [] });
    expect(after.weaver_legacy_changes).toContainEqual({
      table_name: 'docs',
      id: DOC(4),
      column_name: 'status',
      why: 'an unknown status becomes "failed", and error_message says which it was',
    });
  });

  test('each tenant has one bot with an id of its own, and each row belongs to it', () => {
    const ids = [
      'tenants',
      'profiles',
      'bots',
      'docs',
      'doc_chunks',
      'api_keys',
      'bot_queries',
    ].flatMap(table => after[table]!.map(found => found.id as string));
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id } of after.tenants!) {
      const bots = after.bots!.filter(bot => bot.tenant_id === id);
      expect(bots).toHaveLength(1);
      for (const table of ['docs', 'doc_chunks', 'bot_queries'])
        for (const found of after[table]!)
          if (found.tenant_id === id) expect(found.bot_id).toBe(bots[0]!.id);
    }
    expect(after.bots!.find(bot => bot.tenant_id === UNTIDY)).toMatchObject({
      name: `${'n'.repeat(251)} Bot`,
      config_json: { value: ['not', 'an object'] },
    });
    expect(after.bots!.find(bot => bot.tenant_id === BOTLESS)).toMatchObject({
      name: 'Unnamed tenant Bot',
    });
    if (revision >= '005')
      expect(after.bots!.find(bot => bot.tenant_id === NIL)).toMatchObject({
        id: '00000000-0000-0000-0000-000000000001',
      });
  });

  test('vectors are as near to each other as before', async () => {
    expect(await legacy.sql(NEAREST, [vectorOf(2), TIDY])).toEqual(nearestBefore);
    const [counts] = await legacy.sql(
      'select count(embedding)::int as now, (select count(embedding)::int ' +
        'from weaver_legacy_doc_chunks) as before from doc_chunks',
    );
    expect(counts).toEqual({ now: 21, before: 21 });
    if (revision >= '007')
      expect(
        await legacy.sql(
          'select 1 - (query_embedding <=> $1::vector) > 0.9999 as same from bot_queries ' +
            'where query_embedding is not null',
          [vectorOf(100)],
        ),
      ).toEqual([{ same: true }]);
  });

  test('the checks of an operator find nothing wrong', async () => {
    const { out, code } = await weaver({ DATABASE_URL: legacy.admin }, ['db', 'doctor']);
    expect(out.split('\n').filter(line => line.startsWith('fail'))).toEqual([]);
    expect(out).not.toContain('weaver_legacy');
    expect(code).toBe(0);
  });

  test('everything can be read through GraphQL', async () => {
    const database = await Database.open(postgresAt(legacy.admin, { poolSize: 3 }), ENTITIES);
    const gateway = await startGateway({
      config: testConfig(),
      database,
      log: createLogger('silent'),
    });
    try {
      const { tenants } = await new Client(gateway.url, OPERATOR_TOKEN)
        .data<any>(`{ tenants(first: 10) { nodes {
        id name planTier storageUsedBytes createdAt updatedAt
        users(first: 30) { nodes { id email role createdAt } }
        bots(first: 30) { nodes { id name config createdAt } }
        documents(first: 30) { nodes { id filename sourceUri sizeBytes status errorMessage tags
          createdAt chunks(first: 30)
            { nodes { id text chunkIndex pageNum metadata hasEmbedding createdAt } } } }
        apiKeys(first: 30) { nodes { id name scopes rateLimitRpm revoked lastUsedAt createdAt } }
        botQueries(first: 30) { nodes { id query answer confidence latencyMs sources apiKey { id }
          bot { id } createdAt } }
      } } }`);
      const all = (field: string): string[] =>
        tenants.nodes
          .flatMap((tenant: any) => tenant[field].nodes.map(({ id }: { id: string }) => id))
          .toSorted();
      const stored = (table: string): string[] =>
        after[table]!.map(({ id }) => id as string).toSorted();
      expect(tenants.nodes.map(({ id }: { id: string }) => id).toSorted()).toEqual(
        stored('tenants'),
      );
      for (const [field, table] of Object.entries({
        users: 'profiles',
        bots: 'bots',
        documents: 'docs',
        apiKeys: 'api_keys',
        botQueries: 'bot_queries',
      }))
        expect(all(field), field).toEqual(stored(table));
      const chunks = tenants.nodes.flatMap((tenant: any) =>
        tenant.documents.nodes.flatMap((document: any) =>
          document.chunks.nodes.map(({ id }: { id: string }) => id),
        ),
      );
      expect(chunks.toSorted()).toEqual(stored('doc_chunks'));
      const tags = tenants.nodes.flatMap((tenant: any) =>
        tenant.documents.nodes.flatMap((document: any) => document.tags),
      );
      expect(tags).toEqual([]);
      // A tenant of the nil UUID is a tenant like any other: whoever is nobody sees nothing of it.
      expect(
        (await new Client(gateway.url).query('{ tenants { nodes { id } } }')).errors![0]!.extensions
          .code,
      ).toBe('UNAUTHENTICATED');
    } finally {
      await gateway.close();
      await database.close();
    }
  });

  test('a second adoption does nothing', async () => {
    for (const args of [['--yes'], ['--dry-run'], []])
      expect(await legacy.adopt(...args)).toMatchObject({
        code: 0,
        out: expect.stringMatching(
          new RegExp(
            `^This database was adopted from revision ${revision} at .* UTC: nothing to do\\.$`,
          ),
        ),
      });
    expect(await legacy.rows()).toEqual(after);
  });

  test('that all of it was read is no reason against an undo', async () => {
    expect(await legacy.adopt('--undo', '--yes')).toMatchObject({ code: 0 });
    expect(await legacy.rows()).toEqual(before);
  });
});

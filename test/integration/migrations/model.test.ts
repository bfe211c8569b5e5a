import { Client } from 'pg';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { World, type TenantWorld } from '../../support/world.js';

/** What the database itself promises to any writer, whatever its program. */
const onPostgres = inject('template').kind === 'postgres';
const NUMBERS = Array.from({ length: 1536 }, (_, index) => (index % 3 === 0 ? 1 : -0.5));
const VECTOR = `[${NUMBERS.join()}]`;
const CHECK = '23514';
const FOREIGN_KEY = '23503';
const NOT_NULL = '23502';
const UNIQUE = '23505';

let db: TestDatabase;
let world: World;
let tenant: TenantWorld;
let stranger: TenantWorld;

beforeAll(async () => {
  db = await openTestDatabase();
  world = new World(db.database);
  tenant = await world.tenant({ name: 'Mine' });
  stranger = await world.tenant({ name: 'Stranger' });
});
afterAll(() => db.close());

/** What PostgreSQL refused a statement with. */
async function refusal(
  sql: string,
  parameters: unknown[] = [],
): Promise<{ code: string; constraint?: string }> {
  try {
    await db.asSuperuser(sql, parameters);
  } catch (error) {
    const { code, constraint } = error as { code: string; constraint?: string };
    return { code, ...(constraint !== undefined && { constraint }) };
  }
  throw new Error(`Nothing was refused: ${sql}`);
}

const one = async <R = Record<string, unknown>>(
  sql: string,
  parameters: unknown[] = [],
): Promise<R> => (await db.asSuperuser<R>(sql, parameters))[0]!;
const botsOf = (id: string): Promise<{ id: string; name: string }[]> =>
  db.asSuperuser('select id, name from bots where tenant_id = ? order by created_at, id', [id]);

describe('a tenant', () => {
  test('is born with a bot that bears its name', async () => {
    const { id } = await world.tenant({ name: 'Acme' });
    expect((await botsOf(id)).map(bot => bot.name)).toEqual(['Acme Bot']);
  });

  test("of the longest name is made: its bot's name is cut to 251 characters", async () => {
    const { id } = await world.tenant({ name: 'é'.repeat(255) });
    expect((await botsOf(id)).map(bot => bot.name)).toEqual([`${'é'.repeat(251)} Bot`]);
  });

  test('takes all that is its own along, the last bot too', async () => {
    const gone = await world.tenant();
    const bot = await gone.bot();
    const document = await bot.document();
    await document.texts(2);
    await gone.user();
    await gone.key();
    await bot.query();
    await db.asSuperuser('delete from tenants where id = ?', [gone.id]);
    for (const table of ['profiles', 'bots', 'docs', 'doc_chunks', 'api_keys', 'bot_queries']) {
      expect(
        await one(`select count(*)::int as rows from ${table} where tenant_id = ?`, [gone.id]),
        table,
      ).toEqual({ rows: 0 });
    }
  });
});

describe('the last bot', () => {
  test('cannot be deleted, while others can', async () => {
    const { id } = await world.tenant();
    const [born] = await botsOf(id);
    const second = await world.insert('bots', { tenant_id: id, name: 'Second' });
    await db.asSuperuser('delete from bots where id = ?', [born!.id]);
    expect(await refusal('delete from bots where id = ?', [second])).toEqual({
      code: CHECK,
      constraint: 'bots_keep_last',
    });
    expect((await botsOf(id)).map(bot => bot.name)).toEqual(['Second']);
  });

  test('stays when one statement deletes all bots', async () => {
    const { id } = await world.tenant();
    await world.insert('bots', { tenant_id: id, name: 'Second' });
    expect(await refusal('delete from bots where tenant_id = ?', [id])).toEqual({
      code: CHECK,
      constraint: 'bots_keep_last',
    });
    expect(await botsOf(id)).toHaveLength(2);
  });

  test.runIf(onPostgres).each(['read committed', 'repeatable read', 'serializable'])(
    'stays when two transactions (%s) delete one of two bots each',
    async isolation => {
      const { id } = await world.tenant();
      await world.insert('bots', { tenant_id: id, name: 'Second' });
      const bots = await botsOf(id);
      const clients = await Promise.all(
        bots.map(async () => {
          const client = new Client({ connectionString: db.urls!.admin });
          await client.connect();
          await client.query(`begin isolation level ${isolation}`);
          // The snapshot is taken before either deletes.
          await client.query('select count(*) from bots');
          return client;
        }),
      );
      try {
        await clients[0]!.query('delete from bots where id = $1', [bots[0]!.id]);
        const second = clients[1]!
          .query('delete from bots where id = $1', [bots[1]!.id])
          .then(() => clients[1]!.query('commit'));
        second.catch(() => {});
        await clients[0]!.query('commit');
        await expect(second).rejects.toMatchObject({
          code: expect.stringMatching(isolation === 'read committed' ? /^23514$/ : /^40001$/),
        });
      } finally {
        await Promise.all(clients.map(client => client.end()));
      }
      expect(await botsOf(id)).toHaveLength(1);
    },
  );
});

describe('programs that know nothing of bot_id', () => {
  test("write a document, and it gets the tenant's oldest bot", async () => {
    const owner = await world.tenant();
    await owner.bot({ created_at: '2020-01-01', name: 'Oldest' });
    const document = await world.insert('docs', {
      tenant_id: owner.id,
      filename: 'a.md',
      size_bytes: 1,
    });
    expect(
      await one('select b.name from docs d join bots b on b.id = d.bot_id where d.id = ?', [
        document,
      ]),
    ).toEqual({ name: 'Oldest' });
  });

  test("write a chunk, and it gets its document's bot", async () => {
    const bot = await tenant.bot();
    const document = await bot.document();
    const chunk = await world.insert('doc_chunks', {
      tenant_id: tenant.id,
      doc_id: document.id,
      text: 'Hello',
      chunk_index: 0,
    });
    expect(await one('select bot_id from doc_chunks where id = ?', [chunk])).toEqual({
      bot_id: bot.id,
    });
  });

  test("log a query, and it gets the tenant's oldest bot", async () => {
    const owner = await world.tenant();
    await owner.bot({ created_at: '2020-01-01', name: 'Oldest' });
    const query = await world.insert('bot_queries', {
      tenant_id: owner.id,
      query: 'What?',
      answer: 'That.',
    });
    expect(
      await one('select b.name from bot_queries q join bots b on b.id = q.bot_id where q.id = ?', [
        query,
      ]),
    ).toEqual({ name: 'Oldest' });
  });

  test('cannot write a chunk of a document that is not there, or not theirs', async () => {
    const foreign = await (await stranger.bot()).document();
    for (const document of [v7(), foreign.id]) {
      const { code } = await refusal(
        `insert into doc_chunks (tenant_id, doc_id, text, chunk_index) values (?, ?, 'x', 0)`,
        [tenant.id, document],
      );
      expect(code).toBe(NOT_NULL);
    }
  });
});

describe('foreign keys', () => {
  test('refuse children of another tenant, even of the superuser', async () => {
    const foreignBot = await stranger.bot();
    const foreignDocument = await foreignBot.document();
    const foreignKey = await stranger.key();
    const bot = await tenant.bot();
    const refusals = [
      await refusal(
        `insert into docs (tenant_id, bot_id, filename, size_bytes) values (?, ?, 'x', 0)`,
        [tenant.id, foreignBot.id],
      ),
      await refusal(
        'insert into doc_chunks (tenant_id, bot_id, doc_id, text, chunk_index) ' +
          "values (?, ?, ?, 'x', 0)",
        [tenant.id, foreignBot.id, foreignDocument.id],
      ),
      await refusal(
        'insert into doc_chunks (tenant_id, bot_id, doc_id, text, chunk_index) ' +
          "values (?, ?, ?, 'x', 0)",
        [tenant.id, bot.id, foreignDocument.id],
      ),
      await refusal(
        `insert into bot_queries (tenant_id, bot_id, query, answer) values (?, ?, 'x', 'y')`,
        [tenant.id, foreignBot.id],
      ),
      await refusal(
        'insert into bot_queries (tenant_id, bot_id, api_key_id, query, answer) ' +
          "values (?, ?, ?, 'x', 'y')",
        [tenant.id, bot.id, foreignKey.id],
      ),
    ];
    expect(refusals).toEqual(
      [
        'docs_bot_fk',
        'doc_chunks_document_fk',
        'doc_chunks_document_fk',
        'bot_queries_bot_fk',
        'bot_queries_api_key_fk',
      ].map(constraint => ({ code: FOREIGN_KEY, constraint })),
    );
  });

  test('do not let a row move to another tenant with its children', async () => {
    const bot = await tenant.bot();
    await bot.document();
    expect(
      (await refusal('update bots set tenant_id = ? where id = ?', [stranger.id, bot.id])).code,
    ).toBe(FOREIGN_KEY);
  });

  test("of chunks follow their document to another bot, as the tenant's own role", async () => {
    const [from, to] = [await tenant.bot(), await tenant.bot()];
    const document = await from.document();
    const [chunk] = await document.texts(1);
    await db.database.write('test', { role: 'weaver_tenant', tenantId: tenant.id }, em =>
      em.execute('update docs set bot_id = ? where id = ?', [to.id, document.id]),
    );
    expect(await one('select bot_id from doc_chunks where id = ?', [chunk])).toEqual({
      bot_id: to.id,
    });
  });

  test("of the log keep a deleted key's queries: the key alone becomes null", async () => {
    const bot = await tenant.bot();
    const key = await tenant.key();
    const query = await bot.query({ api_key_id: key.id });
    await db.asSuperuser('delete from api_keys where id = ?', [key.id]);
    expect(
      await one('select tenant_id, bot_id, api_key_id, query from bot_queries where id = ?', [
        query,
      ]),
    ).toEqual({ tenant_id: tenant.id, bot_id: bot.id, api_key_id: null, query: 'What?' });
  });
});

describe('times', () => {
  const later = (id: string): Promise<{ updated: string }> =>
    one(`update bots set name = name || '.' where id = ? returning updated_at::text as updated`, [
      id,
    ]);

  test('updated_at never stands still, not even within a transaction or statement', async () => {
    const bot = await tenant.bot({ name: 'Clock' });
    const times: string[] = [];
    await db.database.write('test', { role: 'weaver_operator' }, async em => {
      for (let round = 0; round < 20; round += 1) {
        const [row] = await em.execute<{ updated: string }[]>(
          "update bots set name = name || '.' where id = ? " +
            "returning to_char(updated_at, 'YYYY-MM-DD HH24:MI:SS.US') as updated",
          [bot.id],
        );
        times.push(row!.updated);
      }
    });
    expect(new Set(times).size).toBe(20);
    expect(times).toEqual(times.toSorted());
  });

  test('updated_at goes on from where it was when the clock was set back', async () => {
    const bot = await tenant.bot();
    await db.asSuperuser('alter table bots disable trigger bots_touch_updated_at');
    await db.asSuperuser(`update bots set updated_at = '2099-01-01 00:00:00+00' where id = ?`, [
      bot.id,
    ]);
    await db.asSuperuser('alter table bots enable trigger bots_touch_updated_at');
    await later(bot.id);
    expect(
      await one(
        "select updated_at = '2099-01-01 00:00:00.000001+00'::timestamptz as next " +
          'from bots where id = ?',
        [bot.id],
      ),
    ).toEqual({ next: true });
  });

  test('nobody writes updated_at but the database', async () => {
    const bot = await tenant.bot();
    await db.asSuperuser(`update bots set updated_at = '2000-01-01' where id = ?`, [bot.id]);
    expect(
      await one(`select updated_at > now() - interval '1 hour' as recent from bots where id = ?`, [
        bot.id,
      ]),
    ).toEqual({ recent: true });
  });

  test.each(['tenants', 'profiles', 'bots', 'docs', 'api_keys'])(
    '%s are touched by an update that changes nothing else',
    async table => {
      const owner = await world.tenant();
      const bot = await owner.bot();
      const id = {
        tenants: owner.id,
        bots: bot.id,
        profiles: await owner.user(),
        docs: (await bot.document()).id,
        api_keys: (await owner.key()).id,
      }[table]!;
      const [before, after] = [
        await one(`select updated_at::text as t from ${table} where id = ?`, [id]),
        await one(`update ${table} set id = id where id = ? returning updated_at::text as t`, [id]),
      ];
      expect(after).not.toEqual(before);
    },
  );
});

describe('a use of a key', () => {
  test('is no change of it', async () => {
    const { id } = await tenant.key();
    const { before } = await one<{ before: string }>(
      'select updated_at::text as before from api_keys where id = ?',
      [id],
    );
    expect(
      await one(
        'update api_keys set last_used_at = now() where id = ? returning updated_at::text as after',
        [id],
      ),
    ).toEqual({ after: before });
  });
});

describe('the last owner', () => {
  const owners = async (id: string, count: number): Promise<string[]> =>
    Promise.all(
      Array.from({ length: count }, () =>
        world.insert('profiles', { tenant_id: id, email: `${v7()}@example.com`, role: 'owner' }),
      ),
    );
  const KEPT = { code: CHECK, constraint: 'profiles_keep_last_owner' };

  test('cannot be deleted, made something else or moved away, while others can', async () => {
    const { id } = await world.tenant();
    const [first, second] = await owners(id, 2);
    await world.insert('profiles', { tenant_id: id, email: `${v7()}@example.com`, role: 'admin' });
    await db.asSuperuser(`update profiles set role = 'member' where id = ?`, [first]);
    for (const [sql, parameters] of [
      ['delete from profiles where id = ?', [second]],
      [`update profiles set role = 'admin' where id = ?`, [second]],
      ['update profiles set tenant_id = ? where id = ?', [stranger.id, second]],
      ['delete from profiles where tenant_id = ?', [id]],
    ] as const)
      expect(await refusal(sql, [...parameters]), sql).toEqual(KEPT);
    await db.asSuperuser(`update profiles set email = 'new@example.com' where id = ?`, [second]);
    await db.asSuperuser('delete from profiles where id = ?', [first]);
  });

  test('goes with the tenant', async () => {
    const { id } = await world.tenant();
    await owners(id, 2);
    await db.asSuperuser('delete from tenants where id = ?', [id]);
    expect(
      await one('select count(*)::int as left from profiles where tenant_id = ?', [id]),
    ).toEqual({ left: 0 });
  });

  test('is not asked for where there never was one', async () => {
    const owner = await world.tenant();
    const id = await owner.user({ role: 'admin' });
    await db.asSuperuser(`update profiles set role = 'member' where id = ?`, [id]);
    await db.asSuperuser('delete from profiles where id = ?', [id]);
  });

  test.runIf(onPostgres).each([
    ['read committed', 'delete from profiles where id = $1'],
    ['read committed', `update profiles set role = 'member' where id = $1`],
    ['repeatable read', 'delete from profiles where id = $1'],
    ['repeatable read', `update profiles set role = 'member' where id = $1`],
  ])('stays when two transactions (%s) each do this to one of two: %s', async (isolation, sql) => {
    const { id } = await world.tenant();
    const both = await owners(id, 2);
    const clients = await Promise.all(
      both.map(async () => {
        const client = new Client({ connectionString: db.urls!.admin });
        await client.connect();
        await client.query(`begin isolation level ${isolation}`);
        // The snapshot is taken before either changes anything.
        await client.query('select count(*) from profiles');
        return client;
      }),
    );
    try {
      await clients[0]!.query(sql, [both[0]]);
      const second = clients[1]!.query(sql, [both[1]]).then(() => clients[1]!.query('commit'));
      second.catch(() => {});
      await clients[0]!.query('commit');
      await expect(second).rejects.toMatchObject({
        code: isolation === 'read committed' ? CHECK : '40001',
      });
    } finally {
      await Promise.all(clients.map(client => client.end()));
    }
    expect(
      await one(
        `select count(*)::int as owners from profiles where tenant_id = ? and role = 'owner'`,
        [id],
      ),
    ).toEqual({ owners: 1 });
  });
});

describe('checks', () => {
  const rows: Record<string, () => Promise<Record<string, unknown>>> = {
    tenants: async () => ({ name: 'T' }),
    profiles: async () => ({ tenant_id: tenant.id, email: `${v7()}@example.com` }),
    bots: async () => ({ tenant_id: tenant.id, name: 'B' }),
    docs: async () => ({ tenant_id: tenant.id, filename: 'f', size_bytes: 1 }),
    doc_chunks: async () => ({
      tenant_id: tenant.id,
      doc_id: (await (await tenant.bot()).document()).id,
      text: 't',
      chunk_index: 0,
    }),
    doc_texts: async () => ({
      tenant_id: tenant.id,
      doc_id: (await (await tenant.bot()).document()).id,
      revision: 1,
      text: 't',
      sha256: '0'.repeat(64),
    }),
    ingestions: async () => ({
      tenant_id: tenant.id,
      doc_id: (await (await tenant.bot()).document()).id,
      filename: 'f',
      size_bytes: 1,
      content_sha256: '0'.repeat(64),
      kind: 'create',
      revision: 1,
    }),
    ingestion_chunks: async () => ({
      tenant_id: tenant.id,
      ingestion_id: await world.insert('ingestions', await rows.ingestions!()),
      chunk_index: 0,
      text: 't',
      context: '',
      text_start: 0,
      text_end: 1,
      input_sha256: '0'.repeat(64),
    }),
    uploads: async () => ({
      tenant_id: tenant.id,
      filename: 'f',
      size_bytes: 2,
      token_digest: '0'.repeat(64),
      expires_at: '2100-01-01T00:00:00Z',
    }),
    upload_parts: async () => ({
      tenant_id: tenant.id,
      upload_id: await (await tenant.bot()).upload(),
      part_no: 0,
      bytes: 'Bytes',
    }),
    api_keys: async () => ({ tenant_id: tenant.id, name: 'K', key_hash: 'h' }),
    audit_log: async () => ({
      tenant_id: tenant.id,
      actor_kind: 'user',
      action: 'a',
      target_type: 't',
    }),
    bot_queries: async () => ({
      tenant_id: tenant.id,
      bot_id: (await tenant.bot()).id,
      query: 'q',
      answer: 'a',
    }),
  };
  async function inserted(
    table: string,
    values: Record<string, unknown>,
  ): Promise<string | { code: string; constraint?: string }> {
    return world
      .insert(table, { ...(await rows[table]!()), ...values })
      .catch((error: { code: string; constraint?: string }) => ({
        code: error.code,
        ...(error.constraint && { constraint: error.constraint }),
      }));
  }

  test.each([
    ['tenants', { name: '' }, 'tenants_name_not_empty'],
    ['tenants', { plan_tier: '' }, 'tenants_plan_tier_not_empty'],
    ['tenants', { storage_used_bytes: -1 }, 'tenants_storage_not_negative'],
    ['profiles', { email: '' }, 'profiles_email_not_empty'],
    ['profiles', { role: 'root' }, 'profiles_role_known'],
    ['bots', { name: '' }, 'bots_name_not_empty'],
    ['bots', { config_json: '[]' }, 'bots_config_is_object'],
    ['bots', { language: 'E' }, 'bots_language_is_code'],
    ['docs', { filename: '' }, 'docs_filename_not_empty'],
    ['docs', { size_bytes: -1 }, 'docs_size_not_negative'],
    ['docs', { status: 'done' }, 'docs_status_known'],
    ['docs', { language: 'DE' }, 'docs_language_is_code'],
    ['docs', { tags: '{a,null}' }, 'docs_tags_are_texts'],
    ['doc_chunks', { chunk_index: -1 }, 'doc_chunks_index_not_negative'],
    ['doc_chunks', { page_num: 0 }, 'doc_chunks_page_positive'],
    ['doc_chunks', { chunk_metadata: '"text"' }, 'doc_chunks_metadata_is_object'],
    ['doc_chunks', { headings: '{a,null}' }, 'doc_chunks_headings_are_texts'],
    ['doc_chunks', { text_start: 0, text_end: 1 }, 'doc_chunks_place_in_text'],
    ['doc_texts', { revision: 0 }, 'doc_texts_revision_positive'],
    ['doc_texts', { sha256: 'none' }, 'doc_texts_sha256_is_hex'],
    ['docs', { metadata: '[]' }, 'docs_metadata_is_object'],
    ['docs', { content_sha256: 'none' }, 'docs_content_sha256_is_hex'],
    ['ingestions', { kind: 'none' }, 'ingestions_kind_known'],
    ['ingestions', { size_bytes: -1 }, 'ingestions_size_not_negative'],
    ['ingestions', { content_sha256: 'none' }, 'ingestions_content_sha256_is_hex'],
    ['ingestions', { revision: 0 }, 'ingestions_revision_positive'],
    ['ingestions', { state: 'none' }, 'ingestions_state_known'],
    ['ingestions', { step: 'none' }, 'ingestions_step_known'],
    ['ingestions', { attempt: -1 }, 'ingestions_attempt_not_negative'],
    ['ingestions', { failures: -1 }, 'ingestions_failures_not_negative'],
    ['ingestions', { done: 2, total: 1 }, 'ingestions_progress'],
    ['ingestions', { metadata: '[]' }, 'ingestions_metadata_is_object'],
    ['ingestions', { error_code: 'TIMEOUT' }, 'ingestions_error_complete'],
    ['ingestion_chunks', { chunk_index: -1 }, 'ingestion_chunks_index_not_negative'],
    ['ingestion_chunks', { page_num: 0 }, 'ingestion_chunks_page_positive'],
    ['ingestion_chunks', { text_end: 0 }, 'ingestion_chunks_place_in_text'],
    ['ingestion_chunks', { input_sha256: 'none' }, 'ingestion_chunks_sha256_is_hex'],
    ['uploads', { filename: '' }, 'uploads_filename_not_empty'],
    ['uploads', { size_bytes: 0 }, 'uploads_size_positive'],
    ['uploads', { received_bytes: 3 }, 'uploads_received_within_size'],
    ['uploads', { received_bytes: -1 }, 'uploads_received_within_size'],
    ['uploads', { sha256: 'none' }, 'uploads_sha256_is_hex'],
    ['uploads', { metadata: '[]' }, 'uploads_metadata_is_object'],
    [
      'uploads',
      { state: 'done', received_bytes: 2, sha256: '0'.repeat(64) },
      'uploads_state_known',
    ],
    ['uploads', { state: 'received' }, 'uploads_received_is_whole'],
    ['uploads', { token_digest: 'none' }, 'uploads_token_digest_is_hex'],
    ['upload_parts', { part_no: -1 }, 'upload_parts_number_not_negative'],
    ['upload_parts', { bytes: 'x'.repeat(1_048_577) }, 'upload_parts_size'],
    ['api_keys', { name: '' }, 'api_keys_name_not_empty'],
    ['api_keys', { rate_limit_rpm: 0 }, 'api_keys_rate_limit_positive'],
    ['api_keys', { scopes: '{read,root}' }, 'api_keys_scopes_known'],
    ['audit_log', { actor_kind: 'nobody' }, 'audit_log_actor_known'],
    ['audit_log', { details: '[]' }, 'audit_log_details_is_object'],
    ['bot_queries', { confidence: 'none' }, 'bot_queries_confidence_known'],
    ['bot_queries', { latency_ms: -1 }, 'bot_queries_latency_not_negative'],
    ['bot_queries', { sources: '{}' }, 'bot_queries_sources_is_array'],
    ['bot_queries', { sources: '[{}, null]' }, 'bot_queries_sources_are_objects'],
    ['api_keys', { scopes: '{{read},{write}}' }, 'api_keys_scopes_one_list'],
  ])('%s refuse %j', async (table, values, constraint) => {
    expect(await inserted(table, values)).toEqual({ code: CHECK, constraint });
  });

  test('there is no check that the list above forgot', async () => {
    const checks = await db.asSuperuser<{ name: string }>(
      "select conname::text as name from pg_constraint where contype = 'c' " +
        "and conrelid <> 0 and connamespace = 'public'::regnamespace",
    );
    // Those of times have a test of their own.
    expect(checks.filter(({ name }) => !name.endsWith('_times_rfc3339'))).toHaveLength(57);
  });

  test.each([
    [
      'tenants',
      {
        name: 'n'.repeat(255),
        plan_tier: 'p'.repeat(50),
        storage_used_bytes: '9223372036854775807',
      },
    ],
    ['profiles', { role: 'owner' }],
    [
      'docs',
      { filename: 'f'.repeat(500), size_bytes: 0, gcs_path: 'g'.repeat(1000), status: 'failed' },
    ],
    ['doc_chunks', { chunk_index: 0, page_num: 1, text: '', embedding: VECTOR }],
    ['api_keys', { rate_limit_rpm: 1, scopes: '{}' }],
    ['bot_queries', { confidence: 'low', latency_ms: 0, sources: '[{}]', query_embedding: VECTOR }],
  ])('%s take what is at the limit', async (table, values) => {
    expect(await inserted(table, values)).toEqual(expect.any(String));
  });

  test.each([
    ['tenants', { name: 'n'.repeat(256) }],
    ['tenants', { plan_tier: 'p'.repeat(51) }],
    ['profiles', { email: 'e'.repeat(256) }],
    ['bots', { name: 'b'.repeat(256) }],
    ['docs', { filename: 'f'.repeat(501) }],
    ['docs', { gcs_path: 'g'.repeat(1001) }],
    ['api_keys', { name: 'k'.repeat(256) }],
  ])('%s refuse what is too long', async (table, values) => {
    expect(await inserted(table, values)).toEqual({ code: '22001' });
  });

  test.each(['{null}', '{{a,b},{c,d}}'])('docs refuse the tags %s', async tags => {
    expect(await inserted('docs', { tags })).toEqual({
      code: '23514',
      constraint: 'docs_tags_are_texts',
    });
  });

  test.each(['[null]', '[1]', '["text"]', '[[{}]]', '[{"a": 1}, true]'])(
    'bot_queries refuse the sources %s',
    async sources => {
      expect(await inserted('bot_queries', { sources })).toEqual({
        code: '23514',
        constraint: 'bot_queries_sources_are_objects',
      });
    },
  );

  test('an address is unique within its tenant, a prefix of a key everywhere', async () => {
    await tenant.user({ email: 'a@example.com' });
    expect(await inserted('profiles', { email: 'a@example.com' })).toEqual({
      code: UNIQUE,
      constraint: 'profiles_email_unique',
    });
    expect(await stranger.user({ email: 'a@example.com' })).toEqual(expect.any(String));
    await inserted('api_keys', { key_prefix: 'wvr_same' });
    expect(await inserted('api_keys', { key_prefix: 'wvr_same', tenant_id: stranger.id })).toEqual({
      code: UNIQUE,
      constraint: 'api_keys_prefix_unique',
    });
  });
});

describe('what the database fills in', () => {
  test('ids, times and defaults, where nobody gives them', async () => {
    const { id, ...row } = await one(
      "insert into tenants (name) values ('Plain') " +
        'returning id, plan_tier, storage_used_bytes::text as bytes, created_at = ' +
        "updated_at as same, created_at > now() - interval '1 minute' as recent",
    );
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(row).toEqual({ plan_tier: 'free', bytes: '0', same: true, recent: true });
    const key = await one(
      "insert into api_keys (tenant_id, name, key_hash) values (?, 'k', 'h') " +
        "returning array_to_string(scopes, ',') as scopes, rate_limit_rpm, revoked, " +
        'expires_at, last_used_at',
      [tenant.id],
    );
    expect(key).toEqual({
      scopes: 'read,search',
      rate_limit_rpm: 60,
      revoked: false,
      expires_at: null,
      last_used_at: null,
    });
  });

  test("a vector's code: one bit for each dimension, set where it is positive", async () => {
    const document = await (await tenant.bot()).document();
    const id = await world.insert('doc_chunks', {
      tenant_id: tenant.id,
      doc_id: document.id,
      text: 'x',
      chunk_index: 0,
      embedding: VECTOR,
    });
    expect(
      await one('select embedding_bq::text as code from doc_chunks where id = ?', [id]),
    ).toEqual({ code: '100'.repeat(512) });
    const [none] = await document.texts(1);
    expect(
      await one('select embedding, embedding_bq from doc_chunks where id = ?', [none]),
    ).toEqual({ embedding: null, embedding_bq: null });
  });

  test('the words of a text', async () => {
    const document = await (await tenant.bot()).document({ filename: 'Walking.md' });
    const id = await world.insert('doc_chunks', {
      tenant_id: tenant.id,
      doc_id: document.id,
      text: 'Returning the tents',
      headings: '{Lost,Found}',
      chunk_index: 0,
    });
    expect(
      await one('select context, search_vector::text as words from doc_chunks where id = ?', [id]),
    ).toEqual({
      context: 'Walking.md\nLost > Found',
      words:
        `'found':7C 'lost':6C 'md':5C 'return':1 'returning':1 'tent':3 'the':2 'walk':4C ` +
        `'walking':4C 'walking.md':4C`,
    });
  });

  test('nobody writes what is generated, and vectors have 1536 dimensions', async () => {
    const document = await (await tenant.bot()).document();
    const columns = '(tenant_id, doc_id, text, chunk_index';
    const values = `(?, ?, 'x', 0`;
    const parameters = [tenant.id, document.id];
    expect(
      (
        await refusal(
          `insert into doc_chunks ${columns}, embedding_bq) ` +
            `values ${values}, repeat('0', 1536)::bit(1536))`,
          parameters,
        )
      ).code,
    ).toBe('428C9');
    expect(
      (
        await refusal(
          `insert into doc_chunks ${columns}, embedding) values ${values}, '[1,2,3]')`,
          parameters,
        )
      ).code,
    ).toBe('22000');
  });
});

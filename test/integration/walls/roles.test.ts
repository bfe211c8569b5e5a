import { Client, type ClientBase } from 'pg';
import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  NOBODY_SCOPE,
  OPERATOR_SCOPE,
  tenantScope,
  type DatabaseScope,
} from '../../../src/db/database-scope.js';
import { statement } from '../../../src/db/statement.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { World, type TenantWorld } from '../../support/world.js';

const onPostgres = inject('template').kind === 'postgres';
const TABLES = [
  'tenants',
  'profiles',
  'bots',
  'docs',
  'doc_chunks',
  'doc_texts',
  'api_keys',
  'bot_queries',
  'audit_log',
  'idempotency_keys',
  'uploads',
  'upload_parts',
  'ingestions',
  'ingestion_chunks',
];
const WHO = statement(
  'who',
  "select current_user::text as role, current_setting('app.tenant_id', true) as tenant, " +
    `current_setting('transaction_read_only') as "readOnly"`,
);

let db: TestDatabase;
let mine: TenantWorld;
let other: TenantWorld;
/** A row of each tenant in every table. */
const rows = { mine: new Map<string, string>(), other: new Map<string, string>() };

beforeAll(async () => {
  // One connection, so that whatever a scope leaves behind meets the next one.
  db = await openTestDatabase({ poolSize: 1 });
  const world = new World(db.database);
  mine = await world.tenant();
  other = await world.tenant();
  await fill(mine, rows.mine);
  await fill(other, rows.other);
});
afterAll(() => db.close());

async function fill(tenant: TenantWorld, ids: Map<string, string>): Promise<void> {
  const bot = await tenant.bot();
  const document = await bot.document();
  const [chunk] = await document.texts(1);
  const key = await tenant.key();
  ids
    .set('tenants', tenant.id)
    .set('profiles', await tenant.user())
    .set('bots', bot.id)
    .set('docs', document.id);
  ids
    .set('doc_chunks', chunk!)
    .set(
      'doc_texts',
      await tenant.world.insert('doc_texts', {
        tenant_id: tenant.id,
        doc_id: document.id,
        revision: 1,
        text: 'Text',
        sha256: '0'.repeat(64),
      }),
    )
    .set('api_keys', key.id)
    .set('bot_queries', await bot.query());
  const upload = await bot.upload();
  const ingestion = await document.ingestion();
  ids.set('ingestions', ingestion).set(
    'ingestion_chunks',
    await tenant.world.insert('ingestion_chunks', {
      tenant_id: tenant.id,
      ingestion_id: ingestion,
      chunk_index: 0,
      text: 'Text',
      context: '',
      text_start: 0,
      text_end: 4,
      input_sha256: '0'.repeat(64),
    }),
  );
  ids.set('uploads', upload).set(
    'upload_parts',
    await tenant.world.insert('upload_parts', {
      tenant_id: tenant.id,
      upload_id: upload,
      part_no: 0,
      bytes: 'Bytes',
    }),
  );
  ids.set(
    'audit_log',
    await tenant.world.insert('audit_log', {
      tenant_id: tenant.id,
      actor_kind: 'operator',
      action: 'updateTenant',
      target_type: 'Tenant',
    }),
  );
  ids.set(
    'idempotency_keys',
    await tenant.world.insert('idempotency_keys', {
      tenant_id: tenant.id,
      principal: 'operator',
      mutation: 'createBot',
      key: 'key',
      input_digest: 'digest',
    }),
  );
}

/**
 * What one statement changed or gave in a transaction of the tenant's role; the SQLSTATE where it
 * was refused.
 */
async function asTenant(sql: string, parameters: unknown[] = []): Promise<unknown> {
  return attempt(tenantScope(mine.id), sql, parameters);
}

async function attempt(
  scope: DatabaseScope,
  sql: string,
  parameters: unknown[] = [],
): Promise<unknown> {
  try {
    return await db.database.write('test', scope, em => em.execute(sql, parameters));
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const DENIED = '42501';

describe('a scope', () => {
  test('of nobody sees no row, though there be a tenant of the nil UUID', async () => {
    await new World(db.database).insert('tenants', {
      id: '00000000-0000-0000-0000-000000000000',
      name: 'Nil',
    });
    for (const table of TABLES)
      expect(await attempt(NOBODY_SCOPE, `select id from ${table}`), table).toEqual([]);
    expect(
      await attempt(OPERATOR_SCOPE, `delete from tenants where name = 'Nil' returning id`),
    ).toHaveLength(1);
  });

  test.each([
    ['of a tenant', () => tenantScope(mine.id), 'weaver_tenant', () => mine.id],
    ['of the operator', () => OPERATOR_SCOPE, 'weaver_operator', () => ''],
  ])('%s really takes its role, in reads and in writes', async (_, scope, role, tenant) => {
    expect(await db.database.reads(scope()).query(WHO, [])).toEqual([
      { role, tenant: tenant(), readOnly: 'on' },
    ]);
    expect(await attempt(scope(), WHO.text)).toEqual([{ role, tenant: tenant(), readOnly: 'off' }]);
  });

  test('of reads cannot write', async () => {
    const write = statement(
      'write',
      `insert into bots (tenant_id, name) values ($1, 'Written by a read')`,
    );
    await expect(
      db.database.reads(tenantScope(mine.id)).query(write, [mine.id]),
    ).rejects.toMatchObject({ code: '25006' });
  });

  test.each([
    ['an ordinary read', () => db.database.reads(tenantScope(mine.id)).query(WHO, [])],
    [
      'a read that failed',
      () => db.database.reads(tenantScope(mine.id)).query(statement('fails', 'select 1/0'), []),
    ],
    ['an ordinary write', () => attempt(tenantScope(mine.id), 'select 1')],
    ['a write that failed', () => attempt(OPERATOR_SCOPE, 'select 1/0')],
  ])('leaves neither role nor setting behind after %s', async (_, work) => {
    await Promise.resolve(work()).catch(() => {});
    expect(await whoIsLeft()).toEqual({ role: await loginName(), tenant: '' });
  });

  test('shows no rows of another tenant, and all of them to the operator', async () => {
    for (const table of TABLES) {
      const column = table === 'tenants' ? 'id' : 'tenant_id';
      const owners = statement(
        `owners_${table}`,
        `select distinct ${column} as tenant from ${table}`,
      );
      expect(await db.database.reads(tenantScope(mine.id)).query(owners, []), table).toEqual([
        { tenant: mine.id },
      ]);
      expect((await db.database.reads(OPERATOR_SCOPE).query(owners, [])).length, table).toBe(2);
    }
  });

  test('shows its own rows, though the connection ran the same statement in others', async () => {
    const owners = statement(
      'owners',
      'select distinct tenant_id::text as tenant from bots order by 1',
    );
    const both = [mine.id, other.id].sort();
    // PostgreSQL keeps a plan for all parameters after the fifth run.
    for (let round = 0; round < 8; round += 1) {
      for (const [scope, tenants] of [
        [OPERATOR_SCOPE, both],
        [tenantScope(mine.id), [mine.id]],
        [tenantScope(other.id), [other.id]],
      ] as const) {
        expect(
          (await db.database.reads(scope).query<{ tenant: string }>(owners, [])).map(
            row => row.tenant,
          ),
        ).toEqual(tenants);
      }
      const continued = db.database.reads(OPERATOR_SCOPE);
      expect(await continued.query(owners, [])).toHaveLength(2);
      expect(await continued.continueAs(tenantScope(other.id)).query(owners, [])).toEqual([
        { tenant: other.id },
      ]);
    }
  });

  test('of an unknown tenant shows no rows at all', async () => {
    for (const table of TABLES)
      expect(
        await db.database
          .reads(tenantScope(v4()))
          .query(statement(`any_${table}`, `select 1 from ${table}`), []),
        table,
      ).toEqual([]);
  });
});

describe("a tenant's role", () => {
  test.each(TABLES)('cannot change or delete rows of another tenant in %s', async table => {
    const column = table === 'tenants' ? 'name' : 'id';
    const touched = await asTenant(
      `update ${table} set ${column} = ${column} where id = ? returning 1`,
      [rows.other.get(table)],
    );
    expect(touched === DENIED || (touched as unknown[]).length === 0).toBe(true);
    const deleted = await asTenant(`delete from ${table} where id = ? returning 1`, [
      rows.other.get(table),
    ]);
    expect(deleted === DENIED || (deleted as unknown[]).length === 0).toBe(true);
  });

  test.each([
    ['profiles', `insert into profiles (tenant_id, email) values (?, 'a@example.com')`],
    ['bots', `insert into bots (tenant_id, name) values (?, 'Bot')`],
    ['docs', `insert into docs (tenant_id, filename, size_bytes) values (?, 'a.md', 1)`],
    [
      'doc_chunks',
      'insert into doc_chunks (tenant_id, doc_id, text, chunk_index) ' +
        `values (?, '${v4()}', 'Text', 0)`,
    ],
    [
      'doc_texts',
      'insert into doc_texts (tenant_id, doc_id, revision, text, sha256) ' +
        `values (?, '${v4()}', 1, 'Text', '${'0'.repeat(64)}')`,
    ],
    ['api_keys', `insert into api_keys (tenant_id, name, key_hash) values (?, 'Key', '-')`],
    [
      'audit_log',
      'insert into audit_log (tenant_id, actor_kind, action, target_type) ' +
        "values (?, 'operator', 'updateTenant', 'Tenant')",
    ],
    [
      'bot_queries',
      'insert into bot_queries (tenant_id, bot_id, query, answer) ' +
        `values (?, '${v4()}', 'What?', 'That.')`,
    ],
    [
      'uploads',
      'insert into uploads (tenant_id, filename, size_bytes, token_digest, expires_at) ' +
        `values (?, 'a.pdf', 1, '${'0'.repeat(64)}', '2100-01-01')`,
    ],
    [
      'ingestions',
      'insert into ingestions (tenant_id, doc_id, filename, size_bytes, content_sha256, kind, ' +
        `revision) values (?, '${v4()}', 'a', 1, '${'0'.repeat(64)}', 'create', 1)`,
    ],
    [
      'ingestion_chunks',
      'insert into ingestion_chunks (tenant_id, ingestion_id, chunk_index, text, context, ' +
        'text_start, text_end, input_sha256) ' +
        `values (?, '${v4()}', 0, 'Text', '', 0, 4, '${'0'.repeat(64)}')`,
    ],
    [
      'upload_parts',
      'insert into upload_parts (tenant_id, upload_id, part_no, bytes) ' +
        `values (?, '${v4()}', 0, 'Bytes')`,
    ],
    [
      'idempotency_keys',
      'insert into idempotency_keys (tenant_id, principal, mutation, key, input_digest) ' +
        "values (?, 'operator', 'createBot', 'mine', 'digest')",
    ],
  ])('cannot add rows to another tenant in %s', async (table, sql) => {
    const before = await db.asSuperuser(`select count(*)::int as n from ${table}`);
    expect(await asTenant(sql, [other.id])).toMatch(/^(42501|23502|23503)$/);
    expect(await db.asSuperuser(`select count(*)::int as n from ${table}`)).toEqual(before);
  });

  test.each(['profiles', 'bots', 'docs', 'api_keys', 'idempotency_keys', 'ingestions'])(
    'cannot hand a row of %s to another tenant',
    async table => {
      expect(
        await asTenant(`update ${table} set tenant_id = ? where id = ?`, [
          other.id,
          rows.mine.get(table),
        ]),
      ).toMatch(/^(42501|23503)$/);
    },
  );

  test('may rename its tenant, but not change its plan or size, nor make or end one', async () => {
    expect(
      await asTenant(`update tenants set name = 'New name' where id = ? returning name`, [mine.id]),
    ).toEqual([{ name: 'New name' }]);
    for (const sql of [
      `update tenants set plan_tier = 'enterprise'`,
      'update tenants set storage_used_bytes = 0',
      `update tenants set id = gen_random_uuid()`,
      'delete from tenants',
      `insert into tenants (name) values ('Mine too')`,
    ]) {
      expect(await asTenant(sql), sql).toBe(DENIED);
    }
  });

  test('cannot edit chunks, texts, queries or declared files, nor read migrations', async () => {
    for (const sql of [
      `update doc_chunks set text = 'edited'`,
      `update doc_chunks set headings = '{edited}'`,
      `update doc_texts set text = 'edited'`,
      `update bot_queries set answer = 'edited'`,
      'update uploads set size_bytes = 2',
      `update uploads set token_digest = repeat('1', 64)`,
      `update uploads set expires_at = '2200-01-01'`,
      'update upload_parts set part_no = 7',
      'select * from mikro_orm_migrations',
      'select * from rate_limits',
      'delete from rate_limits',
    ])
      expect(await asTenant(sql), sql).toBe(DENIED);
  });

  test('cannot read the digests of its keys, nor widen a key, nor delete one', async () => {
    for (const sql of [
      'select key_hash from api_keys',
      'select previous_hash from api_keys',
      'select * from api_keys',
      `update api_keys set name = 'x' where key_hash = ''`,
      `update api_keys set scopes = '{admin}'`,
      'update api_keys set rate_limit_rpm = 1000000',
      `update api_keys set expires_at = null`,
      `update api_keys set last_used_at = now()`,
      `update api_keys set previous_prefix = ''`,
      `update api_keys set previous_hash = ''`,
      'delete from api_keys',
    ])
      expect(await asTenant(sql), sql).toBe(DENIED);
    expect(await asTenant('select id, revoked from api_keys')).toHaveLength(1);
  });

  test('cannot truncate, alter or drop tables, nor switch their policies off', async () => {
    for (const table of TABLES) {
      for (const sql of [
        `truncate ${table}`,
        `drop table ${table}`,
        `alter table ${table} disable row level security`,
        `drop policy tenant_isolation on ${table}`,
      ])
        expect(await asTenant(sql), sql).toBe(DENIED);
    }
  });

  test("cannot refer to another tenant's rows, and learns nothing by trying", async () => {
    const document =
      "insert into docs (tenant_id, bot_id, filename, size_bytes) values (?, ?, 'a.md', 1)";
    const chunk =
      'insert into doc_chunks (tenant_id, bot_id, doc_id, text, chunk_index) ' +
      "values (?, ?, ?, 'Text', 0)";
    const text =
      'insert into doc_texts (tenant_id, bot_id, doc_id, revision, text, sha256) ' +
      `values (?, ?, ?, 1, 'Text', '${'0'.repeat(64)}')`;
    const upload =
      'insert into uploads (tenant_id, bot_id, filename, size_bytes, token_digest, expires_at) ' +
      `values (?, ?, 'a.pdf', 1, '${'0'.repeat(64)}', '2100-01-01')`;
    const ingestion =
      'insert into ingestions (tenant_id, bot_id, doc_id, filename, size_bytes, content_sha256, ' +
      `kind, revision) values (?, ?, ?, 'a', 1, '${'0'.repeat(64)}', 'create', 1)`;
    const staged =
      'insert into ingestion_chunks (tenant_id, ingestion_id, chunk_index, text, context, ' +
      `text_start, text_end, input_sha256) values (?, ?, 1, 'T', '', 0, 1, '${'0'.repeat(64)}')`;
    const part =
      'insert into upload_parts (tenant_id, upload_id, part_no, bytes) ' +
      "values (?, ?, 1, 'Bytes')";
    const query =
      'insert into bot_queries (tenant_id, bot_id, api_key_id, query, answer) ' +
      "values (?, ?, ?, 'What?', 'That.')";
    for (const [sql, foreign, unknown] of [
      [document, [rows.other.get('bots')], [v4()]],
      [chunk, [rows.mine.get('bots'), rows.other.get('docs')], [rows.mine.get('bots'), v4()]],
      [chunk, [rows.other.get('bots'), rows.other.get('docs')], [v4(), v4()]],
      [text, [rows.mine.get('bots'), rows.other.get('docs')], [rows.mine.get('bots'), v4()]],
      [upload, [rows.other.get('bots')], [v4()]],
      [part, [rows.other.get('uploads')], [v4()]],
      [ingestion, [rows.mine.get('bots'), rows.other.get('docs')], [rows.mine.get('bots'), v4()]],
      [staged, [rows.other.get('ingestions')], [v4()]],
      [query, [rows.other.get('bots'), null], [v4(), null]],
      [query, [rows.mine.get('bots'), rows.other.get('api_keys')], [rows.mine.get('bots'), v4()]],
    ] as const) {
      expect(await asTenant(sql, [mine.id, ...foreign])).toBe('23503');
      expect(await asTenant(sql, [mine.id, ...unknown])).toBe('23503');
    }
  });

  test.runIf(onPostgres)(
    'without a tenant sees nothing, and with a broken one is refused',
    async () => {
      const login = await connect(db.urls!.login);
      try {
        for (const table of TABLES) {
          expect(
            await inTransaction(login, ['set local role weaver_tenant'], `select id from ${table}`),
            table,
          ).toEqual([]);
          expect(
            await inTransaction(
              login,
              ['set local role weaver_tenant', `set local app.tenant_id = ''`],
              `select id from ${table}`,
            ),
            table,
          ).toEqual([]);
          expect(
            await inTransaction(
              login,
              ['set local role weaver_tenant', `set local app.tenant_id = 'all'`],
              `select id from ${table}`,
            ),
            table,
          ).toBe('22P02');
        }
      } finally {
        await login.end();
      }
    },
  );
});

describe('the audit log', () => {
  test.each([
    ['the tenant', () => tenantScope(mine.id)],
    ['the operator', () => OPERATOR_SCOPE],
  ])('can be added to by %s, but never changed', async (_, scope) => {
    expect(
      await attempt(
        scope(),
        'insert into audit_log (tenant_id, actor_kind, action, target_type) ' +
          "values (?, 'operator', 'test', 'Tenant') returning action",
        [mine.id],
      ),
    ).toEqual([{ action: 'test' }]);
    for (const sql of [
      `update audit_log set action = 'other'`,
      `update audit_log set details = '{}' where false`,
      'delete from audit_log',
      'truncate audit_log',
      'drop table audit_log',
      'select 1 from audit_log for update',
    ]) {
      expect(await attempt(scope(), sql), sql).toBe(DENIED);
    }
  });
});

describe.runIf(onPostgres)("the gateway's login", () => {
  let login: Client;
  beforeAll(async () => void (login = await connect(db.urls!.login)));
  afterAll(() => login.end());

  test('inherits nothing, owns nothing and stands above nothing', async () => {
    const {
      rows: [role],
    } = await login.query(
      'select rolinherit, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb ' +
        'from pg_roles where rolname = current_user',
    );
    expect(role).toEqual({
      rolinherit: false,
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: false,
      rolcreatedb: false,
    });
    const { rows: owned } = await login.query(
      'select relname from pg_class where relowner = current_user::regrole',
    );
    expect(owned).toEqual([]);
  });

  test.each(TABLES)('sees and does nothing in %s without a role', async table => {
    for (const sql of [
      `select count(*) from ${table}`,
      `delete from ${table}`,
      `insert into ${table} default values`,
    ])
      expect(await inTransaction(login, [], sql), sql).toBe(DENIED);
    expect(
      await inTransaction(
        login,
        [`set local app.tenant_id = '${mine.id}'`],
        `select count(*) from ${table}`,
      ),
    ).toBe(DENIED);
  });

  test('loses its role with the transaction, however that ends', async () => {
    for (const end of ['commit', 'rollback']) {
      await login.query(`begin; select set_config('role', 'weaver_operator', true); select 1`);
      await login.query(end);
      expect(await inTransaction(login, [], 'select count(*) from bots'), end).toBe(DENIED);
    }
  });
});

/** Who the one connection of the pool is while no scope is open. */
async function whoIsLeft(): Promise<unknown> {
  // A read scope gives its connection back in a later turn.
  await new Promise(resolve => setTimeout(resolve, 20));
  const [left] = await db.database.orm.em
    .getDriver()
    .getConnection()
    .execute(
      "select current_user::text as role, coalesce(current_setting('app.tenant_id', " +
        "true), '') as tenant",
    );
  return left;
}

async function loginName(): Promise<string> {
  return db.urls ? new URL(db.urls.login).username : 'postgres';
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}

/**
 * The rows of a statement after others in a transaction that is rolled back; the SQLSTATE where it
 * was refused.
 */
async function inTransaction(
  client: ClientBase,
  before: readonly string[],
  sql: string,
): Promise<unknown> {
  await client.query('begin');
  try {
    for (const first of before) await client.query(first);
    return (await client.query(sql)).rows;
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.query('rollback');
  }
}

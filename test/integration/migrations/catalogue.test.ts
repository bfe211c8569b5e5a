import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../../src/db/database.js';
import { applyMigrations, runMigrations } from '../../../src/ops/migrations/run.js';
import { DEFAULT_GUARDS } from '../../../src/ops/migrations/guards.js';
import { registerGuardedGenerator } from '../../../src/ops/migrations/schema-generator.js';
import { knownMigrations, migrationState } from '../../../src/ops/migrations/state.js';
import { readCatalogue, type Catalogue } from '../../../src/ops/migrations/catalogue.js';
import { openAsOwner } from '../../support/command.js';
import { joinPatterns } from '../../support/join-patterns.js';

const SNAPSHOT = join(import.meta.dirname, 'catalogue.snapshot.json');
const WALLED = [
  'api_keys',
  'audit_log',
  'bot_queries',
  'bots',
  'doc_chunks',
  'doc_texts',
  'docs',
  'idempotency_keys',
  'ingestion_chunks',
  'ingestions',
  'profiles',
  'tenants',
  'upload_parts',
  'uploads',
];

let opened: Awaited<ReturnType<typeof openAsOwner>>;
let database: Database;
let first: Catalogue;

const read = (): Promise<Catalogue> =>
  readCatalogue(sql => database.orm.em.getDriver().getConnection().execute(sql));

beforeAll(async () => {
  opened = await openAsOwner();
  database = opened.database;
  first = await read();
});
afterAll(() => opened.close());

describe('the catalogue', () => {
  // After a change that is meant: UPDATE_CATALOGUE=1 npx vitest run --project integration
  // test/integration/migrations/catalogue.test.ts
  test('is what it was, with all that the comparison with the entities cannot see', async () => {
    if (process.env.UPDATE_CATALOGUE)
      writeFileSync(
        SNAPSHOT,
        await format(JSON.stringify(first), { ...(await resolveConfig(SNAPSHOT)), parser: 'json' }),
      );
    expect(first).toEqual(JSON.parse(readFileSync(SNAPSHOT, 'utf8')));
  });

  test('differs in nothing from the entities', async () => {
    expect(await database.orm.schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
  });

  test('goes back by a new migration that makes no function again', async () => {
    const { orm } = database;
    let generator: typeof orm.schema | undefined;
    const config = Object.assign(Object.create(orm.config) as typeof orm.config, {
      registerExtension: (_name: string, make: () => typeof orm.schema) => (generator = make()),
      getDriver: () => orm.config.getDriver(),
    });
    registerGuardedGenerator(DEFAULT_GUARDS, error => {
      throw error;
    }).register({ config, em: orm.em } as never);
    const execute = (sql: string) => orm.em.getDriver().getConnection().execute(sql);
    await execute('alter table docs drop column tags');
    const { up, down } = await generator!.getUpdateSchemaMigrationSQL({ wrap: false });
    await execute("alter table docs add column tags text[] not null default '{}'::text[]");
    await execute(
      'alter table docs add constraint docs_tags_are_texts check ' +
        '(coalesce(array_ndims(tags), 1) = 1 and array_position(tags, null) is null)',
    );
    expect(up).toMatch(/^alter table "docs" add "tags"/);
    expect(down).toMatch(/drop column "tags";\s*$/);
    expect(down).not.toMatch(/function/);
  });

  test('is the same after up, down, up', async () => {
    for (const name of knownMigrations().reverse())
      expect(await runMigrations(database, 'down', undefined)).toEqual([name]);
    const reverted = await read();
    expect(Object.keys(reverted.tables)).toEqual(['mikro_orm_migrations']);
    expect(reverted.tables.mikro_orm_migrations!.grants).toEqual([]);
    expect(reverted.functions).toEqual({});
    expect(await migrationState(database)).toEqual({
      executed: [],
      pending: knownMigrations(),
      unknown: [],
      edited: [],
    });
    // Roles belong to the cluster, extensions perhaps to others.
    expect(reverted.roles).toEqual(first.roles);
    expect(reverted.extensions).toEqual(first.extensions);

    await applyMigrations(database);
    expect(await read()).toEqual(first);
  });
});

describe('of each table', () => {
  test.each(WALLED)('%s: row-level security is enabled and forced, with two policies', name => {
    const { rowSecurity, policies } = first.tables[name]!;
    expect(rowSecurity).toBe('enabled, forced');
    const ofTenant =
      `(${name === 'tenants' ? 'id' : 'tenant_id'} = ` +
      "(NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)";
    expect(policies).toEqual([
      'operator_all permissive for * to weaver_operator using true with check true',
      `tenant_isolation permissive for * to weaver_tenant using ${ofTenant} with check ${ofTenant}`,
    ]);
  });

  test('there is no other table that holds rows of tenants', () => {
    expect(Object.keys(first.tables)).toEqual(
      [...WALLED, 'mikro_orm_migrations', 'rate_limits'].sort(),
    );
  });

  test("rate limits are the operator's alone", () => {
    const { rowSecurity, policies, grants } = first.tables.rate_limits!;
    expect([rowSecurity, policies]).toEqual([
      'enabled, forced',
      ['operator_all permissive for * to weaver_operator using true with check true'],
    ]);
    expect(grants.filter(grant => !grant.startsWith('weaver_operator '))).toEqual([]);
  });

  test('a tenant may update name and size of tenants, not chunks or logs; nobody truncates', () => {
    const grants = (table: string, role: string): string[] =>
      first.tables[table]!.grants.filter(grant => grant.startsWith(`${role} `)).map(grant =>
        grant.slice(role.length + 1),
      );
    expect(grants('tenants', 'weaver_tenant')).toEqual([
      'select',
      'update (name)',
      'update (storage_used_bytes)',
    ]);
    expect(grants('tenants', 'weaver_operator')).toEqual(['delete', 'insert', 'select', 'update']);
    for (const table of ['bots', 'docs', 'idempotency_keys']) {
      for (const role of ['weaver_tenant', 'weaver_operator'])
        expect(grants(table, role), table).toEqual(['delete', 'insert', 'select', 'update']);
    }
    for (const table of ['profiles', 'api_keys'])
      expect(grants(table, 'weaver_operator'), table).toEqual([
        'delete',
        'insert',
        'select',
        'update',
      ]);
    for (const role of ['weaver_tenant', 'weaver_operator'])
      expect(grants('audit_log', role)).toEqual(['insert', 'select']);
    // A trigger makes the words, whatever is written.
    expect(grants('doc_chunks', 'weaver_tenant')).toEqual([
      'delete',
      'insert',
      'select',
      'update (search_vector)',
    ]);
    expect(grants('bot_queries', 'weaver_tenant')).toEqual(['delete', 'insert', 'select']);
    expect(grants('bot_queries', 'weaver_operator')).toEqual(['delete', 'insert', 'select']);
    // Another embedding model makes other vectors of the same texts.
    expect(grants('doc_chunks', 'weaver_operator')).toEqual([
      'delete',
      'insert',
      'select',
      'update (embedding)',
      'update (search_vector)',
    ]);
    expect(first.tables.mikro_orm_migrations!.grants).toEqual(['weaver_operator select']);
    for (const { grants: all } of Object.values(first.tables))
      expect(
        all.filter(grant => grant.startsWith('public ') || grant.includes('grantable')),
      ).toEqual([]);
  });

  test('a tenant never reads the digests of keys, and may only rotate and revoke them', () => {
    const may = (what: string, table: string): string[] =>
      first.tables[table]!.grants.flatMap(
        grant =>
          new RegExp(`^weaver_tenant ${what}(?: \\((\\w+)\\))?$`).exec(grant)?.slice(1) ?? [],
      ).map(column => column ?? '*');
    const columns = first.tables.api_keys!.columns.map(column => column.split(' ')[0]!);
    expect(may('select', 'api_keys').toSorted()).toEqual(
      columns.filter(column => !column.endsWith('_hash')).toSorted(),
    );
    expect(may('update', 'api_keys')).toEqual([
      'key_hash',
      'key_prefix',
      'previous_expires_at',
      'revoked',
    ]);
    expect(may('insert', 'api_keys')).toEqual([
      'expires_at',
      'id',
      'key_hash',
      'key_prefix',
      'name',
      'rate_limit_rpm',
      'scopes',
      'tenant_id',
    ]);
    expect(may('delete', 'api_keys')).toEqual([]);
    expect(may('update', 'profiles')).toEqual(['email', 'role']);
    expect(may('insert', 'profiles')).toEqual(['email', 'id', 'role', 'tenant_id']);
    expect([may('select', 'profiles'), may('delete', 'profiles')]).toEqual([['*'], ['*']]);
  });

  test('every foreign key between tables of a tenant leads with tenant_id', () => {
    const keys = Object.values(first.tables).flatMap(table =>
      table.constraints.filter(constraint => constraint.includes('FOREIGN KEY')),
    );
    expect(keys).toHaveLength(14);
    for (const key of keys)
      expect(key).toMatch(/FOREIGN KEY \(tenant_id[,)].* REFERENCES \w+\((tenant_id, |id\))/);
  });

  test('every index but primary keys and the tenants leads with tenant_id', () => {
    const indexes = Object.entries(first.tables).flatMap(([table, { indexes: all }]) =>
      WALLED.includes(table) && table !== 'tenants' ? all : [],
    );
    const others = indexes.filter(index => !/ USING \w+ \(tenant_id/.test(index));
    expect(others.filter(index => !/_pkey ON/.test(index))).toEqual([
      'CREATE UNIQUE INDEX api_keys_prefix_unique ON public.api_keys USING btree (key_prefix)',
      'CREATE UNIQUE INDEX api_keys_previous_prefix_unique ON public.api_keys USING ' +
        'btree (previous_prefix)',
      'CREATE INDEX audit_log_of_all_by_creation ON public.audit_log USING btree (created_at, id)',
    ]);
  });
});

describe('of chunks', () => {
  const column = (name: string): string =>
    first.tables.doc_chunks!.columns.find(text => text.startsWith(`${name} `))!;

  test('vectors stay in the row, two to a page', () => {
    expect(column('embedding')).toBe('embedding halfvec(1536) storage main');
    expect(column('embedding_bq')).toMatch(
      joinPatterns(
        /^embedding_bq bit\(1536\) generated as .*binary_quantize\(embedding\).* stored storage /,
        /plain$/,
      ),
    );
    expect(column('chunk_metadata')).toMatch(/storage main$/);
  });

  test('vacuum comes early for the code scan, and short texts stay beside their vectors', () => {
    expect(first.tables.doc_chunks!.options).toEqual([
      'autovacuum_vacuum_insert_scale_factor=0.01',
      'autovacuum_vacuum_insert_threshold=1000',
      'autovacuum_vacuum_scale_factor=0.02',
      'toast_tuple_target=4080',
    ]);
  });

  test('the codes are in an index of their own', () => {
    expect(first.tables.doc_chunks!.indexes).toContain(
      'CREATE INDEX doc_chunks_codes ON public.doc_chunks USING btree (tenant_id, ' +
        'bot_id, doc_id) INCLUDE (id, embedding_bq)',
    );
  });
});

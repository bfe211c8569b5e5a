import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import {
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
  type Outcome,
} from '../../support/command.js';
import { joinPatterns } from '../../support/join-patterns.js';
import { databaseUrl } from '../../support/template-database.js';

const onPostgres = inject('template').kind === 'postgres';
const suffix = `${process.pid}_${Date.now().toString(36)}`;

describe.runIf(onPostgres)('db doctor on PostgreSQL', () => {
  let fresh: FreshDatabase;
  let admin: string;
  let name: string;
  beforeEach(async () => {
    fresh = await freshDatabase({ migrated: true });
    admin = fresh.urls!.admin;
    name = new URL(admin).pathname.slice(1);
  });
  afterEach(async () => {
    await fresh.close();
    for (const role of [`stranger_${suffix}`, `owner_${suffix}`])
      await sqlAt(fresh.urls!.maintenance, `drop role if exists ${role}`);
  });

  const sql = <R = Record<string, unknown>>(text: string): Promise<R[]> => sqlAt<R>(admin, text);
  const doctor = (env: Record<string, string> = fresh.env): Promise<Outcome> =>
    weaver(env, ['db', 'doctor']);
  /** The findings that are wrong or to be looked at, each with what to do. */
  async function findings(env?: Record<string, string>): Promise<string> {
    return (await doctor(env)).out
      .split(/\n(?=ok|warn|fail)/)
      .filter(finding => !finding.startsWith('ok'))
      .join('\n');
  }

  test("tells that indexes were built with another collation than the database's", async () => {
    await sql(`update pg_database set datcollversion = '1.0' where datname = current_database()`);
    const { code, out } = await doctor();
    const [actual] = await sql<{ version: string | null }>(
      'select pg_database_collation_actual_version(oid) as version from pg_database ' +
        'where datname = current_database()',
    );
    // Of the C collations PostgreSQL tells no version, and they never change.
    if (actual!.version === null) return expect(out).not.toContain('collation');
    expect(out).toMatch(
      joinPatterns(
        /fail {2}The database's collation was version 1\.0 when indexes on text were built, /,
        /and the server now has \S+: .*\n +→ As the owner: reindex database \S+; then: /,
        /alter database \S+ refresh collation version\./,
      ),
    );
    expect(code).toBe(1);
  });

  test('tells that a collation of a column is another than its index was built with', async () => {
    await sql(`create collation public.german (provider = icu, locale = 'de')`);
    await sql('create table public.words (word text collate public.german primary key)');
    await sql(`update pg_collation set collversion = '1.0' where collname = 'german'`);
    expect(await findings()).toMatch(
      /The collation german was version 1\.0 .*\n.*alter collation public\.german refresh version/,
    );
  });

  test('tells of an invalid index, and what to do about it', async () => {
    await sql(
      'update pg_index set indisvalid = false where indexrelid = (select indexrelid ' +
        "from pg_index where indrelid = 'bots'::regclass and not indisprimary limit 1)",
    );
    expect(await findings()).toMatch(
      joinPatterns(
        /warn {2}The index public\.\S+ is invalid, as an interrupted build leaves it: /,
        /.*\n +→ As its owner: drop index concurrently public\./,
      ),
    );
  });

  test('tells who has rights that no policy holds, with and without policies', async () => {
    await sql(`create role stranger_${suffix}`);
    await sql(`grant truncate, select on tenants to stranger_${suffix}`);
    await sql(`grant insert on mikro_orm_migrations to stranger_${suffix}`);
    const found = await findings();
    expect(found).toContain(
      `fail  stranger_${suffix} has rights that no policy restricts: mikro_orm_migrations ` +
        '(insert), tenants (truncate).\n      → As the owner: revoke all on all tables in ' +
        `schema public from stranger_${suffix}`,
    );
    expect(found).not.toContain('select');
  });

  test('tells that tables to come are granted to somebody by default', async () => {
    await sql(`create role stranger_${suffix}`);
    await sql(
      `alter default privileges in schema public grant all on tables to stranger_${suffix}`,
    );
    expect(await findings()).toMatch(
      new RegExp(
        `Tables that \\S+ makes in public are granted to stranger_${suffix} by default, ` +
          '.*\\n +→ alter default privileges for role \\S+ in schema public revoke all on ' +
          `tables from stranger_${suffix}`,
      ),
    );
    await sql(
      `alter default privileges in schema public revoke all on tables from stranger_${suffix}`,
    );
  });

  test('tells of a search_path to another schema, and of tables that went there', async () => {
    await sql('create schema own');
    await sql('create table own.mikro_orm_migrations (id int)');
    await sql(`alter database ${name} set search_path = own, public`);
    expect(await findings()).toMatch(
      joinPatterns(
        /fail {2}The login \S+ uses the schema own, the first of its /,
        /search_path, but Weaver's tables belong in public\.\n +→ alter role \S+ in database \S+ /,
        /set search_path = public\n(.*\n)*warn {2}Migrations were applied to the schema own, too/,
      ),
    );
  });

  test('a search_path that leads elsewhere stops the gateway, not the owner', async () => {
    const [own, gateway] = [await freshDatabase(), await freshDatabase({ migrated: true })];
    try {
      for (const { urls } of [own, gateway]) {
        await sqlAt(urls!.admin, 'create schema own');
        await sqlAt(
          urls!.admin,
          `alter database ${new URL(urls!.admin).pathname.slice(1)} set search_path = own, public`,
        );
      }
      expect(await weaver(own.env, ['db', 'bootstrap'])).toMatchObject({ code: 0 });
      expect(await weaver(own.env, ['db', 'up'])).toMatchObject({ code: 0 });
      expect(
        await sqlAt(
          own.urls!.admin,
          'select n.nspname::text as schema from pg_class c ' +
            'join pg_namespace n on n.oid = c.relnamespace ' +
            "where c.relname in ('tenants', 'mikro_orm_migrations')",
        ),
      ).toEqual([{ schema: 'public' }, { schema: 'public' }]);
      expect(await weaver(own.env, ['db', 'check'])).toMatchObject({
        code: 0,
        out: expect.stringContaining('nothing differs'),
      });
      const { code, out, err } = await weaver(gateway.env, ['demo']);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toMatch(
        joinPatterns(
          /^The login \S+ uses the schema own, the first of its search_path, /,
          /but Weaver's tables belong in public\. As a superuser: alter role \S+ in database /,
          /\S+ set search_path = public\. Then start again\.$/,
        ),
      );
    } finally {
      await Promise.all([own.close(), gateway.close()]);
    }
  });

  test('scripts for psql work in the right schema, too', async () => {
    const other = await freshDatabase();
    try {
      const { admin: url } = other.urls!;
      await sqlAt(url, 'create schema own');
      await sqlAt(
        url,
        `alter database ${new URL(url).pathname.slice(1)} set search_path = own, public`,
      );
      for (const args of [
        ['bootstrap', '--sql', '--login', `stranger_${suffix}`],
        ['up', '--sql'],
      ]) {
        const { out } = await weaver({}, ['db', ...args]);
        const { status, stderr } = spawnSync('psql', ['-X', '-v', 'ON_ERROR_STOP=1', '-d', url], {
          input: out,
          encoding: 'utf8',
        });
        expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
      }
      expect(
        await sqlAt(
          url,
          "select to_regclass('public.tenants') is not null as right, " +
            "to_regclass('own.tenants') is not null as wrong",
        ),
      ).toEqual([{ right: true, wrong: false }]);
    } finally {
      await other.close();
      await sqlAt(fresh.urls!.maintenance, `drop role if exists stranger_${suffix}`);
    }
  });

  test('a database without the schema of the tables is refused, and left as it is', async () => {
    const other = await freshDatabase();
    try {
      await sqlAt(other.urls!.admin, 'drop schema public cascade');
      for (const args of [
        ['db', 'up'],
        ['db', 'bootstrap'],
        ['db', 'backup', '--portable', join(tmpdir(), `weaver-none-${suffix}`)],
      ]) {
        expect(await weaver(other.env, args)).toMatchObject({
          code: 1,
          out: '',
          err: expect.stringMatching(
            joinPatterns(
              /^The database \S+ has no schema public, in which Weaver's tables belong\. Nothing /,
              /was changed\. As the owner of the database: create schema public authorization /,
              /\S+\.( Nothing was written\.)?$/,
            ),
          ),
        });
      }
      expect(
        await sqlAt(other.urls!.admin, `select from pg_extension where extname <> 'plpgsql'`),
      ).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test('tells of a database that a backup of this one left behind, and of no other', async () => {
    const [own] = await sql<{ oid: string }>(
      'select oid::text from pg_database where datname = current_database()',
    );
    const [left, others] = [
      `weaver_backup_check_${own!.oid}_${suffix}`,
      `weaver_backup_check_1_${suffix}`,
    ];
    const { maintenance } = fresh.urls!;
    try {
      for (const database of [left, others])
        await sqlAt(maintenance, `create database ${database}`);
      const found = await findings();
      expect(found).toContain(
        `warn  The database ${left} holds a copy of all rows: a backup was interrupted while ` +
          `it checked its file there.\n      → drop database ${left}`,
      );
      expect(found).not.toContain(others);
    } finally {
      for (const database of [left, others])
        await sqlAt(maintenance, `drop database if exists ${database}`);
    }
  });

  test('tells of addresses of two databases, which "db up" refuses, changing nothing', async () => {
    const other = await freshDatabase();
    try {
      const env = {
        DATABASE_URL: databaseUrl(other.urls!.admin, new URL(other.urls!.admin).pathname.slice(1)),
        WEAVER_MIGRATION_URL: admin,
      };
      expect(await findings(env)).toMatch(
        joinPatterns(
          /fail {2}DATABASE_URL and WEAVER_MIGRATION_URL lead to two databases, /,
          /weaver_cli_\S+ of PostgreSQL at \S+ and weaver_cli_\S+ of PostgreSQL at \S+: /,
          /.*\n +→ Let both lead to the same database/,
        ),
      );
      expect(await weaver(env, ['db', 'up'])).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(/lead to two databases, .* Nothing was changed\./),
      });
    } finally {
      await other.close();
    }
  });

  test('that two addresses name one database in two ways is no problem', async () => {
    const byAddress = admin.replace(/@[^/:]+/, '@localhost');
    const env = {
      DATABASE_URL: admin,
      WEAVER_MIGRATION_URL:
        byAddress === admin ? admin.replace('@localhost', '@127.0.0.1') : byAddress,
    };
    expect(await findings(env)).not.toContain('two databases');
    expect(await weaver(env, ['db', 'up'])).toMatchObject({ code: 0 });
  });
});

describe('a log of migrations that tells of tables which are not there', () => {
  test('is told as such by the doctor and by serve, with a way out that works', async () => {
    const fresh = await freshDatabase();
    try {
      expect(await weaver(fresh.env, ['db', 'stamp', 'head'])).toMatchObject({ code: 0 });
      const told =
        /The log .*says that every migration is applied, and tables are missing: .*tenants/;
      expect((await weaver(fresh.env, ['db', 'doctor'])).out).toMatch(told);
      if (onPostgres)
        expect(await weaver({ ...fresh.env, PORT: '0' }, ['serve'])).toMatchObject({
          code: 1,
          err: expect.stringMatching(told),
        });
      expect(await weaver(fresh.env, ['db', 'stamp', 'base'])).toMatchObject({ code: 0 });
      expect(await weaver(fresh.env, ['db', 'up'])).toMatchObject({ code: 0 });
      expect((await weaver(fresh.env, ['db', 'doctor'])).out).not.toContain('fail');
    } finally {
      await fresh.close();
    }
  });
});

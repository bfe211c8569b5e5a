import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { knownMigrations } from '../../../src/ops/migrations/state.js';
import {
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
  type Outcome,
} from '../../support/command.js';
import { joinPatterns } from '../../support/join-patterns.js';
import { Sandbox } from '../../support/sandbox.js';
import { databaseUrl } from '../../support/template-database.js';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const onPostgres = inject('template').kind === 'postgres';
const NAMES = knownMigrations();
const RISKY = 'Migration29990101000000_risky';
const folder = mkdtempSync(join(tmpdir(), 'weaver-care-'));

let sandbox: Sandbox;
let fresh: FreshDatabase;
beforeAll(async () => {
  sandbox = new Sandbox();
  fresh = await freshDatabase({ migrated: true });
});
afterAll(async () => {
  await sandbox.close();
  await fresh.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<Outcome> => weaver(fresh.env, ['db', ...args]);

describe('lint', () => {
  test('finds nothing unsafe in the migrations of this version', async () => {
    expect(await weaver({}, ['db', 'lint'])).toMatchObject({
      code: 0,
      out: expect.stringContaining(`Nothing unsafe in ${NAMES.length} migrations.`),
    });
  });

  test('names each unsafe operation with its statement, not safe or explained ones', async () => {
    const unsafe: [rule: string, sql: string][] = [
      ['index-blocks-writes', 'create index risky on docs (size_bytes)'],
      ['drop-index-blocks', 'drop index docs_by_status'],
      ['column-type', 'alter table docs alter column size_bytes type numeric'],
      ['volatile-default', 'alter table docs add column token uuid default gen_random_uuid()'],
      [
        'stored-generated',
        'alter table docs add column twice bigint generated always as (size_bytes * 2) stored',
      ],
      ['not-null-without-default', 'alter table docs add column more int not null'],
      ['set-not-null', 'alter table docs alter column gcs_path set not null'],
      [
        'constraint-not-valid',
        'alter table docs add constraint docs_small check (size_bytes < 10)',
      ],
      ['unique-constraint', 'alter table docs add constraint docs_one unique (filename)'],
      ['drop-column', 'alter table docs drop column gcs_path'],
      ['drop-table', 'drop table docs'],
      ['rename', 'alter table docs rename column gcs_path to path'],
      ['update-all-rows', 'update docs set size_bytes = 0'],
    ];
    const safe = [
      'create table risky (id int)',
      'create index risky_id on risky (id)',
      'create unlogged table risky_too (id int)',
      'create index on risky_too (id)',
      '-- lint: allow index-blocks-writes: tenants are few\ncreate index on tenants (plan_tier)',
      'alter table docs add constraint docs_big check (size_bytes < 10) not valid',
      'alter table docs validate constraint docs_big',
      "alter table docs add column kind text not null default 'create index x on docs (id)'",
      'alter table docs alter column kind drop default',
    ];
    sandbox.write(RISKY, { up: [...unsafe.map(([, sql]) => sql), ...safe], transactional: false });
    const { code, out } = await sandbox.weaver({}, 'db', 'lint', 'risky');
    expect(code).toBe(1);
    const found = out.split('\n').filter(line => line.startsWith('unsafe'));
    expect(found.map(line => line.replace(/, line \d+/, ''))).toEqual([
      `unsafe   ${RISKY}: no-down`,
      `unsafe   ${RISKY}: several-outside-transaction`,
      ...unsafe.map(([rule], index) => `unsafe   ${RISKY}, statement ${index + 1}: ${rule}`),
    ]);
    expect(found.at(-1)).toMatch(/, line \d+: /);
    expect(out).toContain(': index-blocks-writes\n         tenants are few\n');
  });
});

describe('rehearse', () => {
  const SAFE = 'Migration29990102000000_safe';

  test('tells time, locks and result of each, and changes nothing', async () => {
    sandbox.write(RISKY, {
      up: ['alter table docs add column more int', 'create table risky (id int)'],
      down: ['drop table risky', 'alter table docs drop column more'],
    });
    sandbox.write(SAFE, { up: ['insert into nowhere values (1)'], down: [] });
    for (const args of [[], ['--on-data']]) {
      const { code, out } = await sandbox.weaver(fresh.env, 'db', 'rehearse', ...args);
      expect(code).toBe(1);
      expect(out).toMatch(
        new RegExp(
          `^ok      ${RISKY}  \\d+ ms\n        locks: docs ACCESS EXCLUSIVE\nfailed ` +
            ` ${SAFE}  \\d+ ms\n        .*relation "nowhere" does not exist`,
        ),
      );
    }
    expect((await run('check')).code).toBe(0);
  });
});

describe('backup and restore', () => {
  const file = join(folder, 'weaver.backup');

  test('the copy is written, opened and compared, and replaces no other file', async () => {
    await weaver(fresh.env, ['demo']);
    const { code, out, err } = await run('backup', file);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/weaver\.backup: \d+ rows in \d+ tables\.$/),
    });
    expect(err).toMatch(
      joinPatterns(
        /The file was checked and has the same rows: it was /,
        /(restored into a scratch database|opened in memory)\./,
      ),
    );
    expect(await run('backup', file)).toMatchObject({
      code: 1,
      out: '',
      err: `${file} is there already: name another file.`,
    });
  });

  test('nothing is replaced without --yes', async () => {
    const { code, out, err } = await run('restore', file);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      joinPatterns(
        / {2}replaces the table tenants \(3 rows\)\n(.*\n)*Nothing was changed\. /,
        /Add --yes to replace these rows\.$/,
      ),
    );
  });

  test('a new database gets everything, and differs in nothing', async () => {
    const other = onPostgres
      ? await freshDatabase()
      : {
          env: { WEAVER_DATA_DIR: join(folder, 'restored') },
          urls: undefined,
          close: async () => {},
        };
    try {
      expect(await weaver(other.env, ['db', 'restore', file])).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^Restored .* \d+ rows/),
      });
      expect(await weaver(other.env, ['db', 'check'])).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^At head /),
      });
    } finally {
      await other.close();
    }
  });

  test('--yes brings back what was lost', async () => {
    if (onPostgres) await sqlAt(fresh.urls!.admin, 'delete from tenants');
    else await run('down', 'base', '--yes');
    expect(await run('restore', file, '--yes')).toMatchObject({ code: 0 });
    expect((await run('restore', file)).err).toContain('replaces the table tenants (3 rows)');
  });

  test('what is no backup is told so', async () => {
    const junk = join(folder, 'junk');
    writeFileSync(junk, 'nothing of the kind');
    expect(await run('restore', junk)).toMatchObject({
      code: 1,
      out: '',
      err: `${junk} is no backup that "weaver db backup" wrote.`,
    });
    expect(await run('restore', join(folder, 'missing'))).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('cannot be read (ENOENT)'),
    });
  });

  test.runIf(onPostgres)(
    'a login that policies hold is told which role it takes, and no file is left',
    async () => {
      const login = `weaver_plain_${process.pid}_${Date.now().toString(36)}`;
      await sqlAt(fresh.urls!.admin, `create role ${login} login password 'secret of mine'`);
      try {
        const url = databaseUrl(fresh.urls!.admin, new URL(fresh.urls!.admin).pathname.slice(1), {
          user: login,
          password: 'secret of mine',
        });
        const { code, out, err } = await weaver({ DATABASE_URL: url }, [
          'db',
          'backup',
          join(folder, 'plain'),
        ]);
        expect({ code, out }).toEqual({ code: 1, out: '' });
        expect(err).toMatch(/^Row-level security hides rows from the login \w+, .* BYPASSRLS/);
        expect(existsSync(join(folder, 'plain'))).toBe(false);
      } finally {
        await sqlAt(fresh.urls!.admin, `drop role ${login}`);
      }
    },
  );

  describe.runIf(onPostgres)("PostgreSQL's own programs", () => {
    const bin = join(folder, 'bin');
    /** `backup` where nothing but this `pg_dump` is found. */
    async function backupWith(pgDump: string | undefined): Promise<Outcome> {
      rmSync(bin, { recursive: true, force: true });
      mkdirSync(bin);
      if (pgDump !== undefined) writeFileSync(join(bin, 'pg_dump'), pgDump, { mode: 0o755 });
      vi.stubEnv('PATH', bin);
      try {
        return await run('backup', join(folder, 'tools'));
      } finally {
        vi.unstubAllEnvs();
        expect(existsSync(join(folder, 'tools'))).toBe(false);
      }
    }

    test('are asked for where they are not installed', async () => {
      expect(await backupWith(undefined)).toEqual({
        code: 1,
        out: '',
        err: expect.stringMatching(
          joinPatterns(
            /(?:^|\n)pg_dump is not installed here\. Install PostgreSQL's client programs, /,
            /of the server's version or later\.$/,
          ),
        ),
      });
    });

    test('are refused where they are older than the server', async () => {
      const { code, out, err } = await backupWith(
        "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n",
      );
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toMatch(
        new RegExp(
          String.raw`pg_dump \(PostgreSQL\) 9\.6\.24 is older than the server, PostgreSQL (\d+): ` +
            String.raw`install the client programs of version \1 or later, ` +
            String.raw`and put them first in PATH\.$`,
        ),
      );
    });

    test('read the copy out of the file for a login that may not create a database', async () => {
      const login = `weaver_reader_${process.pid}_${Date.now().toString(36)}`;
      const { admin } = fresh.urls!;
      await sqlAt(admin, `create role ${login} login bypassrls password 'secret of mine'`);
      await sqlAt(admin, `grant pg_read_all_data to ${login}`);
      try {
        const url = databaseUrl(admin, new URL(admin).pathname.slice(1), {
          user: login,
          password: 'secret of mine',
        });
        const { code, out, err } = await weaver({ DATABASE_URL: url }, [
          'db',
          'backup',
          join(folder, 'read'),
        ]);
        expect({ code, out }, err).toEqual({
          code: 0,
          out: expect.stringMatching(/read: \d+ rows in \d+ tables\.$/),
        });
        expect(err).toContain(
          'The file was checked and has the same rows: they were counted in the file, because ' +
            'this login may not create databases here.',
        );
      } finally {
        await sqlAt(admin, `drop owned by ${login}`);
        await sqlAt(admin, `drop role ${login}`);
      }
    });
  });
});

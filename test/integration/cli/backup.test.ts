import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { Database } from '../../../src/db/database.js';
import { knownMigrations } from '../../../src/ops/migrations/state.js';
import { ENTITIES } from '../../../src/entities.js';
import {
  Commands,
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
  type Outcome,
} from '../../support/command.js';
import { joinPatterns } from '../../support/join-patterns.js';
import { databaseUrl } from '../../support/template-database.js';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const onPostgres = inject('template').kind === 'postgres';
const HEAD = knownMigrations().at(-1)!;
const folder = mkdtempSync(join(tmpdir(), 'weaver-backup-'));
const commands = new Commands();
let named = 0;
const file = (): string => join(folder, `file-${named++}`);
const made: FreshDatabase[] = [];
const roles: string[] = [];

async function database(options?: { migrated?: boolean }): Promise<FreshDatabase> {
  const fresh = await freshDatabase(options);
  made.push(fresh);
  return fresh;
}

async function login(attributes: string): Promise<string> {
  const name = `weaver_backup_login_${process.pid}_${roles.length}`;
  await sqlAt(admin(), `create role ${name} login ${attributes} password 'secret of mine'`);
  roles.push(name);
  return name;
}

const admin = (): string => source.urls!.maintenance;
const as = (fresh: FreshDatabase, user: string): Record<string, string> => ({
  DATABASE_URL: databaseUrl(fresh.urls!.admin, nameOf(fresh), { user, password: 'secret of mine' }),
});
const nameOf = (fresh: FreshDatabase): string => new URL(fresh.urls!.admin).pathname.slice(1);

/** Rows of a statement, as somebody whom no policy holds. */
async function sql<R>(fresh: FreshDatabase, text: string): Promise<R[]> {
  if (fresh.urls) return sqlAt<R>(fresh.urls.admin, text);
  const opened = await Database.open(
    { kind: 'embedded', dataDir: fresh.env.WEAVER_DATA_DIR! },
    ENTITIES,
    'migrate',
  );
  try {
    let rows: R[] = [];
    // One statement at a time.
    for (const statement of text.split(/;\n/))
      rows = await opened.orm.em.getDriver().getConnection().execute(statement);
    return rows;
  } finally {
    await opened.close();
  }
}

const TOO_LARGE = 'the file system takes no file that large';

/**
 * What a row can hold that is easily lost on the way: each character that the text format of rows
 * escapes, and numbers beyond JavaScript's.
 */
const DIFFICULT =
  String.raw`E'tab\t line\n return\r backslash \\ end \\.\n\\.\n` +
  String.raw`separator \u2028 \u0085 \U0001F600 quote '' "'`;
const FILL = `
  insert into tenants (id, name, created_at)
    values ('00000000-0000-4000-8000-00000000000a', ${DIFFICULT}, '2026-01-02 03:04:05.678901+00'),
      ('00000000-0000-4000-8000-00000000000b', 'other', '9999-12-31 23:59:59.999999+00');
  update bots set config_json =
    '{"n": 12345678901234567890.123456789012345678901234567890, "e": 1e-400, "t": "\\u2028"}';
  insert into docs (id, tenant_id, filename, size_bytes, tags) select gen_random_uuid(), id, name,
    9007199254740993, array[name, 'NULL', '{"a",b}', ' '] from tenants;
  insert into doc_chunks (tenant_id, doc_id, text, chunk_index, chunk_metadata, embedding)
    select d.tenant_id, d.id, d.filename || n, n, '{"deep": [1.10, null]}',
      (select array_agg((sin(i * 7 + n) * 0.3)::real)
        from generate_series(1, 1536) i)::real[]::vector::halfvec(1536)
      from docs d, generate_series(1, 600) n;
  insert into doc_chunks (tenant_id, doc_id, text, chunk_index) select tenant_id, id, '', 601
    from docs;
  insert into doc_texts (tenant_id, doc_id, revision, text, sha256) select tenant_id, id, 3,
    'The tents of ' || filename, encode(sha256('x'), 'hex') from docs;
  insert into doc_chunks (tenant_id, doc_id, text, chunk_index, headings, table_header, revision,
      text_start, text_end)
    select tenant_id, id, 'tents', 602, array[filename, 'NULL', '{"a",b}'], '| a |', 3, 4, 9
      from docs;
  insert into api_keys (tenant_id, name, key_hash, scopes) select id, 'key', 'x', '{read,"ask"}'
    from tenants;
  insert into bot_queries (tenant_id, bot_id, query, answer) select tenant_id, id, ${DIFFICULT},
    'null \\N' from bots;
  insert into uploads (tenant_id, filename, size_bytes, received_bytes, state, token_digest,
      expires_at)
    select id, name, 2097152, 1048576, 'receiving', repeat('0', 64), '2100-01-01' from tenants;
  insert into ingestions (tenant_id, doc_id, filename, size_bytes, content_sha256, kind, revision,
      state, text, page_starts, error_code, error_message, error_retryable)
    select tenant_id, id, filename, 7, repeat('0', 64), 'replace', 4, 'failed', 'Its text',
      '{0,4}', 'CORRUPT', 'It is no text.', false from docs;
  insert into ingestion_chunks (tenant_id, ingestion_id, chunk_index, text, context, headings,
      text_start, text_end, input_sha256, model, embedding)
    select tenant_id, id, 0, 'Its text', 'Its file', '{A,B}', 0, 8, repeat('0', 64), 'm',
      array_fill(0.5::real, array[1536])::halfvec(1536) from ingestions;
  insert into upload_parts (tenant_id, upload_id, part_no, bytes)
    select tenant_id, id, 0, decode(repeat('00ff5c6e0a', 209715) || '09', 'hex') from uploads;
  insert into idempotency_keys (tenant_id, principal, mutation, key, input_digest, outcome)
    values (null, 'operator', 'm', 'k', 'd', '{"n": 0.10}')`;

let source: FreshDatabase;
beforeAll(async () => {
  source = await database({ migrated: true });
  await sql(source, FILL);
});
afterAll(async () => {
  await commands.close();
  await Promise.all(made.map(fresh => fresh.close()));
  for (const role of roles) {
    const { maintenance } = (await freshDatabase()).urls!;
    await sqlAt(maintenance, `drop owned by ${role}`).catch(() => {});
    await sqlAt(maintenance, `drop role if exists ${role}`).catch(() => {});
  }
  rmSync(folder, { recursive: true, force: true });
});

/** On PostgreSQL pg_dump waits for the table, until that is released. */
async function holdTenants(): Promise<() => Promise<void>> {
  if (!onPostgres) return async () => {};
  const holder = new Client({ connectionString: source.urls!.admin });
  await holder.connect();
  await holder.query('begin; lock table tenants in access exclusive mode');
  return () => holder.end();
}

const left = (path: string): string[] =>
  readdirSync(folder).filter(name => join(folder, name).startsWith(path));
const scratchDatabases = async (): Promise<string[]> =>
  (
    await sqlAt<{ name: string }>(
      admin(),
      'select datname::text as name from pg_database ' +
        "where datname like 'weaver\\_backup\\_check\\_%'",
    )
  ).map(({ name }) => name);

describe('a portable backup', () => {
  const text = (path: string): string => gunzipSync(readFileSync(path)).toString();

  test("carries each row of Weaver's tables exactly to the other database and back", async () => {
    const [first, second, third] = [file(), file(), file()];
    const { code, out, err } = await weaver(source.env, ['db', 'backup', '--portable', first]);
    expect({ code, out }, err).toEqual({
      code: 0,
      out: expect.stringMatching(/^Wrote .*: \d+ rows in 14 tables\.$/),
    });
    expect(statSync(first).mode & 0o777).toBe(0o600);
    const embedded = { WEAVER_DATA_DIR: join(folder, 'other-kind') };
    expect(await weaver(embedded, ['db', 'restore', first])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Restored .*: \d+ rows in 14 tables\.$/),
    });
    expect((await weaver(embedded, ['db', 'check'])).out).toBe(
      `At head (${HEAD}), and nothing differs from what the migrations make.`,
    );
    await weaver(embedded, ['db', 'backup', '--portable', second]);
    const back = await database();
    expect(await weaver(back.env, ['db', 'restore', second])).toMatchObject({ code: 0 });
    expect((await weaver(back.env, ['db', 'check'])).out).toContain('nothing differs');
    await weaver(back.env, ['db', 'backup', '--portable', third]);
    expect(text(second)).toBe(text(first));
    expect(text(third)).toBe(text(first));
    const sums =
      'select storage_used_bytes = (select sum(size_bytes) from docs d ' +
      'where d.tenant_id = t.id) + (select sum(size_bytes) from uploads u ' +
      'where u.tenant_id = t.id) as right from tenants t';
    expect(await sql(back, sums)).toEqual([{ right: true }, { right: true }]);
    expect(await sql(back, 'select count(*)::int as bots from bots')).toEqual([{ bots: 2 }]);
    expect(
      await sql(
        back,
        `select bool_and(tags = array[filename::text, 'NULL', '{"a",b}', ' ']) as same from docs`,
      ),
    ).toEqual([{ same: true }]);
    // Words are made by the database that has the rows; the other has another version.
    const words =
      'select c.chunk_index as index, c.search_vector::text as words, ' +
      'substr(d.text, c.text_start + 1, c.text_end - c.text_start) as cut from doc_chunks c ' +
      'left join doc_texts d on d.doc_id = c.doc_id and d.revision = c.revision ' +
      'where c.chunk_index > 598 order by c.tenant_id, c.chunk_index';
    const restored = await sql<{ words: string; cut: string | null }>(back, words);
    expect(restored).toEqual(await sql(source, words));
    expect(restored.filter(({ cut }) => cut === 'tents')).toHaveLength(2);
    for (const row of restored) expect(row.words).toMatch(/'(other|tab)'/);
  });

  test.runIf(onPostgres)('that an empty database cannot take leaves it empty', async () => {
    const path = file();
    await weaver(source.env, ['db', 'backup', '--portable', '--no-check', path]);
    const target = await database();
    await sql(
      target,
      `create function add_column() returns event_trigger language plpgsql as $$ begin
         if exists (select from pg_event_trigger_ddl_commands()
           where object_identity = 'public.tenants'
             and command_tag = 'CREATE TABLE') then alter table public.tenants add column odd int;
               end if;
       end $$;
       create event trigger odd on ddl_command_end when tag in ('CREATE TABLE')
         execute function add_column()`,
    );
    const { code, out, err } = await weaver(target.env, ['db', 'restore', path]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/has other tables or columns than this database.* Nothing was changed\.$/);
    expect(
      await sql(
        target,
        "select relname from pg_class where relnamespace = 'public'::regnamespace " +
          "and relkind in ('r', 'S')",
      ),
    ).toEqual([]);
    await sql(target, 'drop event trigger odd');
    expect(await weaver(target.env, ['db', 'restore', path])).toMatchObject({ code: 0 });
  });

  test.runIf(onPostgres)('that cannot take back its tables says which are left', async () => {
    const path = file();
    await weaver(source.env, ['db', 'backup', '--portable', '--no-check', path]);
    const target = await database();
    await sql(
      target,
      `create function stop_drops() returns event_trigger language plpgsql as $$ begin
         raise 'no drops here';
       end $$;
       create function wait() returns event_trigger language plpgsql as $$ begin
         if current_setting('application_name') <> 'weaver-migrate' then
           perform pg_sleep(60);
         end if;
       end $$;
       create event trigger no_drops on sql_drop when tag in ('DROP TABLE')
         execute function stop_drops();
       create event trigger waits on ddl_command_end when tag in ('ALTER TABLE')
         execute function wait()`,
    );
    const restore = commands.weaver(target.env, 'db', 'restore', path);
    await vi.waitUntil(
      async () =>
        restore.child.exitCode !== null ||
        (
          await sql<{ waits: boolean }>(
            target,
            'select exists (select from pg_stat_activity where datname = current_database() ' +
              "and wait_event = 'PgSleep') as waits",
          )
        )[0]!.waits,
      { timeout: 60_000 },
    );
    expect(await restore.end('SIGINT')).toEqual({ code: 130, signal: null });
    const leftover =
      'the empty tables that it created are left in the database, because they could not be ' +
      'removed (no drops here). Correct that, then remove them with "npx weaver db down base".';
    expect(restore.err.trim().split('\n').at(-1)).toBe(`Interrupted: ${leftover}`);
    await sql(target, 'drop event trigger no_drops; drop event trigger waits');
    expect(await weaver(target.env, ['db', 'down', 'base'])).toMatchObject({ code: 0 });
    expect(await weaver(target.env, ['db', 'restore', path])).toMatchObject({ code: 0 });
  });

  test('replaces rows with --yes, and none if the file is cut, damaged or unlike', async () => {
    const whole = file();
    await weaver(source.env, ['db', 'backup', '--portable', '--no-check', whole]);
    const target = await database({ migrated: true });
    await sql(target, `insert into tenants (name) values ('stays')`);
    const restore = (path: string, ...args: string[]): Promise<Outcome> =>
      weaver(target.env, ['db', 'restore', path, ...args]);
    expect(await restore(whole)).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        joinPatterns(
          /replaces the table tenants \(1 row\)\n(.*\n)*Nothing was changed\. /,
          /Add --yes to replace these rows\.$/,
        ),
      ),
    });

    const cut = file();
    writeFileSync(cut, readFileSync(whole).subarray(0, -20));
    expect(await restore(cut, '--yes')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(`${cut} is cut off: its end is missing. Nothing was changed.`),
    });
    const damaged = file();
    writeFileSync(damaged, gzipSync(text(whole).replace('\tother\t', '\tanother\t')));
    expect(await restore(damaged, '--yes')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(
        `${damaged} is damaged: its rows are not those that were written. Nothing was changed.`,
      ),
    });
    const later = file();
    writeFileSync(
      later,
      gzipSync(text(whole).replace(`"${HEAD}"]`, `"${HEAD}","Migration29990101000000_later"]`)),
    );
    expect(await restore(later, '--yes')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(
        'written at migrations that this Weaver does not have (Migration29990101000000_later)',
      ),
    });
    if (onPostgres) {
      await weaver(target.env, ['db', 'down']);
      expect(await restore(whole, '--yes')).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining(
          `was written at ${HEAD}, and this database is at ${knownMigrations().at(-2)}. ` +
            `Run "npx weaver db up ${HEAD}" first. Nothing was changed.`,
        ),
      });
      await weaver(target.env, ['db', 'up']);
    }
    expect(await sql(target, 'select name from tenants')).toEqual([{ name: 'stays' }]);

    expect(await restore(whole, '--yes')).toMatchObject({ code: 0 });
    expect(await sql(target, 'select count(*)::int as tenants from tenants')).toEqual([
      { tenants: 2 },
    ]);
  });

  test('of an earlier migration makes an empty database like it, which then migrates', async () => {
    const [older, fresh] = [await database({ migrated: true }), await database()];
    await sql(older, `insert into tenants (name) values ('early')`);
    await weaver(older.env, ['db', 'down']);
    const path = file();
    expect(await weaver(older.env, ['db', 'backup', '--portable', path])).toMatchObject({
      code: 0,
    });
    expect(await weaver(fresh.env, ['db', 'restore', path])).toMatchObject({ code: 0 });
    expect((await weaver(fresh.env, ['db', 'current'])).out).toContain(knownMigrations().at(-2));
    expect(await weaver(fresh.env, ['db', 'up'])).toMatchObject({ code: 0 });
    expect(await sql(fresh, 'select name from tenants')).toEqual([{ name: 'early' }]);
  });

  test.runIf(onPostgres)(
    "is written by the gateway's login and restored by the tables' owner, who gets them",
    async () => {
      const [gateway, owner] = [await login('noinherit'), await login('')];
      await sqlAt(admin(), `grant weaver_tenant, weaver_operator to ${gateway}`);
      const path = file();
      expect(await weaver(as(source, gateway), ['db', 'backup', '--portable', path])).toMatchObject(
        {
          code: 0,
          out: expect.stringMatching(/: \d+ rows in 14 tables\.$/),
        },
      );
      const target = await database();
      await weaver(target.env, ['db', 'bootstrap', '--owner', owner]);
      const asOwner = as(target, owner);
      expect(await weaver(asOwner, ['db', 'restore', path])).toMatchObject({ code: 0 });
      expect((await weaver(asOwner, ['db', 'restore', path])).err).toContain(
        'replaces the table tenants (2 rows)',
      );
      expect(await weaver(asOwner, ['db', 'restore', '--yes', path])).toMatchObject({ code: 0 });
      expect(await weaver(asOwner, ['db', 'backup', '--portable', file()])).toMatchObject({
        code: 1,
        err: expect.stringMatching(
          /^Row-level security hides rows from the login \w+, so the backup would contain no /,
        ),
      });
      expect((await weaver(target.env, ['db', 'check'])).out).toContain('nothing differs');
      const superusers = await database();
      await weaver(superusers.env, ['db', 'bootstrap', '--owner', owner]);
      expect(await weaver(superusers.env, ['db', 'restore', path])).toMatchObject({ code: 0 });
      expect(await weaver(as(superusers, owner), ['db', 'down', '--yes'])).toMatchObject({
        code: 0,
      });
    },
  );
});

describe('the file', () => {
  test('that cannot be written, read or restored is one sentence, and nothing stays', async () => {
    expect(await weaver(source.env, ['db', 'backup', folder])).toMatchObject({
      code: 1,
      out: '',
      err: `${folder} is there already: name another file.`,
    });
    const nowhere = join(folder, 'nowhere', 'file');
    expect(await weaver(source.env, ['db', 'backup', nowhere])).toMatchObject({
      code: 1,
      out: '',
      err: `${nowhere} cannot be written (ENOENT): there is no such file or folder.`,
    });
    const empty = file();
    writeFileSync(empty, '');
    expect(await weaver(source.env, ['db', 'restore', empty])).toMatchObject({
      code: 1,
      out: '',
      err: `${empty} is empty, so it is no backup.`,
    });
    expect(await weaver(source.env, ['db', 'restore', folder])).toMatchObject({
      code: 1,
      out: '',
      err: `${folder} is a folder, and a backup is a file.`,
    });
    const target = await database();
    const whole = file();
    expect(await weaver(source.env, ['db', 'backup', '--no-check', whole])).toMatchObject({
      code: 0,
      err: expect.stringContaining('The file was not checked'),
    });
    const { size } = statSync(whole);
    for (const bytes of [size - 10, Math.floor(size / 2), 200]) {
      const cut = file();
      writeFileSync(cut, readFileSync(whole));
      truncateSync(cut, bytes);
      const { code, out, err } = await weaver(target.env, ['db', 'restore', cut]);
      expect({ code, out, err: err.split('\n').at(-1) }).toEqual({
        code: 1,
        out: '',
        err: expect.stringMatching(/ is cut off( or damaged \(.*\))?[:.].*$/),
      });
    }
    const damaged = file();
    const bytes = readFileSync(whole);
    bytes.fill('x', Math.floor(size / 2), Math.floor(size / 2) + 64);
    writeFileSync(damaged, bytes);
    expect(await weaver(target.env, ['db', 'restore', damaged])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/ is (cut off or )?damaged.* Nothing was changed\.$/),
    });
  });

  test.runIf(process.platform === 'linux').each([[['--no-check']], [['--portable']]])(
    'for which there is no room is one sentence, and nothing stays (%s)',
    async options => {
      const path = file();
      const bin = join(import.meta.dirname, '../../../bin/weaver.js');
      // As where a disk is full, a write fails: files end at twenty kilobytes.
      const child = spawn(
        'bash',
        [
          '-c',
          `trap '' XFSZ; ulimit -f 20; exec "$0" "$@"`,
          process.execPath,
          bin,
          'db',
          'backup',
          ...options,
          path,
        ],
        {
          cwd: folder,
          env: {
            PATH: process.env.PATH,
            ...source.env,
            ...(onPostgres ? {} : { WEAVER_DATA_DIR: source.env.WEAVER_DATA_DIR }),
          },
        },
      );
      let err = '';
      child.stderr.on('data', data => void (err += data));
      const code = await new Promise(resolve => child.once('close', resolve));
      // The embedded database itself may need more room.
      if (!onPostgres && !err.includes('.partial')) return;
      expect({ code, err: err.trim().split('\n').at(-1) }).toEqual({
        code: 1,
        err: expect.stringMatching(
          new RegExp(
            String.raw`(cannot be written \(EFBIG\): ${TOO_LARGE}|` +
              String.raw`pg_dump failed: (${TOO_LARGE}|.*File too large.*))\. ` +
              String.raw`Nothing was written\.$`,
          ),
        ),
      });
      expect(left(path)).toEqual([]);
    },
  );

  test("is its owner's alone, has no name before its trial, and goes if interrupted", async () => {
    const path = file();
    const release = await holdTenants();
    const before = process.umask(0);
    const running = commands.weaver(source.env, 'db', 'backup', path);
    process.umask(before);
    try {
      await vi.waitUntil(() => existsSync(`${path}.partial`) || running.child.exitCode !== null, {
        timeout: 60_000,
        interval: 2,
      });
      expect(statSync(`${path}.partial`).mode & 0o777).toBe(0o600);
      expect(existsSync(path)).toBe(false);
      const ended = await running.end('SIGINT');
      expect({ ...ended, err: running.err.trim().split('\n').at(-1) }).toEqual({
        code: 130,
        signal: null,
        err: 'Interrupted: nothing was written.',
      });
    } finally {
      await release();
    }
    expect(left(path)).toEqual([]);
  });

  test.each([[[]], [['--portable']]])('is written by one backup at a time (%s)', async options => {
    const path = file();
    const other = await database({ migrated: true });
    const outcomes = await Promise.all(
      [source, other].map(({ env }) =>
        weaver(env, ['db', 'backup', '--no-check', ...options, path]),
      ),
    );
    const [done, refused] = outcomes.toSorted((a, b) => a.code! - b.code!);
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining(`Wrote ${path}`) });
    expect(refused).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        `^Another backup is writing ${path}: name another file\\. Nothing was written\\.$`,
      ),
    });
    expect(left(path)).toEqual([path.slice(folder.length + 1)]);
    const target = { WEAVER_DATA_DIR: join(folder, `written-once-${named++}`) };
    if (options.length > 0)
      expect(await weaver(target, ['db', 'restore', path])).toMatchObject({ code: 0 });
  });

  test('never replaces one that got its name meanwhile', async () => {
    const path = file();
    const release = await holdTenants();
    const running = commands.weaver(source.env, 'db', 'backup', path);
    await vi.waitUntil(() => existsSync(`${path}.partial`) || running.child.exitCode !== null, {
      timeout: 60_000,
      interval: 2,
    });
    writeFileSync(path, "somebody else's");
    await release();
    const { code, err } = await running.outcome();
    expect({ code, err: err.trim().split('\n').at(-1) }).toEqual({
      code: 1,
      err:
        `${path} cannot be written (EEXIST): it is there already: name another file. ` +
        'Nothing was written.',
    });
    expect(readFileSync(path, 'utf8')).toBe("somebody else's");
    expect(left(path)).toEqual([path.slice(folder.length + 1)]);
  });
});

test('requests that were counted a moment ago keep no backup from its check', async () => {
  const counting = await database({ migrated: true });
  await sql(
    counting,
    `insert into rate_limits (subject, minute, used, granted) values ('walk', now(), 3, 5)`,
  );
  for (const options of [[], ['--portable']])
    expect(await weaver(counting.env, ['db', 'backup', ...options, file()])).toMatchObject({
      code: 0,
      err: expect.stringContaining('The file was checked and has the same rows'),
    });
});

describe.runIf(!onPostgres)("the embedded database's former files", () => {
  /** Before the command: the disk fails as often when `pg` of the data folder gets its name. */
  const FAILING_DISK =
    "import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module'; " +
    'const { renameSync } = fs; let failures = Number(process.env.FAILURES); ' +
    'fs.renameSync = (from, to) => { ' +
    "if (to === process.env.WEAVER_DATA_DIR + '/pg' && failures-- > 0) throw Object.assign(" +
    "new Error('EIO: i/o error, rename'), { code: 'EIO', syscall: 'rename', path: from }); " +
    'renameSync(from, to); }; syncBuiltinESMExports();';

  test('are put back where the restored ones cannot take their place, or named', async () => {
    const path = file();
    await weaver(source.env, ['db', 'backup', '--no-check', path]);
    const target = await database({ migrated: true });
    await sql(target, `insert into tenants (name) values ('stays')`);
    const dataDir = target.env.WEAVER_DATA_DIR!;
    const restore = async (failures: number): Promise<Outcome> =>
      commands
        .weaver(
          {
            ...target.env,
            FAILURES: String(failures),
            NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(FAILING_DISK)}`,
          },
          'db',
          'restore',
          '--yes',
          path,
        )
        .outcome();
    const names = (): Promise<unknown[]> => sql(target, 'select name from tenants');

    expect(await restore(1)).toMatchObject({
      code: 1,
      out: '',
      err:
        `${dataDir}/restoring cannot be written (EIO): the disk reports an error. ` +
        'Nothing was changed.\n',
    });
    expect(await names()).toEqual([{ name: 'stays' }]);
    const { code, err } = await restore(2);
    const [former] = readdirSync(dataDir).filter(name => name.startsWith('pg.before-restore-'));
    expect({ code, err }).toEqual({
      code: 1,
      err:
        `${dataDir}/pg cannot be written (EIO): the disk reports an error. The restore failed: ` +
        `the former database is in ${dataDir}/${former}. Rename that folder to ${dataDir}/pg, ` +
        'or restore again.\n',
    });
    renameSync(join(dataDir, former!), join(dataDir, 'pg'));
    expect(await names()).toEqual([{ name: 'stays' }]);
  });

  test.each([
    [
      'lack PG_VERSION',
      (cluster: string) => rmSync(join(cluster, 'PG_VERSION')),
      /has files but no PG_VERSION/,
    ],
    [
      'are of another version',
      (cluster: string) => writeFileSync(join(cluster, 'PG_VERSION'), '17\n'),
      /was created by PostgreSQL 17/,
    ],
  ])('are kept beside what is restored where they %s', async (_, damage, reason) => {
    const path = file();
    await weaver(source.env, ['db', 'backup', '--no-check', path]);
    const target = await database({ migrated: true });
    const dataDir = target.env.WEAVER_DATA_DIR!;
    damage(join(dataDir, 'pg'));
    chmodSync(dataDir, 0o755);
    const refused = await weaver(target.env, ['db', 'restore', path]);
    expect(refused).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        joinPatterns(
          /^The database that is there cannot be opened, .*Nothing was changed\. /,
          /Add --yes to put the backup in its place/,
        ),
      ),
    });
    expect(refused.err).toMatch(reason);
    expect(await weaver(target.env, ['db', 'restore', '--yes', path])).toMatchObject({
      code: 0,
      err: expect.stringMatching(/The former files are kept in \S+pg\.before-restore-\d+/),
    });
    expect(statSync(join(dataDir, 'pg')).mode & 0o777).toBe(0o700);
    expect(readdirSync(dataDir).filter(name => /^(restoring|pg\.before)/.test(name))).toEqual([
      expect.stringContaining('pg.before-restore-'),
    ]);
    expect(await sql(target, 'select count(*)::int as tenants from tenants')).toEqual([
      { tenants: 2 },
    ]);
  });
});

describe.runIf(onPostgres)('a dump of PostgreSQL', () => {
  test('holds what others keep in the database, which hinders no check or restore', async () => {
    const shared = await database({ migrated: true });
    const { admin: url } = shared.urls!;
    await sqlAt(url, `insert into tenants (name) values (E'one \\u2028 row')`);
    await sqlAt(
      url,
      'create schema "re.port"; create table "re.port".tenants (a int); insert into ' +
        '"re.port".tenants values (1), (2), (3)',
    );
    await sqlAt(
      url,
      'create schema reporting; create table reporting.daily as select 1 as a; create ' +
        'view public.seen as select * from reporting.daily',
    );
    await sqlAt(
      url,
      "create function public.noted() returns trigger language plpgsql as 'begin return " +
        "new; end'; create trigger noted after update on docs for each row " +
        'execute function noted()',
    );
    const [whole, ours, read] = [file(), file(), file()];
    const { code, out, err } = await weaver(shared.env, ['db', 'backup', whole]);
    expect({ code, out }, err).toEqual({ code: 0, out: expect.stringMatching(/ in 18 tables\.$/) });
    expect(err).toContain('restored into a scratch database, and other rows counted in the file');
    expect(await weaver(shared.env, ['db', 'backup', '--only-weaver', ours])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ in 16 tables\.$/),
    });
    const reader = await login('bypassrls');
    await sqlAt(admin(), `grant pg_read_all_data to ${reader}`);
    expect(await weaver(as(shared, reader), ['db', 'backup', read])).toMatchObject({
      code: 0,
      err: expect.stringContaining('counted in the file'),
    });

    for (const [path, args, others] of [
      [whole, [], 3],
      [whole, ['--only-weaver'], undefined],
      [ours, [], undefined],
      [read, [], 3],
    ] as const) {
      const target = await database();
      expect(await weaver(target.env, ['db', 'restore', path, ...args])).toMatchObject({ code: 0 });
      const [found] = await sqlAt<{ there: boolean }>(
        target.urls!.admin,
        `select to_regclass('"re.port".tenants') is not null as there`,
      );
      expect(found!.there).toBe(others !== undefined);
      expect(await weaver(target.env, ['db', 'restore', path, ...args, '--yes'])).toMatchObject({
        code: 0,
      });
      expect(
        await sqlAt(target.urls!.admin, 'select count(*)::int as tenants from tenants'),
      ).toEqual([{ tenants: 1 }]);
    }
    // Over the same database, where others have gone on.
    await sqlAt(url, `create table reporting.later (a int); create table others_too (a int)`);
    expect(
      await weaver(shared.env, ['db', 'restore', '--only-weaver', '--yes', whole]),
    ).toMatchObject({ code: 0 });
    expect(
      await sqlAt(
        url,
        "select to_regclass('reporting.later') is not null " +
          "and to_regclass('others_too') is not null as there",
      ),
    ).toEqual([{ there: true }]);
    expect((await weaver(shared.env, ['db', 'restore', '--yes', whole])).err).toContain(
      'removes others_too, which the backup does not have (0 rows)',
    );
    expect(
      await sqlAt(
        url,
        "select to_regclass('reporting.later') is not null as later, " +
          "to_regclass('others_too') is not null as too",
      ),
    ).toEqual([{ later: true, too: false }]);
  });

  test("is the way back from a migration, and leaves nothing in a next try's way", async () => {
    const live = await database({ migrated: true });
    const path = file();
    await weaver(live.env, ['db', 'backup', path]);
    const deploy = `create type mood as enum ('good'); create table feedback (id uuid primary key,
      tenant_id uuid references tenants, mood mood);
      insert into feedback values (gen_random_uuid()); alter table bots add feedback_id uuid
        references feedback;
      create function weaver_feedback() returns trigger language plpgsql as
        'begin return new; end'; create trigger feedback before update on docs for each row
          execute function weaver_feedback();
      create view feedback_of_bots as select b.id from bots b
        join feedback f on f.id = b.feedback_id`;
    await sqlAt(live.urls!.admin, deploy);
    const refused = await weaver(live.env, ['db', 'restore', path]);
    expect(refused.err).toMatch(
      joinPatterns(
        /removes feedback, which the backup does not have \(1 row\)\n(.*\n)* {2}removes the /,
        /function weaver_feedback\(\), which the backup does not have\n(.*\n)*Nothing was /,
        /changed\. Add --yes/,
      ),
    );
    expect(await weaver(live.env, ['db', 'restore', '--yes', path])).toMatchObject({ code: 0 });
    expect((await weaver(live.env, ['db', 'check'])).out).toContain('nothing differs');
    await sqlAt(live.urls!.admin, deploy);
  });

  test('is tried in a database of the same encoding, locale and provider', async () => {
    const facts =
      'pg_encoding_to_char(encoding) as encoding, datlocprovider, datcollate, datctype, ' +
      'daticulocale';
    for (const [name, options] of [
      ['plain', `encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`],
      ['icu', `encoding 'UTF8' lc_collate 'C' lc_ctype 'C' locale_provider icu icu_locale 'sv-SE'`],
    ] as const) {
      const other = `weaver_backup_${name}_${process.pid}`;
      await sqlAt(admin(), `create database ${other} template template0 ${options}`);
      const env = { DATABASE_URL: databaseUrl(admin(), other) };
      try {
        expect(await weaver(env, ['db', 'up'])).toMatchObject({ code: 0 });
        const before = await scratchDatabases();
        const running = commands.weaver(env, 'db', 'backup', file());
        const scratch = await vi.waitUntil(
          async () =>
            running.child.exitCode ??
            (await scratchDatabases()).find(found => !before.includes(found)),
          { timeout: 60_000, interval: 2 },
        );
        const found = await sqlAt(
          admin(),
          `select ${facts} from pg_database where datname in ('${other}', '${scratch}')`,
        );
        expect(found).toHaveLength(2);
        expect(found[0]).toEqual(found[1]);
        expect(await running.outcome()).toMatchObject({
          code: 0,
          err: expect.stringContaining('restored into a scratch database'),
        });
      } finally {
        await sqlAt(admin(), `drop database ${other} with (force)`);
      }
    }
  });

  test('leaves tables to their owner, whoever restores it, and names the owner', async () => {
    const [owner, stranger] = [await login(''), await login('')];
    const path = file();
    await weaver(source.env, ['db', 'backup', '--no-check', path]);
    const target = await database();
    await weaver(target.env, ['db', 'bootstrap', '--owner', owner]);
    const asOwner = as(target, owner);
    expect(await weaver(asOwner, ['db', 'restore', path])).toMatchObject({ code: 0 });
    expect(await weaver(asOwner, ['db', 'restore', '--yes', path])).toMatchObject({ code: 0 });
    expect(await weaver(target.env, ['db', 'restore', '--yes', path])).toMatchObject({
      code: 0,
      err: expect.stringContaining(`Weaver's tables belong to ${owner}`),
    });
    expect(await weaver(asOwner, ['db', 'down'])).toMatchObject({ code: 0 });
    expect(await weaver(asOwner, ['db', 'up'])).toMatchObject({ code: 0 });
    expect((await weaver(asOwner, ['db', 'check'])).out).toContain('nothing differs');

    await sqlAt(target.urls!.admin, `grant create, usage on schema public to ${stranger}`);
    for (const args of [['up'], ['check'], ['current'], ['restore', '--yes', path]]) {
      const { code, err } = await weaver(as(target, stranger), ['db', ...args]);
      expect({ code, err }).toEqual({
        code: 1,
        err: expect.stringContaining(
          `belong to ${owner}, and ${stranger} is no member of that role`,
        ),
      });
      expect(err).toContain(`reassign owned by "${owner}" to "${stranger}"`);
    }
    const superusers = await weaver(as(source, stranger), ['db', 'up']);
    const statements = /give them to \w+: (.*)$/s.exec(superusers.err)![1]!;
    expect(statements).toMatch(/^alter table .*alter routine/);
    const taken = await database({ migrated: true });
    await sqlAt(taken.urls!.admin, `grant create on schema public to ${stranger}; ${statements}`);
    expect(await weaver(as(taken, stranger), ['db', 'down'])).toMatchObject({ code: 0 });
  });

  test('that was killed in its trial is removed by the next, which leaves live ones', async () => {
    const path = file();
    const before = await scratchDatabases();
    const running = commands.weaver(source.env, 'db', 'backup', path);
    await vi.waitUntil(
      async () =>
        running.child.exitCode !== null || (await scratchDatabases()).length > before.length,
      { timeout: 60_000, interval: 2 },
    );
    await running.end('SIGKILL');
    const [killed] = (await scratchDatabases()).filter(name => !before.includes(name));
    await vi.waitUntil(
      async () =>
        (
          await sqlAt<{ busy: boolean }>(
            admin(),
            `select exists (select from pg_stat_activity where datname = '${killed}' ` +
              `or query like '%${killed}%' and pid <> pg_backend_pid()) as busy`,
          )
        )[0]!.busy === false,
      { timeout: 60_000 },
    );
    const living = killed!.replace(/_[0-9a-f]+$/, `_living_${process.pid}`);
    const others = `weaver_backup_check_1_${process.pid}`;
    for (const name of [living, others]) await sqlAt(admin(), `create database ${name}`);
    const holder = new Client({ connectionString: databaseUrl(admin(), living) });
    await holder.connect();
    try {
      const waiting = (await scratchDatabases()).includes(killed!);
      const { code, err } = await weaver(source.env, ['db', 'backup', path]);
      expect(code, err).toBe(0);
      expect(err).toContain(
        `Removed ${path}.partial, which an interrupted backup had left behind.`,
      );
      // Another file's backup may have been faster.
      if (waiting)
        expect(err).toContain(
          `Dropped the database ${killed}, which an interrupted backup had left with ` +
            'a copy of all rows.',
        );
      expect(await scratchDatabases()).toEqual(expect.arrayContaining([living, others]));
      expect(err).not.toContain(others);
      expect(await scratchDatabases()).not.toContain(killed);
    } finally {
      await holder.end();
      for (const name of [living, others])
        await sqlAt(admin(), `drop database ${name} with (force)`);
    }
  });

  test('ends with everything as it was when its check or a restore is interrupted', async () => {
    const before = await scratchDatabases();
    const path = file();
    const backup = commands.weaver(source.env, 'db', 'backup', path);
    await vi.waitUntil(
      async () =>
        backup.child.exitCode !== null || (await scratchDatabases()).length > before.length,
      { timeout: 60_000, interval: 2 },
    );
    expect(await backup.end('SIGTERM')).toEqual({ code: 143, signal: null });
    expect(backup.err).toMatch(/Interrupted: nothing was written\.\n$/);
    expect(left(path)).toEqual([]);
    expect(await scratchDatabases()).toEqual(before);

    await weaver(source.env, ['db', 'backup', '--no-check', path]);
    const target = await database({ migrated: true });
    await sqlAt(target.urls!.admin, `insert into tenants (name) values ('stays')`);
    const reader = new Client({ connectionString: target.urls!.admin });
    await reader.connect();
    await reader.query('begin; select count(*) from tenants');
    try {
      const restore = commands.weaver(target.env, 'db', 'restore', '--yes', path);
      await vi.waitUntil(
        async () =>
          (
            await sqlAt<{ waits: boolean }>(
              admin(),
              'select exists (select from pg_stat_activity ' +
                `where datname = '${nameOf(target)}' and wait_event_type = 'Lock') as waits`,
            )
          )[0]!.waits || restore.child.exitCode !== null,
        { timeout: 60_000 },
      );
      expect(await restore.end('SIGINT')).toEqual({ code: 130, signal: null });
      expect(restore.err).toMatch(/Interrupted: nothing was changed\.\n$/);
    } finally {
      await reader.end();
    }
    expect(await sqlAt(target.urls!.admin, 'select name from tenants')).toEqual([
      { name: 'stays' },
    ]);
  });
});

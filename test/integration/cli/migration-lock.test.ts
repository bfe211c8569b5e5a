import { spawn } from 'node:child_process';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { knownMigrations } from '../../../src/ops/migrations/state.js';
import { freshDatabase, sqlAt, weaver, type FreshDatabase } from '../../support/command.js';
import { Sandbox } from '../../support/sandbox.js';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describe.runIf(inject('template').kind === 'postgres')('the lock of migrations', () => {
  const NEXT = 'Migration29990101000000_next';
  const INDEX = 'Migration29990102000000_index';
  let sandbox: Sandbox;
  let fresh: FreshDatabase;

  beforeAll(async () => {
    sandbox = new Sandbox();
    fresh = await freshDatabase({ migrated: true });
  });
  afterAll(async () => {
    await sandbox.close();
    await fresh.close();
  });

  const admin = (): string => fresh.urls!.admin;
  const runs = (statement: string): Promise<void> =>
    vi.waitFor(
      async () => {
        const found = await sqlAt(
          admin(),
          'select from pg_stat_activity where datname = current_database() ' +
            'and pid <> pg_backend_pid() and query like $1',
          [statement],
        );
        expect(found.length).toBeGreaterThan(0);
      },
      { timeout: 60_000, interval: 50 },
    );
  /** Keeps a migration at work for as long as the test wants. */
  const holdLock = async (): Promise<() => Promise<void>> => {
    const holder = new Client({ connectionString: admin() });
    await holder.connect();
    await holder.query('set idle_session_timeout = 0');
    await holder.query('select pg_advisory_lock(20)');
    return () => holder.end();
  };
  const revert = async (...names: string[]): Promise<void> => {
    await sqlAt(admin(), `delete from mikro_orm_migrations where name = any($1)`, [names]);
    for (const name of names) sandbox.remove(name);
  };

  test("is waited for without delay to the holder's build, by a run and by a script", async () => {
    sandbox.write(NEXT, {
      up: ['create table next (id int)', 'select pg_advisory_xact_lock(20)'],
      down: ['drop table next'],
    });
    sandbox.write(INDEX, {
      up: ['create index concurrently next_id on next (id)'],
      down: ['drop index next_id'],
      transactional: false,
    });
    const script = await sandbox.weaver(
      fresh.env,
      'db',
      'up',
      '--sql',
      `${knownMigrations().at(-1)!}:head`,
    );
    expect(script.code).toBe(0);
    const release = await holdLock();
    const first = sandbox.startWeaver(fresh.env, 'db', 'up', '--statement-lock-timeout', '0');
    await runs('select pg_advisory_xact_lock(20)%');
    // Longer than the test may take: who waits with a snapshot would keep the build for as long.
    const second = sandbox.startWeaver(fresh.env, 'db', 'up', '--lock-timeout', '600');
    await second.until('waiting for it', 'err');
    const psql = spawn('psql', [admin(), '--quiet', '--no-psqlrc'], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    const errors: string[] = [];
    psql.stderr.on('data', data => void errors.push(String(data)));
    const ended = new Promise(resolve => psql.on('close', resolve));
    psql.stdin.end(script.out);
    await runs('do $weaver$ declare began%');
    await release();
    expect(await first.outcome()).toMatchObject({
      code: 0,
      out: `Applied ${NEXT}\nApplied ${INDEX}\n`,
    });
    expect(await second.outcome()).toMatchObject({
      code: 0,
      out: 'Nothing to do: no migration is pending.\n',
    });
    expect(await ended).toBe(3);
    expect(errors.join('')).toContain('and this one is not there');
    await sqlAt(admin(), 'drop table next');
    await revert(NEXT, INDEX);
  });

  test('is kept where the server ends idle sessions', async () => {
    await sqlAt(
      admin(),
      "do $$ begin execute format('alter database %I set idle_session_timeout = ''1s''', " +
        'current_database()); end $$',
    );
    sandbox.write(NEXT, { up: ['select pg_advisory_xact_lock(20)'], down: [] });
    const release = await holdLock();
    const first = sandbox.startWeaver(fresh.env, 'db', 'up', '--statement-lock-timeout', '0');
    await runs('select pg_advisory_xact_lock(20)%');
    await new Promise(resolve => setTimeout(resolve, 2_000));
    expect(await weaver(fresh.env, ['db', 'up', '--no-wait'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('is migrating this database'),
    });
    await release();
    expect(await first.outcome()).toMatchObject({ code: 0, out: `Applied ${NEXT}\n` });
    await sqlAt(
      admin(),
      "do $$ begin execute format('alter database %I reset idle_session_timeout', " +
        'current_database()); end $$',
    );
    await revert(NEXT);
  });

  test('an index left invalid by a broken-off build is built anew, and others not', async () => {
    const OTHER = 'Migration29990103000000_other';
    await sqlAt(admin(), 'create table built (id int)');
    await sqlAt(admin(), 'create index built_id on built (id)');
    await sqlAt(
      admin(),
      `update pg_index set indisvalid = false where indexrelid = 'built_id'::regclass`,
    );
    for (const exists of ['', 'if not exists ']) {
      sandbox.write(INDEX, {
        up: [`create index concurrently ${exists}built_id on built (id)`],
        down: [],
        transactional: false,
      });
      expect(await sandbox.weaver(fresh.env, 'db', 'up')).toMatchObject({
        code: 0,
        out: `Applied ${INDEX}\n`,
      });
      expect(
        await sqlAt(
          admin(),
          `select indisvalid as valid from pg_index where indexrelid = 'built_id'::regclass`,
        ),
      ).toEqual([{ valid: true }]);
      await revert(INDEX);
      await sqlAt(
        admin(),
        `update pg_index set indisvalid = false where indexrelid = 'built_id'::regclass`,
      );
    }
    // What is invalid by then is not this migration's, and stays.
    sandbox.write(OTHER, {
      up: ['create index concurrently built_other on built ((1 / (id - id)))'],
      down: [],
      transactional: false,
    });
    await sqlAt(admin(), 'insert into built values (1)');
    const { code, err } = await sandbox.weaver(fresh.env, 'db', 'up');
    expect(code).toBe(1);
    expect(err).toContain('The invalid index public.built_other that it left behind was dropped');
    expect(
      await sqlAt(
        admin(),
        `select relname::text as name from pg_class where relname like 'built\\_%' order by 1`,
      ),
    ).toEqual([{ name: 'built_id' }]);
    await sqlAt(admin(), 'drop table built');
    await revert(OTHER);
  });

  test('ends the run when it is lost', async () => {
    sandbox.write(NEXT, {
      up: ['create table next (id int)', 'select pg_sleep(60)'],
      down: ['drop table next'],
    });
    const run = sandbox.startWeaver(fresh.env, 'db', 'up');
    await runs('select pg_sleep(60)%');
    await sqlAt(
      admin(),
      "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' " +
        'and database = (select oid from pg_database where datname = current_database())',
    );
    expect(await run.outcome()).toEqual({
      code: 1,
      out: '',
      err: expect.stringContaining(
        'The session that holds the lock of migrations was lost, so this run was ended. ' +
          'What was not committed was rolled back: "npx weaver db current" says where the ' +
          'database is.\n',
      ),
    });
    expect(
      await sqlAt(
        admin(),
        "select from pg_stat_activity where query like 'select pg_sleep(60)%' " +
          'and datname = current_database()',
      ),
    ).toEqual([]);
    expect(await sqlAt(admin(), `select to_regclass('next') as "table"`)).toEqual([
      { table: null },
    ]);
    await revert(NEXT);
  });
});

import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { MIGRATION_LOCK } from '../../../src/ops/migrations/lock.js';
import {
  Commands,
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
  type Running,
} from '../../support/command.js';
import { LegacyDatabase } from '../../support/legacy-server.js';
import { Sandbox } from '../../support/sandbox.js';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const FIRST = 'Migration29990101000000_first';
const SECOND = 'Migration29990102000000_second';

/**
 * Makes a command that adds any other demo tenant than the first wait in that statement, until the
 * test lets it go on.
 */
async function holdSecondTenant({ env }: FreshDatabase): Promise<() => void> {
  const folder = join(env.WEAVER_DATA_DIR!, 'pg');
  const hold = join(folder, 'hold');
  writeFileSync(hold, '');
  const pg = await PGlite.create(folder, { extensions: { vector } });
  await pg.exec(`
    create function hold() returns trigger security definer language plpgsql as $$
    begin
      while (pg_stat_file('hold', true)).size is not null loop
        perform pg_sleep(0.02);
      end loop;
      return new;
    end $$;
    create trigger hold before insert on tenants
      for each row when (new.name <> 'Harbor Outdoor') execute function hold();`);
  await pg.close();
  return () => rmSync(hold);
}

const said = ({ err }: Running): string => err.trim().split('\n').at(-1)!;

describe('a rehearsal that is interrupted', () => {
  let sandbox: Sandbox;
  let fresh: FreshDatabase;
  beforeAll(async () => {
    sandbox = new Sandbox();
    fresh = await freshDatabase({ migrated: true });
  });
  afterAll(() => Promise.all([sandbox.close(), fresh.close()]));

  test.each([[[]], [['--on-data']]])('ends between two statements (%s)', async options => {
    // The signal is there before the last statement, which would never end.
    sandbox.write(FIRST, {
      up: [],
      code:
        `if (!globalThis.isSent) process.kill(process.pid, 'SIGINT'); globalThis.isSent = true; ` +
        "this.addSql('create table slow (id int)'); this.addSql('select pg_sleep(0.1)'); " +
        "this.addSql('select pg_sleep(0.1)'); this.addSql('select pg_sleep(86400)');",
      down: ['drop table slow'],
    });
    const { code, out, err } = await sandbox.weaver(fresh.env, 'db', 'rehearse', ...options);
    expect({ code, out, err: err.trim().split('\n').at(-1) }).toEqual({
      code: 130,
      out: '',
      err: 'Interrupted: nothing was changed.',
    });
    sandbox.remove(FIRST);
  });
});

describe.runIf(inject('template').kind === 'embedded')(
  'a command on the embedded database that is interrupted',
  () => {
    let sandbox: Sandbox;
    const commands = new Commands();
    beforeAll(() => void (sandbox = new Sandbox()));
    afterAll(() => Promise.all([commands.close(), sandbox.close()]));

    test('ends between two statements of a migration, of which nothing is kept', async () => {
      const fresh = await freshDatabase({ migrated: true });
      try {
        const waitsFor = (flag: string): string =>
          `do $$ begin while (pg_stat_file('${flag}', true)).size is null loop ` +
          'perform pg_sleep(0.02); end loop; end $$';
        sandbox.write(FIRST, {
          up: [
            'create table slow (id int)',
            'truncate rate_limits',
            waitsFor('first'),
            waitsFor('never'),
          ],
          down: ['drop table slow'],
        });
        const running = sandbox.startWeaver(fresh.env, 'db', 'up', '--yes');
        await running.until('removes rows of rate_limits (0 rows)', 'err');
        // It comes while a statement runs, or before it, and that statement ends.
        running.child.kill('SIGINT');
        writeFileSync(join(fresh.env.WEAVER_DATA_DIR!, 'pg', 'first'), 'x');
        expect(await running.exited).toEqual({ code: 130, signal: null });
        expect({ out: running.out, err: said(running) }).toEqual({
          out: '',
          err: 'Interrupted: nothing of this run was kept.',
        });
        sandbox.write(FIRST, { up: ['create table slow (id int)'], down: ['drop table slow'] });
        expect(await sandbox.weaver(fresh.env, 'db', 'up')).toMatchObject({
          code: 0,
          out: `Applied ${FIRST}\n`,
        });
        sandbox.remove(FIRST);
      } finally {
        await fresh.close();
      }
    });

    test('keeps whole demo tenants, and the next run adds the others', async () => {
      const fresh = await freshDatabase({ migrated: true });
      try {
        const goOn = await holdSecondTenant(fresh);
        const running = commands.weaver(fresh.env, 'demo');
        await running.until('Harbor Outdoor: 3 bots', 'err');
        const ended = running.end('SIGTERM');
        goOn();
        expect(await ended).toEqual({ code: 143, signal: null });
        expect({ out: running.out, err: said(running) }).toEqual({
          out: '',
          err:
            'Interrupted: the demo tenants that are named above are kept, each with all ' +
            'that belongs to it. To add the others, run it again.',
        });
        const again = await weaver(fresh.env, ['demo']);
        expect(again).toMatchObject({
          code: 0,
          err: expect.stringContaining('Harbor Outdoor: there already'),
        });
      } finally {
        await fresh.close();
      }
    });
  },
);

describe.runIf(inject('template').kind === 'postgres')(
  'a command on PostgreSQL that is interrupted',
  () => {
    let sandbox: Sandbox;
    let commands: Commands;
    let fresh: FreshDatabase;
    let others: Client;

    beforeAll(async () => {
      sandbox = new Sandbox();
      commands = new Commands();
      fresh = await freshDatabase({ migrated: true });
      others = new Client({ connectionString: fresh.urls!.admin });
      await others.connect();
      await others.query(`insert into tenants (name) values ('stays')`);
    });
    afterAll(async () => {
      await others.end();
      await commands.close();
      await sandbox.close();
      await fresh.close();
    });

    const sessions = (
      statement: string,
      url = fresh.urls!.admin,
      condition = 'true',
    ): Promise<unknown[]> =>
      sqlAt(
        url,
        'select from pg_stat_activity where datname = current_database() ' +
          `and state = 'active' and pid <> pg_backend_pid() and query like $1 and ${condition}`,
        [statement],
      );
    /** For a lock or by `pg_sleep`: a statement that only names a table is over in a moment. */
    const IS_WAITING = "wait_event_type in ('Lock', 'Timeout')";

    /**
     * Interrupts a command as soon as the server runs a statement like that; it runs no more when
     * the command has ended.
     */
    async function during(
      running: Running,
      statement: string,
      signal: NodeJS.Signals,
      url?: string,
    ): Promise<{ code: number | null; err: string; out: string }> {
      await vi.waitFor(
        async () => expect(await sessions(statement, url, IS_WAITING)).not.toEqual([]),
        { timeout: 60_000, interval: 50 },
      );
      const { code } = await running.end(signal);
      await expect.poll(() => sessions(statement, url)).toEqual([]);
      expect(running.err).not.toMatch(/\n {4}at /);
      return { code, err: said(running), out: running.out };
    }

    test('keeps nothing of migrations in one transaction, neither up nor down', async () => {
      sandbox.write(FIRST, {
        up: ['create table slow (id int)', 'select pg_sleep(61)'],
        down: ['drop table slow'],
      });
      expect(
        await during(sandbox.startWeaver(fresh.env, 'db', 'up'), 'select pg_sleep(61)%', 'SIGINT'),
      ).toEqual({ code: 130, out: '', err: 'Interrupted: nothing of this run was kept.' });
      expect(
        await during(
          sandbox.startWeaver(fresh.env, 'db', 'rehearse', '--on-data'),
          'select pg_sleep(61)%',
          'SIGINT',
        ),
      ).toEqual({ code: 130, out: '', err: 'Interrupted: nothing was changed.' });
      expect(
        await during(
          sandbox.mikroOrmRunning(fresh.env, 'migration:up'),
          'select pg_sleep(61)%',
          'SIGTERM',
        ),
      ).toMatchObject({
        code: 143,
        err:
          'Interrupted: what was not committed is rolled back. "npx weaver db current" ' +
          'says where the database is.',
      });
      expect(await sqlAt(fresh.urls!.admin, `select to_regclass('slow') as slow`)).toEqual([
        { slow: null },
      ]);
      sandbox.write(FIRST, {
        up: ['create table slow (id int)'],
        down: ['drop table slow', 'select pg_sleep(62)'],
      });
      expect((await sandbox.weaver(fresh.env, 'db', 'up')).code).toBe(0);
      expect(
        await during(
          sandbox.startWeaver(fresh.env, 'db', 'down'),
          'select pg_sleep(62)%',
          'SIGTERM',
        ),
      ).toEqual({ code: 143, out: '', err: 'Interrupted: nothing of this run was kept.' });
      expect(await sqlAt(fresh.urls!.admin, `select to_regclass('slow')::text as slow`)).toEqual([
        { slow: 'slow' },
      ]);
      sandbox.write(FIRST, { up: ['create table slow (id int)'], down: ['drop table slow'] });
      expect((await sandbox.weaver(fresh.env, 'db', 'down')).code).toBe(0);
    });

    test('names the migrations that it keeps, and leaves no invalid index', async () => {
      sandbox.write(FIRST, { up: ['create table slow (id int)'], down: ['drop table slow'] });
      sandbox.write(SECOND, {
        up: ['create index concurrently more_index on tenants (plan_tier)'],
        down: ['drop index more_index'],
        transactional: false,
      });
      await others.query('begin isolation level repeatable read; select count(*) from bots');
      expect(
        await during(
          sandbox.startWeaver(fresh.env, 'db', 'up'),
          'create index concurrently more_index%',
          'SIGINT',
        ),
      ).toEqual({
        code: 130,
        out: '',
        err: `Interrupted: ${FIRST} is applied, and nothing else of this run was kept.`,
      });
      await others.query('rollback');
      expect(await sqlAt(fresh.urls!.admin, `select to_regclass('more_index') as index`)).toEqual([
        { index: null },
      ]);
      sandbox.remove(SECOND);
      expect((await sandbox.weaver(fresh.env, 'db', 'down')).code).toBe(0);
      sandbox.remove(FIRST);
    });

    test('waits no longer for whoever migrates', async () => {
      sandbox.write(FIRST, { up: ['create table slow (id int)'], down: ['drop table slow'] });
      await others.query(`select pg_advisory_lock(${MIGRATION_LOCK})`);
      const running = sandbox.startWeaver(fresh.env, 'db', 'up');
      await running.until('waiting for it', 'err');
      expect(await running.end('SIGINT')).toEqual({ code: 130, signal: null });
      expect(said(running)).toBe('Interrupted: nothing of this run was kept.');
      await others.query('select pg_advisory_unlock_all()');
      sandbox.remove(FIRST);
    });

    test('has compared, or made of the demo data, what it says', async () => {
      await others.query('begin; lock table doc_chunks in access exclusive mode');
      expect(
        await during(
          commands.weaver(fresh.env, 'search', 'recall', '--tenant', 'stays'),
          '%doc_chunks%',
          'SIGINT',
        ),
      ).toEqual({ code: 130, out: '', err: 'Interrupted: nothing was changed.' });
      expect(
        await during(commands.weaver(fresh.env, 'demo'), '%doc_chunks%', 'SIGTERM'),
      ).toMatchObject({
        code: 143,
        out: '',
        err: expect.stringMatching(/^Interrupted: the demo tenants that are named above are kept/),
      });
      await others.query('rollback');
      expect(await sqlAt(fresh.urls!.admin, 'select name from tenants')).toEqual([
        { name: 'stays' },
      ]);
    });

    test('has adopted nothing', async () => {
      const legacy = await LegacyDatabase.make('007');
      const holder = new Client({ connectionString: legacy.admin });
      await holder.connect();
      try {
        await holder.query('begin; select count(*) from tenants');
        expect(
          await during(
            commands.weaver({ DATABASE_URL: legacy.owner }, 'db', 'adopt', '--yes'),
            'lock table%',
            'SIGINT',
            legacy.admin,
          ),
        ).toMatchObject({ code: 130, err: 'Interrupted: nothing was changed.' });
        await holder.query('rollback');
        expect(
          await sqlAt(legacy.admin, `select to_regclass('mikro_orm_migrations') as log`),
        ).toEqual([{ log: null }]);
      } finally {
        await holder.end();
        await legacy.close();
      }
    });
  },
);

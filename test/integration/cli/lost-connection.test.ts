import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import {
  Commands,
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
  type Outcome,
} from '../../support/command.js';
import { joinPatterns } from '../../support/join-patterns.js';
import { Sandbox } from '../../support/sandbox.js';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const onPostgres = inject('template').kind === 'postgres';
/** Runs in the process of the command before it: what the command waits for never comes. */
const NEVER = `import { createRequire } from 'node:module';
createRequire(process.env.TEST_ROOT + '/')('commander').Command.prototype.parseAsync = () => new
  Promise(() => {});`;

test('a command that can never end says so, and fails', async () => {
  const commands = new Commands();
  try {
    const env = {
      TEST_ROOT: process.cwd(),
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(NEVER)}`,
    };
    expect(await commands.weaver(env, 'db', 'status').outcome()).toEqual({
      code: 1,
      out: '',
      err:
        'Weaver ended before the command had finished, because it was waiting for something ' +
        'that can no longer happen. Uncommitted changes are rolled back.\n',
    });
  } finally {
    await commands.close();
  }
});

describe.runIf(onPostgres)('a connection that is lost while a command is at work', () => {
  const SLOW = 'Migration29990101000000_slow';
  let sandbox: Sandbox;
  let fresh: FreshDatabase;

  beforeAll(async () => {
    sandbox = new Sandbox();
    fresh = await freshDatabase({ migrated: true });
    sandbox.write(SLOW, {
      up: ['create table slow (id int)', 'select pg_sleep(60)'],
      down: ['drop table slow'],
    });
  });
  afterAll(async () => {
    await sandbox.close();
    await fresh.close();
  });

  const admin = (): string => fresh.urls!.admin;
  /** Ends the session whose statement is like that, as soon as there is one. */
  async function terminate(statement: string): Promise<void> {
    await vi.waitFor(
      async () => {
        const ended = await sqlAt(
          admin(),
          'select pg_terminate_backend(pid) from pg_stat_activity ' +
            'where datname = current_database() and pid <> pg_backend_pid() ' +
            'and query like $1',
          [statement],
        );
        expect(ended.length).toBeGreaterThan(0);
      },
      { timeout: 60_000, interval: 50 },
    );
  }
  const ended = async (running: Promise<Outcome>, statement: string): Promise<Outcome> =>
    (await Promise.all([running, terminate(statement)]))[0];

  test('ends a run of migrations with one sentence, and nothing of it is kept', async () => {
    const { code, out, err } = await ended(
      sandbox.weaver(fresh.env, 'db', 'up'),
      'select pg_sleep(60)%',
    );
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(
      `${SLOW} failed at statement 2 of 2 (select pg_sleep(…)): terminating connection ` +
        'due to administrator command (SQLSTATE 57P01). The connection was lost: the ' +
        'server rolls back what was not committed.\n',
    );
    expect(err).not.toMatch(/\n {4}at |Warning/);
    expect(await sqlAt(admin(), `select to_regclass('slow') as "table"`)).toEqual([
      { table: null },
    ]);
  });

  test('ends a rehearsal with one sentence', async () => {
    const { code, err } = await ended(
      sandbox.weaver(fresh.env, 'db', 'rehearse', '--on-data'),
      'select pg_sleep(60)%',
    );
    expect(code).toBe(1);
    expect(err).toMatch(/The connection (to the database )?was lost/);
    expect(err).not.toMatch(/\n {4}at |Warning/);
  });

  test('ends a command that writes rows with one sentence', async () => {
    await sqlAt(
      admin(),
      "create function wait() returns trigger language plpgsql as 'begin perform " +
        "pg_sleep(60); return new; end'",
    );
    await sqlAt(
      admin(),
      'create trigger wait before insert on tenants for each row execute function wait()',
    );
    const { code, err } = await ended(weaver(fresh.env, ['demo']), 'insert into tenants%');
    expect({ code, err: err.trim() }).toEqual({
      code: 1,
      err: expect.stringMatching(
        joinPatterns(
          /^Adding the demo data \.\.\.\nThe connection to the database was lost while the /,
          /command was at work: terminating connection due to administrator command\. /,
          /The server rolls back what was not committed\.$/,
        ),
      ),
    });
    await sqlAt(admin(), 'drop function wait() cascade');
  });
});

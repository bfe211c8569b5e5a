import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { freshDatabase, sqlAt, type FreshDatabase } from '../../support/command.js';
import { Sandbox } from '../../support/sandbox.js';
import { databaseUrl } from '../../support/template-database.js';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describe.runIf(inject('template').kind === 'postgres')(
  'a migration that needs a table which others hold',
  () => {
    const COLUMN = 'Migration29990101000000_column';
    let sandbox: Sandbox;
    let fresh: FreshDatabase;
    let reader: Client;
    let pid: number;

    beforeAll(async () => {
      sandbox = new Sandbox();
      fresh = await freshDatabase({ migrated: true });
      reader = new Client({ connectionString: fresh.urls!.admin, application_name: 'report' });
      await reader.connect();
      pid = (await reader.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
    });
    afterAll(async () => {
      await reader.end();
      await sandbox.close();
      await fresh.close();
    });

    const columns = (): Promise<unknown[]> =>
      sqlAt(
        fresh.urls!.admin,
        `select from pg_attribute where attrelid = 'tenants'::regclass and attname = 'more'`,
      );
    const held = (seconds: string): RegExp =>
      new RegExp(
        'canceling statement due to lock timeout \\(SQLSTATE 55P03\\)\\. It waited ' +
          `${seconds} seconds for a lock that is held by session ${pid} \\(report of ` +
          'postgres, in a transaction for \\d+ seconds?, idle in transaction, statement: ' +
          "select count\\(\\*\\) from tenants where name <> '…' and … > …\\)\\.",
      );

    test.each([
      ['within a transaction', true],
      ['outside a transaction', false],
    ])('stops waiting after a while and names who holds it: %s', async (_, transactional) => {
      sandbox.write(COLUMN, {
        up: ['alter table tenants add column more int'],
        down: ['alter table tenants drop column more'],
        transactional,
      });
      await reader.query('begin');
      await reader.query(`select count(*) from tenants where name <> 'secret' and 4711 > 0`);
      const { code, out, err } = await sandbox.weaver(
        fresh.env,
        'db',
        'up',
        '--statement-lock-timeout',
        '2',
      );
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toMatch(held('2'));
      expect(err).toContain(
        'Let that session end, then run it again, or give --statement-lock-timeout <seconds>.',
      );
      expect(await columns()).toEqual([]);
      await reader.query('rollback');
    });

    test("names the holder to the tables' owner, too, outside a transaction", async () => {
      const owner = `weaver_lock_owner_${process.pid}`;
      await sqlAt(
        fresh.urls!.admin,
        `create role ${owner} login password 'secret'; grant create, usage on schema ` +
          `public to ${owner}`,
      );
      const owned = await freshDatabase();
      const holder = new Client({
        connectionString: owned.urls!.admin,
        application_name: 'report',
      });
      try {
        await sqlAt(
          owned.urls!.admin,
          `grant create, usage on schema public to ${owner}; create extension vector; ` +
            'create extension btree_gin',
        );
        const env = {
          DATABASE_URL: databaseUrl(
            owned.urls!.admin,
            new URL(owned.urls!.admin).pathname.slice(1),
            { user: owner, password: 'secret' },
          ),
        };
        sandbox.remove(COLUMN);
        expect((await sandbox.weaver(env, 'db', 'up')).code).toBe(0);
        sandbox.write(COLUMN, {
          up: [`update tenants set name = 'x' where name = 'y'`],
          down: [],
          transactional: false,
        });
        await holder.connect();
        await holder.query('begin; lock table tenants');
        const { code, out, err } = await sandbox.weaver(
          env,
          'db',
          'up',
          '--statement-lock-timeout',
          '2',
        );
        expect({ code, out }).toEqual({ code: 1, out: '' });
        expect(err).toMatch(
          /\(SQLSTATE 55P03\)\. It waited 2 seconds .* is held by session \d+ \(report of postgres/,
        );
      } finally {
        await holder.end();
        await owned.close();
        await sqlAt(fresh.urls!.admin, `drop owned by ${owner}; drop role ${owner}`);
      }
    });

    test('waits five seconds by default, in MikroORM too, and goes on after the lock', async () => {
      sandbox.write(COLUMN, {
        up: ['alter table tenants add column more int'],
        down: ['alter table tenants drop column more'],
      });
      await reader.query('begin');
      await reader.query(`select count(*) from tenants where name <> 'secret' and 4711 > 0`);
      const stock = await sandbox.mikroOrm(fresh.env, 'migration:up');
      expect(stock).toMatchObject({ code: 1, err: expect.stringMatching(held('5')) });
      expect(stock.err).toContain('set WEAVER_STATEMENT_LOCK_TIMEOUT to more seconds');
      const patient = sandbox.startWeaver(
        { ...fresh.env, WEAVER_STATEMENT_LOCK_TIMEOUT: '0' },
        'db',
        'up',
      );
      await vi.waitFor(
        async () =>
          expect(
            await sqlAt(
              fresh.urls!.admin,
              'select from pg_stat_activity where datname = current_database() ' +
                "and wait_event_type = 'Lock'",
            ),
          ).toHaveLength(1),
        { timeout: 60_000, interval: 50 },
      );
      await reader.query('rollback');
      expect(await patient.outcome()).toMatchObject({ code: 0, out: `Applied ${COLUMN}\n` });
    });

    test('a concurrent build has no time-out, even with a comment before it', async () => {
      const INDEX = 'Migration29990102000000_index';
      sandbox.write(INDEX, {
        up: [
          '-- lint: allow x: y\n/* why */ create index concurrently more_index on ' +
            'tenants (plan_tier)',
        ],
        down: ['drop index more_index'],
        transactional: false,
      });
      await reader.query('begin; lock table tenants in row exclusive mode');
      const running = sandbox.startWeaver(
        fresh.env,
        'db',
        'up',
        INDEX,
        '--statement-lock-timeout',
        '1',
      );
      await vi.waitFor(
        async () =>
          expect(
            await sqlAt(
              fresh.urls!.admin,
              'select from pg_stat_activity where datname = current_database() ' +
                "and wait_event_type = 'Lock' and query like '%more_index%' " +
                "and now() - query_start > interval '2 seconds'",
            ),
          ).toHaveLength(1),
        { timeout: 60_000, interval: 50 },
      );
      await reader.query('rollback');
      expect(await running.outcome()).toMatchObject({
        code: 0,
        out: expect.stringContaining(`Applied ${INDEX}\n`),
      });
      expect((await sandbox.weaver(fresh.env, 'db', 'down')).code).toBe(0);
      sandbox.remove(INDEX);
    });

    test('says before it takes something away that gateways are connected', async () => {
      const gateway = new Client({
        connectionString: fresh.urls!.admin,
        application_name: 'weaver',
      });
      await gateway.connect();
      const told =
        'Gateways or other commands of Weaver use this database (1 session): what this ' +
        'run takes away, they can no longer use.';
      expect((await sandbox.weaver(fresh.env, 'db', 'down')).err).toContain(told);
      await gateway.end();
      sandbox.write(COLUMN, {
        up: ['alter table tenants add column more int'],
        down: ['alter table tenants drop column more'],
      });
      expect((await sandbox.weaver(fresh.env, 'db', 'up')).err).not.toContain('Gateways');
    });
  },
);

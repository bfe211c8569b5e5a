import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import {
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
  type Outcome,
} from '../../support/command.js';
import { databaseUrl } from '../../support/template-database.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ALL_QUESTIONS = ['removes the table tenants (1 row)', 'removes the table docs (0 rows)'];

test('what a run would take away is counted, and nothing is changed', async () => {
  const fresh = await freshDatabase({ migrated: true });
  try {
    if (fresh.urls) await sqlAt(fresh.urls.admin, `insert into tenants (name) values ('stays')`);
    else expect((await weaver(fresh.env, ['demo'])).code).toBe(0);
    const { code, err } = await weaver(fresh.env, ['db', 'down', 'base']);
    expect(code).toBe(1);
    expect(err).toMatch(/removes the table tenants \([1-9]\d* rows?\)/);
    expect(err).toContain('removes the table idempotency_keys (0 rows)');
  } finally {
    await fresh.close();
  }
});

describe.runIf(inject('template').kind === 'postgres')(
  "rows that a run would take away from the owner's tables",
  () => {
    const owner = `weaver_count_owner_${process.pid}`;
    const operator = `weaver_count_operator_${process.pid}`;
    let fresh: FreshDatabase;
    let reader: Client;
    const as = (user: string): Record<string, string> => ({
      DATABASE_URL: databaseUrl(fresh.urls!.admin, new URL(fresh.urls!.admin).pathname.slice(1), {
        user,
        password: 'x',
      }),
    });
    const sql = <R = Record<string, unknown>>(text: string): Promise<R[]> =>
      sqlAt<R>(fresh.urls!.admin, text);

    beforeAll(async () => {
      fresh = await freshDatabase();
      await sql(
        `create role ${owner} login password 'x'; create role ${operator} login ` +
          "noinherit password 'x'",
      );
      await weaver(fresh.env, ['db', 'bootstrap', '--owner', owner]);
      await weaver(as(owner), ['db', 'up']);
      await sql(
        `grant ${owner}, weaver_operator to ${operator}; alter role ${operator} inherit; ` +
          "insert into tenants (name) values ('stays')",
      );
      reader = new Client({ connectionString: fresh.urls!.admin });
      await reader.connect();
    });
    afterAll(async () => {
      await reader.end();
      const { maintenance } = fresh.urls!;
      await fresh.close();
      await sqlAt(maintenance, `drop role ${operator}; drop role ${owner}`);
    });

    const down = (env: Record<string, string>): Promise<Outcome> =>
      weaver(env, ['db', 'down', 'base']);
    const forced = (): Promise<unknown[]> =>
      sql(
        "select from pg_class where relnamespace = 'public'::regnamespace " +
          'and relrowsecurity and not relforcerowsecurity',
      );

    test('are counted by the plain owner, whom policies hold again afterwards', async () => {
      const { code, err } = await down(as(owner));
      expect(code).toBe(1);
      for (const question of ALL_QUESTIONS) expect(err).toContain(question);
      expect(await forced()).toEqual([]);
    });

    test.each([
      ['a superuser', () => fresh.env],
      ['an owner who is a member of the operator', () => as(operator)],
    ])('are counted by %s without a lock that others would wait for', async (_, env) => {
      await reader.query(
        'begin; lock table tenants in row exclusive mode; select count(*) from tenants',
      );
      const watched = watchLocks();
      const { code, err } = await down(env());
      await reader.query('rollback');
      expect(code).toBe(1);
      for (const question of ALL_QUESTIONS) expect(err).toContain(question);
      expect(await watched.seen()).toEqual([]);
    });

    test('cannot be counted by the plain owner while others use them, who never wait', async () => {
      await reader.query('begin; select count(*) from tenants');
      const watched = watchLocks();
      const { code, err } = await down(as(owner));
      await reader.query('rollback');
      expect(code).toBe(1);
      expect(err).toContain(
        'removes the table tenants (rows that cannot be counted while others use it)',
      );
      expect(err).toContain('Nothing was changed. Add --yes to lose these rows.');
      expect(await watched.seen()).toEqual([]);
      expect(await forced()).toEqual([]);
    });

    test('are not counted to the end under a lock', async () => {
      await sql(`insert into tenants (name) select 'n' || n from generate_series(1, 10001) n`);
      expect((await down(as(owner))).err).toContain(
        'removes the table tenants (more than 10000 rows)',
      );
      expect((await down(fresh.env)).err).toContain('removes the table tenants (10002 rows)');
      await sql(`delete from tenants where name <> 'stays'`);
    });

    /**
     * Locks of this database that somebody waits for, and exclusive ones on the table that the
     * reader uses, until asked.
     */
    function watchLocks(): { seen(): Promise<unknown[]> } {
      const seen: unknown[] = [];
      const ended = new AbortController();
      const looking = (async () => {
        const client = new Client({ connectionString: fresh.urls!.admin });
        await client.connect();
        while (!ended.signal.aborted) {
          const { rows } = await client.query(
            `select c.relname::text as "table", mode, granted from pg_locks l
              join pg_class c on c.oid = l.relation
            where l.database = (select oid from pg_database where datname = current_database())
              and (not granted or (mode = 'AccessExclusiveLock' and c.oid = 'tenants'::regclass))`,
          );
          seen.push(...rows);
        }
        await client.end();
      })();
      return {
        async seen() {
          ended.abort();
          await looking;
          return seen;
        },
      };
    }
  },
);

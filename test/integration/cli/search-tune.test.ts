import { Client } from 'pg';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Database } from '../../../src/db/database.js';
import { searchIndexName } from '../../../src/db/search-index-name.js';
import { maintain } from '../../../src/ops/maintenance-session.js';
import { rebuildSearchIndex } from '../../../src/ops/search/search-indexes.js';
import { ENTITIES } from '../../../src/entities.js';
import {
  Commands,
  freshDatabase,
  weaver,
  type Outcome,
  type Running,
} from '../../support/command.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { World } from '../../support/world.js';
import { postgresAt } from '../../support/postgres-at.js';

const onPostgres = inject('template').kind === 'postgres';
const FROM = 200;

test.runIf(!onPostgres)('the embedded database needs no such indexes', async () => {
  const fresh = await freshDatabase();
  try {
    expect(await weaver(fresh.env, ['search', 'tune'])).toEqual({
      code: 0,
      out: 'Nothing to do: the embedded database searches without such indexes.',
      err: '',
    });
  } finally {
    await fresh.close();
  }
});

describe.runIf(onPostgres)('weaver search tune', () => {
  let db: TestDatabase;
  let world: World;
  let env: Record<string, string>;
  beforeAll(async () => {
    db = await openTestDatabase();
    world = new World(db.database);
    env = {
      DATABASE_URL: db.urls!.login,
      WEAVER_MIGRATION_URL: db.urls!.admin,
      WEAVER_SEARCH_INDEX_FROM: String(FROM),
    };
  });
  afterAll(() => db.close());

  const tune = (...args: string[]): Promise<Outcome> => weaver(env, ['search', 'tune', ...args]);
  const indexes = (): Promise<{ name: string; valid: boolean }[]> =>
    db.asSuperuser(
      'select c.relname::text as name, i.indisvalid as valid from pg_index i ' +
        'join pg_class c on c.oid = i.indexrelid ' +
        "where c.relname like 'doc\\_chunks\\_ann%' order by 1",
    );

  /** A tenant with so many chunks, whose vectors are made by the database. */
  async function tenantOf(chunks: number): Promise<{ id: string; index: string }> {
    const tenant = await world.tenant();
    const document = await (await tenant.bot()).document();
    await db.asSuperuser(
      `insert into doc_chunks (tenant_id, doc_id, text, chunk_index, embedding)
       select ?, ?, 'Passage', n, (select array_agg(random() - 0.5) from generate_series(1, 1536)
         where n > 0)::halfvec(1536) from generate_series(1, ${chunks}) n`,
      [tenant.id, document.id],
    );
    return { id: tenant.id, index: searchIndexName(tenant.id) };
  }
  const remove = (id: string): Promise<unknown> =>
    db.asSuperuser('delete from tenants where id = ?', [id]);

  test('gives large tenants an index, tells what it did, and does nothing again', async () => {
    const large = await tenantOf(FROM);
    await tenantOf(FROM - 1);
    const told = await tune('--dry-run');
    expect(told).toMatchObject({
      code: 0,
      out: `Would build the index of tenant ${large.id} (${FROM} chunks): the tenant is large.`,
    });
    expect(await indexes()).toEqual([]);

    const built = await tune();
    expect(built).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        new RegExp(
          `^Built the index of tenant ${large.id} \\(200 chunks\\) in \\d+\\.\\d s: the ` +
            'tenant is large\\.$',
        ),
      ),
    });
    expect(await indexes()).toEqual([{ name: large.index, valid: true }]);
    expect(await tune()).toMatchObject({
      code: 0,
      out: 'Nothing to do: every large tenant has its index.',
    });
    await remove(large.id);
  });

  test('makes nothing that the comparison with the model would drop', async () => {
    const large = await tenantOf(FROM);
    await tune();
    const owner = await Database.open(
      postgresAt(db.urls!.admin, { poolSize: 1 }),
      ENTITIES,
      'migrate',
    );
    try {
      expect(await owner.orm.schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
      await db.asSuperuser('create index doc_chunks_annoying on doc_chunks (text)');
      expect(await owner.orm.schema.getUpdateSchemaSQL({ wrap: false })).toContain(
        'drop index "doc_chunks_annoying"',
      );
    } finally {
      await db.asSuperuser('drop index doc_chunks_annoying');
      await owner.close();
    }
    await remove(large.id);
  });

  test('drops the index of a tenant that is gone or has become small', async () => {
    const [gone, shrunk] = [await tenantOf(FROM), await tenantOf(FROM)];
    await tune();
    await remove(gone.id);
    await db.asSuperuser('delete from doc_chunks where tenant_id = ? and chunk_index > ?', [
      shrunk.id,
      FROM / 2,
    ]);
    // A little below the limit it stays.
    expect((await tune()).out).toMatch(
      new RegExp(`^Dropped the index ${gone.index} in \\S+ s: the tenant is small or gone\\.$`),
    );
    await db.asSuperuser('delete from doc_chunks where tenant_id = ? and chunk_index = 1', [
      shrunk.id,
    ]);
    expect((await tune()).out).toContain(`Dropped the index ${shrunk.index}`);
    expect(await indexes()).toEqual([]);
    await remove(shrunk.id);
  });

  test('puts right what an interrupted build or rebuild left', async () => {
    const large = await tenantOf(FROM);
    const admin = new Client({ connectionString: db.urls!.admin });
    await admin.connect();
    // A build that is cancelled while it waits for a writer leaves an index that is not valid.
    const writer = new Client({ connectionString: db.urls!.admin });
    await writer.connect();
    await writer.query(
      `begin; update tenants set name = name; delete from doc_chunks where tenant_id = '${v7()}'`,
    );
    const build = admin.query(
      `create index concurrently ${large.index} on doc_chunks ` +
        `using hnsw (embedding_bq bit_hamming_ops) where tenant_id = '${large.id}'`,
    );
    build.catch(() => {});
    while ((await indexes()).length === 0) await new Promise(resolve => setTimeout(resolve, 20));
    await db.asSuperuser(
      'select pg_cancel_backend(pid) from pg_stat_activity ' +
        "where query like 'create index concurrently%' and pid <> pg_backend_pid()",
    );
    await expect(build).rejects.toMatchObject({ code: '57014' });
    await writer.query('rollback');
    await Promise.all([admin.end(), writer.end()]);
    expect(await indexes()).toEqual([{ name: large.index, valid: false }]);

    const { code, out } = await tune();
    expect(code).toBe(0);
    expect(out).toMatch(
      new RegExp(
        `^Dropped the index ${large.index} in .*: an interrupted build left it\\.\nBuilt ` +
          `the index of tenant ${large.id}`,
      ),
    );
    expect(await indexes()).toEqual([{ name: large.index, valid: true }]);

    await db.asSuperuser(
      `create index ${large.index}_ccnew on doc_chunks ` +
        `using hnsw (embedding_bq bit_hamming_ops) where tenant_id = '${large.id}'`,
    );
    await db.asSuperuser(
      `update pg_index set indisvalid = false where indexrelid = '${large.index}_ccnew'::regclass`,
    );
    expect((await tune()).out).toContain(`Dropped the index ${large.index}_ccnew`);
    expect(await indexes()).toEqual([{ name: large.index, valid: true }]);
    await remove(large.id);
  });

  /** A run that is at a build, which waits for somebody's transaction. */
  async function duringBuild(
    index: string,
    begin: string,
    work: (running: Running, others: Client) => Promise<void>,
  ): Promise<void> {
    const commands = new Commands();
    const others = new Client({ connectionString: db.urls!.admin });
    await others.connect();
    try {
      await others.query(begin);
      const running = commands.weaver(env, 'search', 'tune');
      await expect.poll(indexes, { timeout: 20_000 }).toEqual([{ name: index, valid: false }]);
      await work(running, others);
    } finally {
      await others.end();
      await commands.close();
    }
  }

  test('that is interrupted with Ctrl+C stops the build, and says what is kept', async () => {
    await tune();
    const large = await tenantOf(FROM);
    const last = ({ err }: Running): string => err.trim().split('\n').at(-1)!;
    // A snapshot is waited for by the build alone; a writer also by whoever drops what it leaves.
    await duringBuild(
      large.index,
      'begin isolation level repeatable read; select count(*) from bots',
      async running => {
        expect(await running.end('SIGINT')).toEqual({ code: 130, signal: null });
        expect(last(running)).toBe(
          'Interrupted: what is told above as done is kept, and nothing is left of the ' +
            `index of tenant ${large.id} (${FROM} chunks) that is incomplete. To go on, ` +
            'run it again.',
        );
        expect(await indexes()).toEqual([]);
      },
    );
    await duringBuild(
      large.index,
      `begin; delete from doc_chunks where tenant_id = '${v7()}'`,
      async running => {
        expect(await running.end('SIGTERM')).toEqual({ code: 143, signal: null });
        expect(last(running)).toBe(
          `Interrupted: what is told above as done is kept, and ${large.index} is left ` +
            'incomplete: no search uses it, and the next run drops it. To go on, run it ' +
            'again.',
        );
      },
    );
    expect((await tune()).out).toMatch(/^Dropped .*\nBuilt /);
    await remove(large.id);
    await tune();
  });

  test('that was killed leaves its index to the server, and the next run finishes it', async () => {
    await tune();
    const large = await tenantOf(FROM);
    await duringBuild(
      large.index,
      `begin; delete from doc_chunks where tenant_id = '${v7()}'`,
      async (running, writer) => {
        await running.end('SIGKILL');
        expect(await tune()).toMatchObject({
          code: 1,
          out: '',
          err: expect.stringContaining('one that was interrupted still finishes its build'),
        });
        await writer.query('rollback');
        await expect
          .poll(indexes, { timeout: 20_000 })
          .toEqual([{ name: large.index, valid: true }]);
      },
    );
    const [before] = await db.asSuperuser(
      `select pg_relation_filenode('${large.index}')::int as file`,
    );
    await expect
      .poll(async () => (await tune()).out, { timeout: 20_000 })
      .toMatch(
        new RegExp(
          `^Finished the index of tenant ${large.id} .*: an interrupted run had built it\\.$`,
        ),
      );
    expect(
      await db.asSuperuser(`select pg_relation_filenode('${large.index}')::int as file`),
    ).toEqual([before]);
    expect(await tune()).toMatchObject({
      code: 0,
      out: 'Nothing to do: every large tenant has its index.',
    });
    await remove(large.id);
    await tune();
  });

  test('rebuilds while others read and write', async () => {
    const large = await tenantOf(FROM);
    await tune();
    const owner = await Database.open(
      postgresAt(db.urls!.admin, { poolSize: 1 }),
      ENTITIES,
      'migrate',
    );
    const oid = async (): Promise<unknown> =>
      (
        await db.asSuperuser<{ file: number }>(
          `select pg_relation_filenode('${large.index}')::int as file`,
        )
      )[0]!.file;
    const before = await oid();
    await maintain(owner, session => rebuildSearchIndex(session, large.id, FROM)).finally(() =>
      owner.close(),
    );
    expect(await oid()).not.toBe(before);
    expect(await indexes()).toEqual([{ name: large.index, valid: true }]);
    await remove(large.id);
    await tune();
  });

  test('runs once at a time, waits for writers, and keeps no index of a tenant gone', async () => {
    const doomed = await tenantOf(FROM);
    const writer = new Client({ connectionString: db.urls!.admin });
    await writer.connect();
    await writer.query('begin');
    await writer.query('delete from tenants where id = $1', [doomed.id]);
    const first = tune();
    while ((await indexes()).length === 0) await new Promise(resolve => setTimeout(resolve, 20));
    const second = await tune();
    expect(second).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('Another "weaver search tune" is at work on this database'),
    });
    await writer.query('commit');
    await writer.end();
    expect(await first).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^Built .*, and dropped it: the tenant has become small or is gone\.$/,
      ),
    });
    expect(await indexes()).toEqual([]);
  });

  test('looks at one tenant only when asked to, by id or name', async () => {
    const [one, other] = [await tenantOf(FROM), await tenantOf(FROM)];
    await tune('--tenant', one.id);
    expect(await indexes()).toEqual([{ name: one.index, valid: true }]);
    const [{ name }] = (await db.asSuperuser<{ name: string }>(
      'select name from tenants where id = ?',
      [other.id],
    )) as [{ name: string }];
    await tune('--tenant', name);
    expect((await indexes()).map(index => index.name)).toEqual([one.index, other.index].toSorted());
    expect(await tune('--tenant', 'Nobody')).toMatchObject({
      code: 1,
      err: expect.stringContaining('No tenant has the id or the exact name Nobody'),
    });
    await remove(one.id);
    await remove(other.id);
    await tune();
  });

  test('says that only the owner of the tables may build, and fails', async () => {
    const large = await tenantOf(FROM);
    const { code, err } = await weaver({ ...env, WEAVER_MIGRATION_URL: db.urls!.login }, [
      'search',
      'tune',
    ]);
    expect(code).toBe(1);
    expect(err).toContain(
      `Could not build the index of tenant ${large.id} (${FROM} chunks): must be owner ` +
        'of table doc_chunks. Only the owner of the tables may do this: name it in ' +
        'WEAVER_MIGRATION_URL.',
    );
    await remove(large.id);
  });
});

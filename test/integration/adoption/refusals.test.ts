import { Client } from 'pg';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  inject,
  test,
  vi,
} from 'vitest';
import { ADOPTED_TABLES } from '../../../src/ops/adoption/names.js';
import { Commands, freshDatabase, weaver, type FreshDatabase } from '../../support/command.js';
import { CHUNK, DOC, QUERY, same, TIDY, UNTIDY, USER } from '../../support/legacy-database.js';
import { LegacyDatabase } from '../../support/legacy-server.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const onPostgres = inject('template').kind === 'postgres';

describe.runIf(onPostgres)('what adoption does not know, it names and leaves alone:', () => {
  let legacy: LegacyDatabase;
  beforeAll(async () => {
    legacy = await LegacyDatabase.make('006');
  });
  afterAll(() => legacy.close());

  test.each([
    [
      'a revision',
      `update alembic_version set version_num = '008'`,
      `update alembic_version set version_num = '006'`,
      'The revision 008 is not one of 001 to 007.',
    ],
    [
      'two revisions',
      `insert into alembic_version values ('004')`,
      `delete from alembic_version where version_num = '004'`,
      'alembic_version names 2 revisions at once (004, 006).',
    ],
    [
      'a revision that is not what the tables say',
      `update alembic_version set version_num = '007'`,
      `update alembic_version set version_num = '006'`,
      'The column bot_queries.query_embedding is missing.',
    ],
    [
      'no revision',
      `alter table alembic_version rename to elsewhere`,
      `alter table elsewhere rename to alembic_version`,
      'There is no alembic_version, so nothing says which revision made these tables.',
    ],
    ['a table', `create table invoices (id int)`, `drop table invoices`, 'table invoices'],
    ['a view', `create view names as select name from tenants`, `drop view names`, 'view names'],
    [
      'a view elsewhere',
      `create schema reports create view names as select name from public.tenants`,
      `drop schema reports cascade`,
      'view reports.names',
    ],
    [
      'a column',
      `alter table docs add language text`,
      `alter table docs drop language`,
      'column docs.language (text)',
    ],
    [
      'a type',
      `alter table docs alter filename type text`,
      `alter table docs alter filename type varchar(500)`,
      'column docs.filename is text, not character varying(500)',
    ],
    [
      'an index',
      `create index by_hand on docs (filename)`,
      `drop index by_hand`,
      'index by_hand of docs: btree (filename)',
    ],
    [
      'a trigger',
      'create trigger by_hand before update on docs for each row ' +
        'execute function update_updated_at_column()',
      `drop trigger by_hand on docs`,
      'trigger by_hand of docs',
    ],
    [
      'a function',
      `create function by_hand(int) returns int language sql as 'select 1'`,
      `drop function by_hand`,
      'function by_hand(integer)',
    ],
    [
      'a constraint',
      `alter table docs add constraint by_hand check (size_bytes < 1e9)`,
      `alter table docs drop constraint by_hand`,
      'constraint by_hand of docs: CHECK',
    ],
    [
      'scopes of keys, which no older Weaver had',
      `alter table api_keys add scopes text[] default '{{read,write},{search,admin}}'`,
      `alter table api_keys drop scopes`,
      'column api_keys.scopes (text[])',
    ],
    [
      'a policy',
      `create policy by_hand on docs using (true)`,
      `drop policy by_hand on docs`,
      'policy by_hand of docs',
    ],
    [
      'row-level security',
      `alter table docs enable row level security`,
      `alter table docs disable row level security`,
      'row-level security of docs',
    ],
    [
      'a foreign key from elsewhere',
      `create schema billing create table lines (tenant uuid references public.tenants)`,
      `drop schema billing cascade`,
      'foreign key lines_tenant_fkey of billing.lines',
    ],
    [
      'a table of somebody else',
      `alter table docs owner to postgres`,
      `alter table docs owner to OWNER`,
      'docs belongs to postgres: adopt as postgres or as a member of it (WEAVER_MIGRATION_URL).',
    ],
  ])('%s', async (_, breakIt, mend, message) => {
    const owner = decodeURIComponent(new URL(legacy.owner).username);
    await legacy.sql(breakIt);
    try {
      const before = await legacy.catalogue();
      for (const args of [['--dry-run'], ['--yes']]) {
        const { code, out, err } = await legacy.adopt(...args);
        expect({ code, out }).toEqual({ code: 1, out: '' });
        expect(err).toContain(`  ${message}`);
        expect(err).toContain('Nothing was changed.');
      }
      expect(await legacy.catalogue()).toEqual(before);
    } finally {
      await legacy.sql(mend.replace('OWNER', owner));
    }
  });

  test('all at once', async () => {
    await legacy.sql('create table invoices (id int)');
    await legacy.sql('alter table docs add language text');
    const { err } = await legacy.adopt('--yes');
    expect(err).toContain('  table invoices\n');
    expect(err).toContain('  column docs.language (text)\n');
    await legacy.sql('drop table invoices');
    await legacy.sql('alter table docs drop language');
  });

  test('nobody misses an index that an operator dropped or an empty migration log', async () => {
    await legacy.sql('drop index idx_docs_status');
    await legacy.sql(
      'create table mikro_orm_migrations (id serial primary key, name varchar(255) not ' +
        'null, executed_at timestamptz not null default current_timestamp)',
    );
    await legacy.sql(`alter table mikro_orm_migrations owner to ${new URL(legacy.owner).username}`);
    expect(await legacy.adopt('--dry-run')).toMatchObject({ code: 0 });
    await legacy.sql('create index idx_docs_status on docs (status)');
    await legacy.sql('drop table mikro_orm_migrations');
  });

  test('rows that only their operator can decide about', async () => {
    await legacy.sql(`update doc_chunks set tenant_id = '${UNTIDY}' where id = '${CHUNK(0)}'`);
    const { code, out, err } = await legacy.adopt('--yes');
    expect(code).toBe(1);
    expect(out).toMatch(
      new RegExp(
        '\\nRows that cannot be adopted as they are \\(adoption stops here\\):\\n ' +
          ` doc_chunks ${CHUNK(0)}: its tenant is not that of its document$`,
      ),
    );
    expect(err).toContain('Nothing was changed: a row cannot be adopted as it is');
    await legacy.sql(`update doc_chunks set tenant_id = '${TIDY}' where id = '${CHUNK(0)}'`);
  });

  test('users of one tenant with one e-mail address, whatever its case', async () => {
    await legacy.sql(`update profiles set email = 'OWNER@example.com' where id = '${USER(2)}'`);
    const { code, out, err } = await legacy.adopt('--dry-run');
    expect(code).toBe(0);
    expect(out).toContain(
      `profiles ${USER(1)}: another user of its tenant has its e-mail address, in ` +
        `another spelling\n  profiles ${USER(2)}: another user`,
    );
    expect(err).toContain('nothing was changed');
    expect(await legacy.adopt('--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Nothing was changed: 2 rows cannot be adopted as they are'),
    });
    await legacy.sql(`update profiles set email = 'odd@example.com' where id = '${USER(2)}'`);
  });

  test('a database in use: it waits a little, then gives up', async () => {
    const client = new Client({ connectionString: legacy.admin });
    await client.connect();
    await client.query('begin');
    await client.query('lock table docs in access share mode');
    try {
      expect(await legacy.adopt('--yes')).toMatchObject({
        code: 1,
        err: expect.stringContaining(
          'Nothing was changed: somebody held a table or migrated this database for 15 ' +
            'seconds. Stop the programs that use it, then try again.',
        ),
      });
    } finally {
      await client.end();
    }
  });

  test('when it is killed half-way, the database is as it was', async () => {
    const [catalogue, rows] = [await legacy.catalogue(), await legacy.rows()];
    const commands = new Commands();
    try {
      const running = commands.weaver({ DATABASE_URL: legacy.owner }, 'db', 'adopt', '--yes');
      await running.until('Copying docs', 'err');
      await running.end('SIGKILL');
      await vi.waitFor(
        async () =>
          expect(
            await legacy.sql(
              'select from pg_stat_activity where datname = current_database() ' +
                "and application_name = 'weaver-migrate'",
            ),
          ).toEqual([]),
        { timeout: 20_000, interval: 200 },
      );
      expect(await legacy.catalogue()).toEqual(catalogue);
      expect(await legacy.rows()).toEqual(rows);
    } finally {
      await commands.close();
    }
  });
});

describe.runIf(onPostgres)('vectors that half precision cannot hold', () => {
  let legacy: LegacyDatabase;
  beforeEach(async () => {
    legacy = await LegacyDatabase.make('007');
  });
  afterEach(() => legacy.close());

  test('are named and stop adoption; set aside, rows lose them and copies are kept', async () => {
    const unfit = [
      [CHUNK(0), same(0), 'all zero'],
      [CHUNK(1), same(65_520), 'out of range'],
      [CHUNK(2), same(1e-9), 'all zero in half precision'],
      [
        CHUNK(5),
        `[${Array.from({ length: 1536 }, (_, n) => ((n % 5) + 1) * 2e-8).join()}]`,
        'too small for half precision',
      ],
    ] as const;
    for (const [id, vector] of unfit)
      await legacy.sql('update doc_chunks set embedding = $1 where id = $2', [vector, id]);
    await legacy.sql('update bot_queries set query_embedding = $1 where id = $2', [
      same(-70_000),
      QUERY(1),
    ]);
    // At the limit, and long vectors of small numbers, are fit.
    await legacy.sql('update doc_chunks set embedding = $1 where id = $2', [
      same(65_504),
      CHUNK(3),
    ]);
    await legacy.sql('update doc_chunks set embedding = $1 where id = $2', [
      same(0.0001),
      CHUNK(4),
    ]);
    const rows = await legacy.rows();

    const stopped = await legacy.adopt('--yes');
    expect(stopped).toMatchObject({
      code: 1,
      err: expect.stringContaining(
        'Nothing was changed: half precision cannot hold the 5 vectors that are named ' +
          'above. Correct them, or add --set-aside',
      ),
    });
    for (const [id, , why] of unfit)
      expect(stopped.out).toContain(`  doc_chunks.embedding ${id}: ${why}\n`);
    expect(stopped.out).toMatch(
      new RegExp(`bot_queries.query_embedding ${QUERY(1)}: out of range$`),
    );
    expect(await legacy.rows()).toEqual(rows);

    expect(await legacy.adopt('--yes', '--set-aside')).toMatchObject({ code: 0 });
    expect(
      await legacy.sql(
        'select n.id from doc_chunks n join weaver_legacy_doc_chunks o using (id) ' +
          'where n.embedding is null and o.embedding is not null order by 1',
      ),
    ).toEqual(unfit.map(([id]) => ({ id })));
    expect(
      await legacy.sql(
        'select n.id from bot_queries n join weaver_legacy_bot_queries o using (id) ' +
          'where n.query_embedding is null and o.query_embedding is not null',
      ),
    ).toEqual([{ id: QUERY(1) }]);
    expect((await legacy.rows('weaver_legacy_doc_chunks')).weaver_legacy_doc_chunks).toEqual(
      rows.doc_chunks,
    );
    expect(
      await legacy.sql(
        'select count(*)::int as n from weaver_legacy_changes ' +
          "where why like 'the vector is % and was set aside'",
      ),
    ).toEqual([{ n: 5 }]);
    expect(
      await legacy.sql('select embedding::text = $1 as same from doc_chunks where id = $2', [
        same(65_504),
        CHUNK(3),
      ]),
    ).toEqual([{ same: true }]);
  });
});

describe.runIf(onPostgres)('texts of too many words', () => {
  test('are named: PostgreSQL could not index them', async () => {
    // Before revision 006 nothing kept them out.
    const legacy = await LegacyDatabase.make('005');
    try {
      await legacy.sql(
        "update doc_chunks set text = (select string_agg(md5(n::text), ' ') " +
          `from generate_series(1, 50000) n) where id = '${CHUNK(0)}'`,
      );
      await legacy.sql(
        `update doc_chunks set text = repeat('long but simple ', 50000) where id = '${CHUNK(1)}'`,
      );
      const { code, out } = await legacy.adopt('--yes');
      expect(code).toBe(1);
      expect(out).toMatch(
        new RegExp(
          `\\(adoption stops here\\):\\n  doc_chunks ${CHUNK(0)}: its text has more ` +
            'words than PostgreSQL can index$',
        ),
      );
    } finally {
      await legacy.close();
    }
  });
});

describe.runIf(onPostgres)('ids that two rows share', () => {
  test('are given anew to the row that nobody outside knows, and references follow', async () => {
    const legacy = await LegacyDatabase.make('004');
    try {
      await legacy.sql(`update bots set id = '${DOC(1)}' where tenant_id = '${TIDY}'`);
      await legacy.sql(
        'insert into docs (id, tenant_id, filename, gcs_path, size_bytes) ' +
          `values ('${USER(1)}', '${TIDY}', 'shared', 'x', 1)`,
      );
      await legacy.sql(
        'insert into doc_chunks (id, tenant_id, doc_id, text, chunk_index) ' +
          `values ('${QUERY(0)}', '${TIDY}', '${USER(1)}', 'shared', 0)`,
      );
      expect(await legacy.adopt('--yes')).toMatchObject({ code: 0 });
      const [chunk] = await legacy.sql(
        'select c.id, c.doc_id, d.filename from doc_chunks c ' +
          "join docs d on d.id = c.doc_id where c.text = 'shared'",
      );
      expect(chunk!.filename).toBe('shared');
      expect([chunk!.id, chunk!.doc_id]).not.toContain(QUERY(0));
      expect(chunk!.doc_id).not.toBe(USER(1));
      const news = await legacy.sql(`select table_name, old_id, new_id from weaver_legacy_new_ids`);
      expect(news).toContainEqual({ table_name: 'docs', old_id: USER(1), new_id: chunk!.doc_id });
      const [{ ids, distinct }] = (await legacy.sql<{ ids: number; distinct: number }>(
        'select count(*)::int as ids, count(distinct id)::int as distinct from ' +
          `(${ADOPTED_TABLES.map(table => `select id from ${table}`).join(' union all ')}) all_ids`,
      )) as [{ ids: number; distinct: number }];
      expect(distinct).toBe(ids);
    } finally {
      await legacy.close();
    }
  });
});

describe.runIf(onPostgres)('where there is nothing to adopt', () => {
  let fresh: FreshDatabase;
  beforeAll(async () => {
    fresh = await freshDatabase();
  });
  afterAll(() => fresh.close());

  test('an empty database is probably the wrong one', async () => {
    expect(await weaver(fresh.env, ['db', 'adopt', '--yes'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(
        'There is nothing to adopt: this database contains no tables of Weaver. Check DATABASE_URL',
      ),
    });
  });

  test('a database of this Weaver is adopted already', async () => {
    await weaver(fresh.env, ['db', 'up']);
    for (const [args, out] of [
      [['--yes'], 'This database is one of this Weaver already: nothing to adopt.'],
      [['--undo', '--yes'], 'Nothing to do: there is no adoption to undo.'],
      [['--finish', '--yes'], 'Nothing to do: no tables of an older database are left.'],
    ] as const) {
      expect(await weaver(fresh.env, ['db', 'adopt', ...args])).toMatchObject({ code: 0, out });
    }
  });
});

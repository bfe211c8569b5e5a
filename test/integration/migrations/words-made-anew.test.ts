import type { Transaction } from '@mikro-orm/core';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { readConfig } from '../../../src/config.js';
import { Database } from '../../../src/db/database.js';
import { ENTITIES } from '../../../src/entities.js';
import { freshDatabase, sqlAt, weaver, type FreshDatabase } from '../../support/command.js';
import { databaseUrl } from '../../support/template-database.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const BEFORE = 'Migration20261130230002_document_tags_validated';
const READ_ANEW = 'Migration20261201400300_words_made_anew';
const CHUNKS = 450;
const TENANT = '0198c7a2-5c1e-7d3a-9f52-000000000001';

let fresh: FreshDatabase;

/** Runs statements above the policies, while no command has the database open. */
async function sql<R>(...statements: string[]): Promise<R[]> {
  let rows: R[] = [];
  if (fresh.urls) {
    const client = new Client({ connectionString: fresh.urls.admin });
    await client.connect();
    try {
      for (const statement of statements)
        ({ rows } = await client.query<R & Record<string, unknown>>(statement));
    } finally {
      await client.end();
    }
    return rows;
  }
  const database = await Database.open(readConfig(fresh.env).database, ENTITIES, 'migrate');
  try {
    const connection = database.orm.em.getDriver().getConnection();
    for (const statement of statements)
      rows = await connection.execute(statement, [], 'all', undefined as unknown as Transaction);
    return rows;
  } finally {
    await database.close();
  }
}

/** How many chunks have their words as each of the two readings gives them. */
const counts = async (): Promise<unknown> =>
  (
    await sql(
      `select count(*) filter (where search_vector @@ 'tcp')::int as anew,
              count(*) filter (where search_vector = to_tsvector('english', text))::int as old
         from doc_chunks`,
    )
  )[0];

async function run(...args: string[]): ReturnType<typeof weaver> {
  return weaver(fresh.env, ['db', ...args]);
}

beforeAll(async () => {
  fresh = await freshDatabase({ migrated: true });
  const { code, err } = await run('down', BEFORE, '--yes');
  if (code !== 0) throw new Error(err);
  await sql(
    `insert into tenants (id, name) values ('${TENANT}', 'Old')`,
    `insert into docs (tenant_id, filename, size_bytes) values ('${TENANT}', 'a.txt', 1)`,
    `insert into doc_chunks (tenant_id, doc_id, text, chunk_index)
       select tenant_id, id, 'Networks speak TCP/IP, ' || n, n
         from docs, generate_series(1, ${CHUNKS}) n`,
  );
});
afterAll(() => fresh.close());

test('words of stored chunks are made anew in batches; a run that broke off goes on', async () => {
  expect(await counts()).toEqual({ anew: 0, old: CHUNKS });
  await sql(
    `create function break_off() returns trigger language plpgsql as
       $$ begin raise 'Broken off.'; end $$`,
    // The third batch fails.
    `do $$ begin execute format('create trigger zz_break_off before update on doc_chunks
       for each row when (old.id = %L) execute function break_off()',
       (select id from doc_chunks order by id offset 410 limit 1)); end $$`,
  );
  const { code, err } = await run('up');
  expect(code).toBe(1);
  expect(err).toContain('Broken off.');
  expect(await counts()).toEqual({ anew: 400, old: 50 });
  const stored = 'select id, xmin::text from doc_chunks order by id limit 400';
  const before = await sql(stored);
  await sql('drop trigger zz_break_off on doc_chunks', 'drop function break_off()');

  expect((await run('up')).code).toBe(0);
  expect(await counts()).toEqual({ anew: CHUNKS, old: 0 });
  // What was done already is not done again.
  expect(await sql(stored)).toEqual(before);
  expect(
    await sql(
      `select obj_description('weaver_make_words_anew(boolean)'::regprocedure) as progress,
              exists (select from pg_policies where policyname = 'words_made_anew') as left,
              (select array_agg(distinct context) from doc_chunks
                where search_vector @@ 'txt:C') as contexts`,
    ),
  ).toEqual([{ progress: null, left: false, contexts: ['a.txt'] }]);
});

test('what was stored while it ran is read anew, and "down" gives back what was', async () => {
  expect((await run('down', READ_ANEW, '--yes')).code).toBe(0);
  await sql(
    `insert into doc_chunks (tenant_id, doc_id, text, chunk_index)
       select tenant_id, id, 'fastify.addHook and TCP/IP', 1000 from docs`,
  );
  expect(await counts()).toEqual({ anew: CHUNKS + 1, old: 0 });
  expect((await run('down', BEFORE, '--yes')).code).toBe(0);
  expect(await counts()).toEqual({ anew: 0, old: CHUNKS + 1 });
  expect((await run('up')).code).toBe(0);
  expect(await counts()).toEqual({ anew: CHUNKS + 1, old: 0 });
  expect((await run('check')).code).toBe(0);
});

test.runIf(inject('template').kind === 'postgres')(
  'the owner of the tables, whom policies hold, reads every chunk with its file and its language',
  async () => {
    const bare = await freshDatabase();
    const { admin, maintenance } = bare.urls!;
    const owner = `words_owner_${process.pid}_${Date.now().toString(36)}`;
    const env = {
      DATABASE_URL: databaseUrl(admin, new URL(admin).pathname.slice(1), {
        user: owner,
        password: 'x',
      }),
    };
    const succeeds = async (own: Record<string, string>, ...args: string[]): Promise<void> => {
      const { code, err } = await weaver(own, ['db', ...args]);
      expect(code, err).toBe(0);
    };
    const read = (): Promise<unknown[]> =>
      sqlAt(
        admin,
        `select count(*)::int as chunks, count(search_vector)::int as "haveWords",
                count(*) filter (where search_vector @@ 'haus' and search_vector @@ 'stadt:C'
                  and context = 'Stadt.md')::int as whole from doc_chunks`,
      );
    const leftBehind = (): Promise<unknown[]> =>
      sqlAt(admin, `select tablename from pg_policies where policyname = 'words_made_anew'`);
    try {
      await succeeds(
        { DATABASE_URL: admin },
        'bootstrap',
        '--owner',
        owner,
        '--login',
        `${owner}_gw`,
      );
      await sqlAt(admin, `alter role ${owner} password 'x'`);
      await succeeds(env, 'up', 'Migration20261201400200_context_of_chunks');
      for (const statement of [
        `insert into tenants (id, name) values ('${TENANT}', 'Old')`,
        `update bots set language = 'de'`,
        `insert into docs (tenant_id, filename, size_bytes) values ('${TENANT}', 'Stadt.md', 1)`,
        'alter table doc_chunks disable trigger doc_chunks_words',
        `insert into doc_chunks (tenant_id, doc_id, text, chunk_index)
           select tenant_id, id, 'Viele Häuser, ' || n, n
             from docs, generate_series(1, ${CHUNKS}) n`,
        'alter table doc_chunks enable trigger doc_chunks_words',
        `create function break_off() returns trigger language plpgsql as
           $$ begin raise 'Broken off.'; end $$`,
        `do $$ begin execute format('create trigger zz_break_off before update on doc_chunks
           for each row when (old.id = %L) execute function break_off()',
           (select id from doc_chunks order by id offset 210 limit 1)); end $$`,
      ])
        await sqlAt(admin, statement);

      expect((await weaver(env, ['db', 'up'])).err).toContain('Broken off.');
      expect(await read()).toEqual([{ chunks: CHUNKS, haveWords: 200, whole: 200 }]);
      expect(await leftBehind()).toHaveLength(3);
      await sqlAt(admin, 'drop function break_off() cascade');

      await succeeds(env, 'up');
      expect(await read()).toEqual([{ chunks: CHUNKS, haveWords: CHUNKS, whole: CHUNKS }]);
      expect(await leftBehind()).toEqual([]);
      await succeeds(env, 'check');
    } finally {
      await bare.close();
      for (const name of [owner, `${owner}_gw`])
        await sqlAt(maintenance, `drop role if exists ${name}`);
    }
  },
);

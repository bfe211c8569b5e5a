import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { weaver } from '../../support/command.js';
import { joinPatterns } from '../../support/join-patterns.js';
import { CHUNK, DOC, REVISIONS, TIDY } from '../../support/legacy-database.js';
import { LegacyDatabase, withoutLegacyObjects } from '../../support/legacy-server.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const onPostgres = inject('template').kind === 'postgres';

describe.runIf(onPostgres).each(REVISIONS)('undo to revision %s', revision => {
  test('gives back the catalogue and every row, and allows another adoption', async () => {
    const legacy = await LegacyDatabase.make(revision);
    try {
      const [catalogue, rows] = [await legacy.catalogue(), await legacy.rows()];
      expect(await legacy.adopt('--yes', '--legacy-role', await legacy.login())).toMatchObject({
        code: 0,
      });
      expect(await legacy.adopt('--undo')).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining('Nothing was changed. Add --yes to go ahead.'),
      });
      expect(await legacy.adopt('--undo', '--yes')).toMatchObject({
        code: 0,
        out: `Undone: the database is at revision ${revision} again, as it was.`,
      });
      expect(await legacy.catalogue()).toEqual(catalogue);
      expect(await legacy.rows()).toEqual(rows);
      expect(await legacy.adopt('--undo', '--yes')).toMatchObject({
        code: 0,
        out: 'Nothing to do: there is no adoption to undo.',
      });
      expect(await legacy.adopt('--yes')).toMatchObject({ code: 0 });
    } finally {
      await legacy.close();
    }
  });
});

describe.runIf(onPostgres)('undo', () => {
  let legacy: LegacyDatabase;
  beforeAll(async () => {
    legacy = await LegacyDatabase.make('007');
    await legacy.adopt('--yes');
  });
  afterAll(() => legacy.close());

  test.each([
    [
      'a new row',
      `insert into tenants (id, name) values ('${DOC(99)}', 'New')`,
      `delete from tenants where id = '${DOC(99)}'`,
      ['tenants: 1 row added, 0 changed, 0 removed since', 'bots: 1 row added'],
    ],
    [
      'a changed value, though it changed back',
      `update docs set filename = filename where id = '${DOC(0)}'`,
      undefined,
      [`docs: 0 rows added, 1 changed, 0 removed since (${DOC(0)})`],
    ],
    [
      'a changed chunk',
      `update doc_chunks set text = text || '!' where id = '${CHUNK(0)}'`,
      `update doc_chunks set text = rtrim(text, '!') where id = '${CHUNK(0)}'`,
      [`doc_chunks: 0 rows added, 1 changed, 0 removed since (${CHUNK(0)})`],
    ],
    [
      'a removed row',
      `delete from bot_queries where tenant_id = '${TIDY}'`,
      undefined,
      ['bot_queries: 0 rows added, 0 changed, 5 removed since'],
    ],
  ])('is refused after %s, and says what would be lost', async (_, write, mend, messages) => {
    await legacy.sql(write);
    const catalogue = await legacy.catalogue();
    const { code, out, err } = await legacy.adopt('--undo', '--yes');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    for (const message of messages) expect(err).toContain(`  ${message}`);
    expect(err).toMatch(
      joinPatterns(
        /\nNothing was changed: going back would lose what was written since the adoption, /,
        /named above\.$/,
      ),
    );
    expect(await legacy.catalogue()).toEqual(catalogue);
    if (mend) await legacy.sql(mend);
  });
});

describe.runIf(onPostgres)('undo', () => {
  test('is not kept by keys that were used, which loses nothing', async () => {
    const legacy = await LegacyDatabase.make('003');
    try {
      const rows = await legacy.rows();
      await legacy.adopt('--yes');
      await legacy.sql(`update api_keys set last_used_at = now()`);
      expect(await legacy.adopt('--undo', '--yes')).toMatchObject({ code: 0 });
      expect(await legacy.rows()).toEqual(rows);
    } finally {
      await legacy.close();
    }
  });

  test('removes an extension that adoption made, and keeps an older migration log', async () => {
    const legacy = await LegacyDatabase.make('002');
    try {
      await legacy.sql('drop extension btree_gin');
      await legacy.sql(
        'create table mikro_orm_migrations (id serial primary key, name varchar(255) not ' +
          'null, executed_at timestamptz not null default current_timestamp)',
      );
      const catalogue = await legacy.catalogue();
      expect(await weaver({ DATABASE_URL: legacy.admin }, ['db', 'adopt', '--yes'])).toMatchObject({
        code: 0,
      });
      expect((await legacy.catalogue()).extensions).toContain('btree_gin');
      expect(
        await weaver({ DATABASE_URL: legacy.admin }, ['db', 'adopt', '--undo', '--yes']),
      ).toMatchObject({ code: 0 });
      expect(await legacy.catalogue()).toEqual(catalogue);
    } finally {
      await legacy.close();
    }
  });
});

describe.runIf(onPostgres)('finish', () => {
  test('drops what is kept, once it is told to, and nothing else', async () => {
    const legacy = await LegacyDatabase.make('007');
    try {
      await legacy.adopt('--yes');
      const [catalogue, { docs }] = [
        withoutLegacyObjects(await legacy.catalogue()),
        await legacy.rows('docs'),
      ];
      const stopped = await legacy.adopt('--finish');
      expect(stopped).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(
          joinPatterns(
            /\n {2}weaver_legacy_doc_chunks +24 rows, \d+ kB\n[^]*The original vectors and values /,
            /will be lost, and --undo will no longer work\.$/,
          ),
        ),
      });
      expect((await legacy.catalogue()).tables).toHaveProperty('weaver_legacy_docs');
      expect(await legacy.adopt('--finish', '--yes')).toMatchObject({
        code: 0,
        out: 'Finished: the tables of revision 007 are dropped.',
      });
      const finished = await legacy.catalogue();
      expect(withoutLegacyObjects(finished)).toEqual(catalogue);
      expect(JSON.stringify(finished)).not.toContain('weaver_legacy_');
      expect((await legacy.rows('docs')).docs).toEqual(docs);
      expect(await legacy.adopt('--finish', '--yes')).toMatchObject({
        code: 0,
        out: 'Nothing to do: no tables of an older database are left.',
      });
      expect(await legacy.adopt('--yes')).toMatchObject({
        code: 0,
        out: 'This database is one of this Weaver already: nothing to adopt.',
      });
    } finally {
      await legacy.close();
    }
  });
});

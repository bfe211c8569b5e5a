import { Client } from 'pg';
import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { weaver } from '../../support/command.js';
import { CHUNK, DOC, KEY, TIDY, vectorOf } from '../../support/legacy-database.js';
import { LegacyDatabase } from '../../support/legacy-server.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const onPostgres = inject('template').kind === 'postgres';

/** The SQL of the older application, as its login. */
describe.runIf(onPostgres).each(['a login of its own', 'the owner of the tables'])(
  'the older application as %s',
  who => {
    let legacy: LegacyDatabase;
    let login: string;
    let application: Client;
    let before: unknown[];
    let plan: string;
    const NEAREST =
      'select id, text, 1 - (embedding <=> $1::vector) as similarity from doc_chunks ' +
      'where tenant_id = $2 order by embedding <=> $1::vector limit 5';
    const rows = async <R = Record<string, any>>(
      sql: string,
      values: unknown[] = [],
    ): Promise<R[]> => (await application.query(sql, values)).rows as R[];

    beforeAll(async () => {
      legacy = await LegacyDatabase.make('007');
      login = who.startsWith('the owner')
        ? decodeURIComponent(new URL(legacy.owner).username)
        : await legacy.login();
      await legacy.sql(
        `grant select, insert, update, delete on all tables in schema public to ${login}`,
      );
      application = new Client({ connectionString: legacy.urlOf(login) });
      await application.connect();
      before = await rows(NEAREST, [vectorOf(2), TIDY]);
      plan = (await legacy.adopt('--yes')).out;
    });
    afterAll(async () => {
      await application.end();
      await legacy.close();
    });

    test('sees nothing before it is named, and the plan said so', async () => {
      expect(plan).toContain(`name the older application's with --legacy-role (there is `);
      expect(plan).toContain(login);
      const seen = await rows('select count(*)::int as n from tenants').catch(
        error => (error as { code: string }).code,
      );
      expect(seen).toEqual(who.startsWith('the owner') ? [{ n: 0 }] : '42501');
    });

    test('is named after the adoption as well as before, and twice', async () => {
      expect(await legacy.adopt('--legacy-role', login)).toMatchObject({
        code: 1,
        err: expect.stringContaining('Add --yes'),
      });
      for (let round = 0; round < 2; round += 1) {
        expect(await legacy.adopt('--yes', '--legacy-role', login)).toMatchObject({
          code: 0,
          out: expect.stringMatching(
            new RegExp(`\\nThe login ${login} may go on reading and writing`),
          ),
        });
      }
      expect(
        await legacy.sql(
          'select count(*)::int as n from pg_policies ' +
            "where policyname = 'legacy_application' and roles = $1",
          [`{${login}}`],
        ),
      ).toEqual([{ n: 7 }]);
    });

    test('finds the same chunks as before, equally near', async () => {
      const after = await rows(NEAREST, [vectorOf(2), TIDY]);
      const rounded = (found: any[]): unknown =>
        found.map(({ id, text, similarity }) => ({
          id,
          text,
          similarity: Math.round(similarity * 1000) / 1000,
        }));
      expect(rounded(after)).toEqual(rounded(before));
    });

    test('makes tenants, which get their bot, and documents and chunks without one', async () => {
      const [tenant] = await rows(
        "insert into tenants (name) values ('Old friend') " +
          'returning id, plan_tier, storage_used_bytes, created_at',
      );
      const [bot] = await rows('select id, name from bots where tenant_id = $1', [tenant!.id]);
      expect(bot).toMatchObject({ name: 'Old friend Bot' });
      const [doc] = await rows(
        'insert into docs (tenant_id, filename, gcs_path, size_bytes) ' +
          "values ($1, 'a.pdf', 'gs://a', 12) returning id, status, bot_id",
        [tenant!.id],
      );
      expect(doc).toMatchObject({ status: 'pending', bot_id: bot!.id });
      const [chunk] = await rows(
        'insert into doc_chunks (doc_id, tenant_id, embedding, text, page_num, ' +
          "chunk_index, chunk_metadata) values ($1, $2, $3::vector(1536), 'New', 1, 0, " +
          `'{"a": 1}') returning id, bot_id`,
        [doc!.id, tenant!.id, vectorOf(7)],
      );
      expect(chunk!.bot_id).toBe(bot!.id);
      expect(await rows(NEAREST, [vectorOf(7), tenant!.id])).toMatchObject([
        { id: chunk!.id, text: 'New', similarity: expect.closeTo(1, 3) },
      ]);
      const [key] = await rows(
        'insert into api_keys (tenant_id, name, key_hash) ' +
          "values ($1, 'Old', '$argon2id$x') returning id",
        [tenant!.id],
      );
      await rows(
        'insert into bot_queries (tenant_id, api_key_id, query, answer, confidence, ' +
          'latency_ms, sources, query_embedding) ' +
          "values ($1, $2, 'q', 'a', 'high', 5, '[]', $3::vector)",
        [tenant!.id, key!.id, vectorOf(8)],
      );
      expect(
        await rows('select bot_id from bot_queries where tenant_id = $1', [tenant!.id]),
      ).toEqual([{ bot_id: bot!.id }]);
      const profile = v4();
      await rows(`insert into profiles (id, tenant_id, email) values ($1, $2, $3)`, [
        profile,
        tenant!.id,
        `${profile}@example.com`,
      ]);
      await rows('delete from tenants where id = $1', [tenant!.id]);
      expect(await rows('select from docs where tenant_id = $1', [tenant!.id])).toEqual([]);
    });

    test('changes what it always changed', async () => {
      const [{ updated_at: was }] = (await rows('select updated_at from docs where id = $1', [
        DOC(0),
      ])) as [Record<string, Date>];
      const [{ updated_at: is }] = (await rows(
        "update docs set status = 'completed', error_message = null where id = $1 " +
          'returning updated_at',
        [DOC(0)],
      )) as [Record<string, Date>];
      expect(is!.getTime()).toBeGreaterThan(was!.getTime());
      expect(
        await rows(
          'update tenants set storage_used_bytes = storage_used_bytes + 1, plan_tier = ' +
            "'pro' where id = $1 returning id",
          [TIDY],
        ),
      ).toHaveLength(1);
      expect(
        await rows(
          `update doc_chunks set chunk_metadata = '{"b": 2}', embedding = $2::vector ` +
            'where id = $1 returning id',
          [CHUNK(0), vectorOf(0)],
        ),
      ).toHaveLength(1);
      expect(
        await rows(`update api_keys set last_used_at = now() where id = $1 returning key_hash`, [
          KEY(0),
        ]),
      ).toEqual([{ key_hash: '$argon2id$v=19$m=65536,t=3,p=4$0' }]);
      expect(
        await rows(
          `update bots set config_json = '{"prompt": "New"}' where tenant_id = $1 returning id`,
          [TIDY],
        ),
      ).toHaveLength(1);
      expect(
        await rows('delete from doc_chunks where doc_id = $1 returning id', [DOC(2)]),
      ).toHaveLength(4);
    });

    test('the checks of an operator know its policy, and say how to take it away', async () => {
      const { code, out } = await weaver({ DATABASE_URL: legacy.admin }, ['db', 'doctor']);
      expect(out.split('\n').filter(line => line.startsWith('fail'))).toEqual([]);
      expect(out).toContain(
        `warn  The policy legacy_application shows every tenant's rows to ${login}, the ` +
          'older application.',
      );
      expect(code).toBe(0);
    });

    test('its policies and rights are no drift', async () => {
      expect(await weaver({ DATABASE_URL: legacy.owner }, ['db', 'check'])).toMatchObject({
        code: 0,
      });
    });
  },
);

describe.runIf(onPostgres)('a login that is not there', () => {
  test('is refused, and nothing is changed', async () => {
    const legacy = await LegacyDatabase.make('001', { filled: false });
    try {
      const catalogue = await legacy.catalogue();
      expect(await legacy.adopt('--yes', '--legacy-role', 'nobody_of_this_name')).toMatchObject({
        code: 1,
        err: expect.stringContaining('Nothing was changed: there is no login nobody_of_this_name.'),
      });
      expect(await legacy.adopt('--yes', '--legacy-role', 'weaver_tenant')).toMatchObject({
        code: 1,
        err: expect.stringContaining(
          "Nothing was changed: weaver_tenant is the gateway's own role.",
        ),
      });
      expect(await legacy.catalogue()).toEqual(catalogue);
    } finally {
      await legacy.close();
    }
  });
});

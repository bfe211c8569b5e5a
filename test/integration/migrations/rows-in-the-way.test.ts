import type { Transaction } from '@mikro-orm/core';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Database } from '../../../src/db/database.js';
import { readConfig } from '../../../src/config.js';
import { ENTITIES } from '../../../src/entities.js';
import { freshDatabase, weaver, type FreshDatabase } from '../../support/command.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const BEFORE = 'Migration20261129100000_vectors_made_anew';
const [TENANT, TWIN_1, TWIN_2, BOT, KEY, QUERY, LISTED_KEY, ABROAD] = Array.from(
  { length: 8 },
  (_, nth) => `0198c7a2-5c1e-7d3a-9f52-00000000000${nth + 1}`,
) as [string, string, string, string, string, string, string, string];

let fresh: FreshDatabase;

/**
 * Runs statements as whoever owns the tables and stands above the policies, while no command has
 * the database open.
 */
async function sql<R>(...statements: string[]): Promise<R[]> {
  if (fresh.urls) {
    const client = new Client({ connectionString: fresh.urls.admin });
    await client.connect();
    try {
      let rows: R[] = [];
      for (const statement of statements)
        ({ rows } = await client.query<R & Record<string, unknown>>(statement));
      return rows;
    } finally {
      await client.end();
    }
  }
  const database = await Database.open(readConfig(fresh.env).database, ENTITIES, 'migrate');
  try {
    let rows: R[] = [];
    for (const statement of statements)
      rows = await database.orm.em
        .getDriver()
        .getConnection()
        .execute(statement, [], 'all', undefined as unknown as Transaction);
    return rows;
  } finally {
    await database.close();
  }
}

const stored = (): Promise<unknown[]> =>
  sql(
    'select to_jsonb(t) as row from (select id, created_at::text as a, null as b ' +
      'from bots union all select id, expires_at::text, last_used_at::text from api_keys ' +
      'union all select id, email, updated_at::text from profiles ' +
      'union all select id, scopes::text, null from api_keys ' +
      'union all select id, sources::text, null from bot_queries) t order by t::text',
  );

beforeAll(async () => {
  fresh = await freshDatabase({ migrated: true });
  const { code, err } = await weaver(fresh.env, ['db', 'down', BEFORE, '--yes']);
  if (code !== 0) throw new Error(err);
  await sql(
    `insert into tenants (id, name) values ('${TENANT}', 'Old')`,
    'insert into bots (id, tenant_id, name, created_at) ' +
      `values ('${BOT}', '${TENANT}', 'Ancient', '0044-03-15 12:00:00+00 BC')`,
    'insert into api_keys (id, tenant_id, name, key_hash, expires_at, last_used_at) ' +
      `values ('${KEY}', '${TENANT}', 'Never', 'none', 'infinity', '12000-01-01 ` +
      "00:00:00+00')",
    'insert into profiles (id, tenant_id, email, created_at) ' +
      `values ('${TWIN_1}', '${TENANT}', 'ann@example.com', '2020-01-01'), ('${TWIN_2}', ` +
      `'${TENANT}', 'Ann@Example.com', '2021-01-01')`,
    'insert into profiles (id, tenant_id, email) ' +
      `values ('${ABROAD}', '${TENANT}', 'eve@xn--mnchen-3ya.de')`,
    'insert into api_keys (id, tenant_id, name, key_hash, scopes) ' +
      `values ('${LISTED_KEY}', '${TENANT}', 'Lists', 'none', '{{read},{write}}')`,
    'insert into bot_queries (id, tenant_id, bot_id, query, answer, sources) ' +
      `values ('${QUERY}', '${TENANT}', '${BOT}', 'Why?', 'So.', '[{"a": 1}, null]')`,
  );
});
afterAll(() => fresh.close());

describe('rows that a rule comes after', () => {
  test('are left as they are by "db up", which succeeds and names their tables', async () => {
    const before = await stored();
    const { code, out, err } = await weaver(fresh.env, ['db', 'up']);
    expect(code).toBe(0);
    expect(out).toContain('Applied Migration20261130100800_one_user_of_address');
    expect(err).toContain(
      'api_keys has rows with times that RFC 3339 cannot write. They were not changed.',
    );
    expect(err).toContain(
      'bots has rows with times that RFC 3339 cannot write. They were not changed.',
    );
    expect(err).toContain(
      'profiles has users of one tenant whose e-mail addresses differ only in case. They ' +
        'were not changed.',
    );
    expect(err).toContain(
      'bot_queries has rows with sources that are not all objects. They were not changed.',
    );
    expect(err).toContain(
      'api_keys has rows with scopes in a list of lists. They were not changed.',
    );
    expect(err).toContain('"npx weaver db doctor" lists the rows');
    expect(err).not.toContain('docs has rows');
    expect(await stored()).toEqual(before);
  });

  test('are named by "db doctor", with what to do', async () => {
    const { code, out } = await weaver(fresh.env, ['db', 'doctor']);
    expect(code).toBe(1);
    expect(out).toContain(
      `fail  1 row of api_keys holds a time that RFC 3339 cannot write (${KEY}: ` +
        'expires_at, last_used_at).',
    );
    expect(out).toContain(
      `fail  1 row of bots holds a time that RFC 3339 cannot write (${BOT}: created_at).`,
    );
    expect(out).toContain('alter table bots validate constraint bots_times_rfc3339');
    expect(out).toContain(
      `fail  1 row of bot_queries has sources that are not all objects (${QUERY}).`,
    );
    expect(out).toContain(`fail  1 row of api_keys has scopes in a list of lists (${LISTED_KEY}).`);
    expect(out).toContain(
      'warn  1 user has an e-mail address whose domain is not in Unicode and small letters ' +
        `(${ABROAD}).`,
    );
    expect(out).toContain(
      'warn  1 e-mail address belongs to several users of a tenant, in different ' +
        `spellings (tenant ${TENANT}: ${TWIN_1}, ${TWIN_2}).`,
    );
  });

  test('cannot be added to, times at once and addresses once there is an index', async () => {
    await expect(
      sql(
        `insert into bots (tenant_id, name, created_at) values ('${TENANT}', 'Late', 'infinity')`,
      ),
    ).rejects.toMatchObject({ code: '23514' });
  });

  test('are what "db check" finds different', async () => {
    const { code, out } = await weaver(fresh.env, ['db', 'check']);
    expect(code).toBe(1);
    expect(out).toContain('profiles_email_one_user');
    expect(out).toContain('bots_times_rfc3339');
    expect(out).not.toContain('docs_times_rfc3339');
  });

  test('once mended as it says leave nothing to mend, and no difference', async () => {
    await sql(
      `update bots set created_at = '2020-01-01' where id = '${BOT}'`,
      `update api_keys set expires_at = null, last_used_at = null where id = '${KEY}'`,
      `delete from profiles where id = '${TWIN_2}'`,
      `update profiles set email = 'eve@münchen.de' where id = '${ABROAD}'`,
      `update bot_queries set sources = '[{"a": 1}]' where id = '${QUERY}'`,
      `update api_keys set scopes = '{read,write}' where id = '${LISTED_KEY}'`,
    );
    const { code, out } = await weaver(fresh.env, ['db', 'doctor']);
    expect(code).toBe(0);
    const said = [
      ...out.matchAll(/[Rr]un "((?:alter table|create unique index) [^→]*?)" as the owner/g),
    ].map(match => match[1]!);
    expect(said).toHaveLength(5);
    for (const statement of said) await sql(statement);
    expect((await weaver(fresh.env, ['db', 'doctor'])).out).toContain(
      'ok    All rows hold times that RFC 3339 can write',
    );
    expect(await weaver(fresh.env, ['db', 'check'])).toMatchObject({ code: 0 });
  });

  test('or not, go down and up again', async () => {
    await sql(
      `drop index profiles_email_one_user`,
      `insert into profiles (tenant_id, email) values ('${TENANT}', 'ANN@example.com')`,
    );
    expect(await weaver(fresh.env, ['db', 'down', BEFORE, '--yes'])).toMatchObject({ code: 0 });
    expect(await weaver(fresh.env, ['db', 'up'])).toMatchObject({
      code: 0,
      err: expect.stringContaining('differ only in case'),
    });
  });
});

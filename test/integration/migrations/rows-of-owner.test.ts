import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { knownMigrations } from '../../../src/ops/migrations/state.js';
import {
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
  type Outcome,
} from '../../support/command.js';
import { Sandbox } from '../../support/sandbox.js';
import { databaseUrl } from '../../support/template-database.js';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const DATA = 'Migration29990101000000_data';
const OUTSIDE = 'Migration29990102000000_outside';

const STATEMENTS = [
  `update tenants set plan_tier = 'basic' where plan_tier = 'free'`,
  'insert into docs (tenant_id, bot_id, filename, size_bytes) select tenant_id, id, ' +
    "'from ' || name, 7 from bots",
  `do $$ begin update tenants set name = name || '!' where plan_tier = 'basic'; end $$`,
  `with named as (update bots set name = name || '?' returning 1) select count(*) from named`,
  'merge into tenants t using (select tenant_id from bots) b on b.tenant_id = t.id when ' +
    "matched then update set name = t.name || '.'",
  'create function name_tenants() returns void language sql as $$ update tenants ' +
    "set name = name || '-' where plan_tier = 'basic' $$",
  `select name_tenants()`,
  `drop function name_tenants()`,
];

let sandbox: Sandbox;
let fresh: FreshDatabase;
let own: Record<string, string>;
let url: string;
let login: string;

beforeAll(async () => {
  sandbox = new Sandbox();
  fresh = await freshDatabase({ migrated: inject('template').kind === 'embedded' });
  if (!fresh.urls) return void (own = fresh.env);
  login = `data_owner_${process.pid}_${Date.now().toString(36)}`;
  url = databaseUrl(fresh.urls.admin, new URL(fresh.urls.admin).pathname.slice(1), {
    user: login,
    password: 'x',
  });
  const bootstrap = await weaver({ ...fresh.env, DATABASE_URL: fresh.urls.admin }, [
    'db',
    'bootstrap',
    '--owner',
    login,
    '--login',
    `${login}_gw`,
  ]);
  if (bootstrap.code !== 0) throw new Error(bootstrap.err);
  await sqlAt(fresh.urls.admin, `alter role ${login} password 'x'`);
  own = { DATABASE_URL: url };
  const up = await weaver(own, ['db', 'up']);
  if (up.code !== 0) throw new Error(up.err);
});
afterAll(async () => {
  await sandbox.close();
  await fresh.close();
  if (fresh.urls)
    for (const name of [login, `${login}_gw`])
      await sqlAt(fresh.urls.maintenance, `drop role if exists ${name}`);
});

const run = (...args: string[]): Promise<Outcome> => sandbox.weaver(own, 'db', ...args);

async function tenants(): Promise<unknown[]> {
  return sqlAt(
    fresh.urls!.admin,
    'select t.name, plan_tier, storage_used_bytes::int as bytes, b.name as bot ' +
      'from tenants t join bots b on b.tenant_id = t.id order by t.name',
  );
}

test('a migration of data sees all rows as the owner, and tells how many it changed', async () => {
  if (fresh.urls)
    await sqlAt(
      fresh.urls.admin,
      `insert into tenants (name, plan_tier) values ('a', 'free'), ('b', 'free'), ('c', 'pro')`,
    );
  sandbox.write(DATA, { up: STATEMENTS, down: ['select 1'] });
  sandbox.write(OUTSIDE, {
    up: [`update tenants set name = upper(name) where plan_tier = 'basic'`],
    down: ['select 1'],
    transactional: false,
  });
  if (!fresh.urls) {
    const { code, err } = await run('up', '--yes');
    expect({ code, err }).toMatchObject({
      code: 0,
      err: expect.stringContaining(`${DATA} changed 0 rows of tenants.`),
    });
    return;
  }
  const before = await tenants();
  const rehearsed = await run('rehearse', '--on-data');
  expect(rehearsed.out).toMatch(new RegExp(`^ok +${DATA}`));
  expect(rehearsed.out).toContain('changed 2 rows of tenants\n        changed 3 rows of docs\n');
  expect(await tenants()).toEqual(before);

  const last = knownMigrations().at(-1)!;
  const script = sandbox.weaver(own, 'db', 'up', '--sql', '--from', last, '--to', DATA);
  // As psql in one transaction that is not kept.
  const undone = (await script).out.replace(
    /^commit$|^commit;$/m,
    'select name from tenants; rollback;',
  );
  const asked = execFileSync('psql', ['-X', '-d', url], {
    input: undone,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  expect(asked).toContain('0 rows');
  expect(await tenants()).toEqual(before);

  const { code, out, err } = await run('up', '--yes');
  expect({ code, out }, err).toEqual({ code: 0, out: `Applied ${DATA}\nApplied ${OUTSIDE}\n` });
  expect(err).toContain(`${DATA} changed 2 rows of tenants.`);
  expect(err).toContain(`${DATA} changed 3 rows of docs.`);
  expect(err).toContain(`${OUTSIDE} changed 2 rows of tenants.`);
  expect(await tenants()).toEqual([
    { name: 'A!.-', plan_tier: 'basic', bytes: 7, bot: 'a Bot?' },
    { name: 'B!.-', plan_tier: 'basic', bytes: 7, bot: 'b Bot?' },
    { name: 'c.', plan_tier: 'pro', bytes: 7, bot: 'c Bot?' },
  ]);
  expect(
    await sqlAt(
      fresh.urls.admin,
      `select relname from pg_class where relrowsecurity and not relforcerowsecurity`,
    ),
  ).toEqual([]);
});

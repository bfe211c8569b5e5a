import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { hashOf, prefixOf } from '../../../src/api-keys/key-format.js';
import { Database } from '../../../src/db/database.js';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { knownMigrations } from '../../../src/ops/migrations/state.js';
import { demoId } from '../../../src/demo/demo-content.js';
import { ENTITIES } from '../../../src/entities.js';
import { readConfig } from '../../../src/config.js';
import { freshDatabase, weaver, type FreshDatabase, type Outcome } from '../../support/command.js';
import { joinPatterns } from '../../support/join-patterns.js';

const onPostgres = inject('template').kind === 'postgres';
const NAMES = knownMigrations();
const HARBOR = demoId('harbor-outdoor');

let fresh: FreshDatabase;
beforeAll(async () => {
  // The embedded one comes migrated: its real birth is slow, and tested in embedded.test.ts.
  fresh = await freshDatabase({ migrated: !onPostgres });
});
afterAll(() => fresh.close());

const run = (...args: string[]): Promise<Outcome> => weaver(fresh.env, args);

/** Rows as the operator sees them; each call opens the database. */
async function rows<R>(sql: string): Promise<R[]> {
  const database = await Database.open(readConfig(fresh.env).database, ENTITIES);
  try {
    return await database.write('test', OPERATOR_SCOPE, em => em.execute(sql));
  } finally {
    await database.close();
  }
}

// One database goes through its life: each test begins where the one before it ended.
describe('a new database', () => {
  test.runIf(onPostgres)(
    'has everything pending, and a gateway or a key is refused with the command to run',
    async () => {
      const status = await run('db', 'status');
      expect(status).toMatchObject({
        code: 0,
        out: expect.stringMatching(
          new RegExp(
            '^Database  database \\w+ of PostgreSQL at [\\w.]+:\\d+, as \\w+\nApplied ' +
              `  none\nPending   ${NAMES[0]}`,
          ),
        ),
      });
      expect(status.err).toBe('Apply what is pending with "npx weaver db up".');
      for (const command of [
        ['serve'],
        ['demo'],
        ['key', 'create', '--tenant', 'x', '--name', 'y'],
      ]) {
        expect(await run(...command)).toMatchObject({
          code: 1,
          out: '',
          err: expect.stringMatching(
            joinPatterns(
              /^The database \w+ /,
              /(has not been set up for Weaver yet|has none of Weaver's tables yet)\. /,
              /Run "npx weaver db up"/,
            ),
          ),
        });
      }
      expect(await run('db', 'doctor')).toMatchObject({
        code: 1,
        out: expect.stringContaining(
          `fail  None of Weaver's tables are there yet.\n      → Run "npx weaver db up".`,
        ),
      });
    },
  );

  test.runIf(!onPostgres)('is migrated down without --yes where there are no rows', async () => {
    for (const name of NAMES.slice(1).reverse())
      expect(await run('db', 'down')).toMatchObject({ code: 0, out: `Reverted ${name}` });
    expect(await run('db', 'down')).toMatchObject({
      code: 0,
      out: `Reverted ${NAMES[0]}`,
      err: expect.stringContaining('removes the table tenants (0 rows)'),
    });
  });

  test('is migrated by db up, once', async () => {
    const up = await run('db', 'up');
    expect(up).toMatchObject({ code: 0, out: NAMES.map(name => `Applied ${name}`).join('\n') });
    expect(await run('db', 'up')).toMatchObject({
      code: 0,
      out: 'Nothing to do: no migration is pending.',
    });
  });

  test('tells since when, in text and in JSON', async () => {
    const status = await run('db', 'status');
    expect(status.out).toMatch(
      new RegExp(`Applied   ${NAMES[0]}  \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC`),
    );
    expect(status.out).toMatch(/\nPending {3}none$/);
    const json = JSON.parse((await run('db', 'status', '--json')).out) as {
      database: object;
      applied: { name: string; appliedAt: string }[];
      pending: string[];
      unknown: string[];
    };
    expect(json).toMatchObject({
      database: { kind: onPostgres ? 'postgres' : 'embedded', exists: true },
      pending: [],
      unknown: [],
    });
    expect(json.applied.map(({ name }) => name)).toEqual(NAMES);
    expect(Math.abs(Date.now() - Date.parse(json.applied.at(-1)!.appliedAt))).toBeLessThan(
      10 * 60_000,
    );
  });
});

describe('demo', () => {
  test('is refused in production without --yes', async () => {
    const refused = await weaver({ ...fresh.env, NODE_ENV: 'production' }, ['demo']);
    expect(refused).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^This is production .* Add --yes to go ahead\.$/),
    });
  });

  test('adds the tenants once, and prints a key each time', async () => {
    const first = await run('demo');
    expect(first).toMatchObject({
      code: 0,
      err: expect.stringContaining('Harbor Outdoor: 3 bots'),
    });
    expect(prefixOf(first.out)).toBeDefined();
    const second = await run('demo');
    expect(second).toMatchObject({
      code: 0,
      err: expect.stringContaining('Harbor Outdoor: there already'),
    });
    expect(second.out).not.toBe(first.out);
    expect(await rows('select count(*)::int as tenants from tenants')).toEqual([{ tenants: 3 }]);
    if (onPostgres) return;
    const file = join(fresh.env.WEAVER_DATA_DIR!, 'demo-api-key');
    expect(readFileSync(file, 'utf8')).toBe(`${second.out}\n`);
  });
});

describe('key create', () => {
  const newest = () =>
    rows<Record<string, unknown>>(
      "select tenant_id, name, key_prefix, key_hash, array_to_string(scopes, ',') as " +
        'scopes, rate_limit_rpm, revoked, extract(epoch ' +
        'from expires_at - now()) / 86400 as days from api_keys ' +
        'order by created_at desc, id desc limit 1',
    );

  test('prints the secret alone, and stores its digest', async () => {
    const { code, out, err } = await run(
      'key',
      'create',
      '--tenant',
      'Harbor Outdoor',
      '--name',
      'My app',
      '--scopes',
      'read,search,ask',
      '--rate-limit',
      '120',
      '--expires',
      '30',
    );
    expect(code).toBe(0);
    expect(err).toMatch(
      joinPatterns(
        /^A key for Harbor Outdoor, which may read, search, ask with 120 requests a minute, /,
        /until 20\d\d-.* It is shown only once:$/,
      ),
    );
    expect(err).not.toContain(out);
    const [{ days, ...row }] = (await newest()) as [Record<string, unknown>];
    expect(row).toEqual({
      tenant_id: HARBOR,
      name: 'My app',
      key_prefix: prefixOf(out),
      key_hash: hashOf(out),
      scopes: 'read,search,ask',
      rate_limit_rpm: 120,
      revoked: false,
    });
    expect(Number(days)).toBeCloseTo(30, 1);
  });

  test("takes the tenant's id, and makes a key that may read and search for ever", async () => {
    const { code, out } = await run('key', 'create', '--tenant', HARBOR, '--name', 'Plain');
    expect(code).toBe(0);
    expect(await newest()).toEqual([
      {
        tenant_id: HARBOR,
        name: 'Plain',
        key_prefix: prefixOf(out),
        key_hash: hashOf(out),
        scopes: 'read,search',
        rate_limit_rpm: 60,
        revoked: false,
        days: null,
      },
    ]);
  });

  test('and list, rotate and revoke keep a record', async () => {
    const made = (await run('key', 'create', '--tenant', 'Harbor Outdoor', '--name', 'Kept')).out;
    const listed = await run('key', 'list', '--tenant', HARBOR, '--json');
    const kept = listed.out
      .split('\n')
      .map(line => JSON.parse(line))
      .find(key => key.name === 'Kept');
    expect(kept).toMatchObject({
      id: expect.any(String),
      prefix: prefixOf(made),
      state: 'active',
      scopes: ['read', 'search'],
      rateLimitRpm: 60,
      lastUsedAt: null,
    });
    const plain = await run('key', 'list', '--tenant', 'Harbor Outdoor');
    expect(plain.out).toContain(
      `${kept.id}\t${kept.prefix}\tactive\tread,search\t60\tnever\t-\tKept`,
    );
    for (const { out } of [listed, plain]) expect(out).not.toContain(made.slice(13));

    const rotated = await run('key', 'rotate', kept.prefix, '--overlap', '2');
    expect(rotated).toMatchObject({
      code: 0,
      err: expect.stringContaining('continues to work for 2 hours'),
    });
    expect(
      await rows(
        `select key_prefix, key_hash, previous_hash from api_keys where id = '${kept.id}'`,
      ),
    ).toEqual([
      {
        key_prefix: prefixOf(rotated.out),
        key_hash: hashOf(rotated.out),
        previous_hash: hashOf(made),
      },
    ]);
    for (let round = 0; round < 2; round += 1)
      expect(await run('key', 'revoke', kept.id)).toMatchObject({ code: 0, out: '' });
    expect(await rows(`select revoked from api_keys where id = '${kept.id}'`)).toEqual([
      { revoked: true },
    ]);
    expect(await run('key', 'rotate', kept.id)).toMatchObject({
      code: 1,
      out: '',
      err: 'The key "Kept" is revoked. Create a new one.',
    });
    expect(await run('key', 'revoke', made)).toEqual({
      code: 1,
      out: '',
      err: 'No key has this id or prefix. "npx weaver key list --tenant …" shows them.',
    });
    expect(
      await rows(
        `select action, actor_kind from audit_log where target_id = '${kept.id}' order by id`,
      ),
    ).toEqual(
      ['createApiKey', 'rotateApiKey', 'revokeApiKey'].map(action => ({
        action,
        actor_kind: 'command_line',
      })),
    );
  });

  test('names tenants when it finds none of this name', async () => {
    expect(await run('key', 'create', '--tenant', 'Harbor', '--name', 'x')).toEqual({
      code: 1,
      out: '',
      err:
        'No tenant has the id or the exact name Harbor. There is, for example, "Harbor ' +
        'Outdoor", "Larkfield Family Clinic", "Pinion Cloud".',
    });
  });

  test('wants the id when two tenants have the name', async () => {
    await rows(`insert into tenants (name) values ('Twins'), ('Twins')`);
    expect(await run('key', 'create', '--tenant', 'Twins', '--name', 'x')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^2 tenants are called Twins\. Give the id of one: [0-9a-f-]{36}, [0-9a-f-]{36}\.$/,
      ),
    });
  });
});

describe('key rotate', () => {
  test('leaves the former secret valid beside the key, until withdrawn by its prefix', async () => {
    const made = (await run('key', 'create', '--tenant', 'Harbor Outdoor', '--name', 'rotated'))
      .out;
    const renewed = (await run('key', 'rotate', made.slice(0, 12), '--overlap', '1')).out;
    const [old, present] = [made, renewed].map(secret => secret.slice(0, 12)) as [string, string];
    const listed = (): Promise<string> =>
      run('key', 'list', '--tenant', 'Harbor Outdoor').then(({ out }) =>
        out.split('\n').find(line => line.endsWith('\trotated'))!,
      );
    expect(await listed()).toMatch(new RegExp(`\t${present}\tactive\t.*\t${old} until \\d{4}-`));
    expect(await run('key', 'revoke', old)).toMatchObject({
      code: 0,
      err: expect.stringMatching(
        new RegExp(
          `^The former secret ${old} of the key "rotated" is revoked: .* The new ` +
            `secret continues to work; "npx weaver key revoke ${present}" revokes the key\\.$`,
        ),
      ),
    });
    expect(await listed()).toMatch(new RegExp(`\t${present}\tactive\t.*\t-\trotated$`));
    expect(
      await rows(
        `select previous_expires_at > now() as opens from api_keys where name = 'rotated'`,
      ),
    ).toEqual([{ opens: false }]);
    expect(await run('key', 'revoke', old)).toMatchObject({
      code: 1,
      err: expect.stringContaining('No key has this id or prefix.'),
    });
    expect(await run('key', 'revoke', present)).toMatchObject({ code: 0 });
    expect(
      await rows(
        "select action, details from audit_log where action = 'revokeApiKey' " +
          "and details ? 'formerPrefix'",
      ),
    ).toEqual([{ action: 'revokeApiKey', details: { formerPrefix: old } }]);
  });
});

describe('tenant', () => {
  test('create makes one with a bot, prints and audits it; list and show tell of it', async () => {
    const made = await run('tenant', 'create', 'Acme', '--plan', 'business');
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(await rows(`select name, plan_tier from tenants where id = '${made.out}'`)).toEqual([
      { name: 'Acme', plan_tier: 'business' },
    ]);
    expect(
      await rows(`select actor_kind, action from audit_log where tenant_id = '${made.out}'`),
    ).toEqual([{ actor_kind: 'command_line', action: 'createTenant' }]);
    expect((await run('tenant', 'list')).out).toMatch(
      new RegExp(`^${made.out}\tbusiness\t1\t0\t0\t\\S+Z\tAcme$`, 'm'),
    );
    expect(JSON.parse((await run('tenant', 'show', 'Acme', '--json')).out)).toMatchObject({
      id: made.out,
      name: 'Acme',
      planTier: 'business',
      bots: 1,
      documents: 0,
      apiKeys: 0,
    });
    await rows(`delete from tenants where id = '${made.out}'`);
  });

  test.each([
    [['create', ' '], 'It has no visible character.'],
    [['create', '\u3164'], 'It has no visible character.'],
    [['create', 'n'.repeat(256)], 'It has more than 255 characters.'],
    [['create', 'a\u001bb'], 'It contains the control character'],
  ])('%j is wrong usage', async (args, told) => {
    expect(await run('tenant', ...args)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(told),
    });
  });
});

describe('db doctor', () => {
  test('finds nothing wrong', async () => {
    const { code, out } = await run('db', 'doctor');
    expect(out.split('\n').filter(line => line.startsWith('fail'))).toEqual([]);
    expect(out).toContain(
      'ok    Row-level security is on and forced, with the right policies, on ' +
        `${ENTITIES.length} tables`,
    );
    expect(out).toContain("ok    The role weaver_tenant sees its own tenant's rows only");
    expect(out).toContain(
      'ok    As one tenant, the role weaver_tenant can neither see nor change nor add ' +
        'anything of another',
    );
    // The canary is gone.
    expect(
      await rows(`select count(*)::int as canaries from tenants where name = 'Weaver doctor'`),
    ).toEqual([{ canaries: 0 }]);
    expect(code).toBe(0);
  });
});

describe('db down', () => {
  test('reverts the last migration', async () => {
    for (const name of NAMES.slice(1).reverse())
      expect(await run('db', 'down', '--yes')).toMatchObject({ code: 0, out: `Reverted ${name}` });
  });

  test('tells what would go, with how many rows, and stops there', async () => {
    const { code, out, err } = await run('db', 'down');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(`Reverting ${NAMES[0]} in `);
    expect(err).toContain('  removes the table tenants (5 rows)\n');
    expect(err).toMatch(/\nNothing was changed\. Add --yes to lose these rows\.$/);
    expect(await rows('select count(*)::int as tenants from tenants')).toEqual([{ tenants: 5 }]);
  });

  test('--yes goes ahead, and then there is nothing left to revert', async () => {
    expect(await run('db', 'down', '--yes')).toMatchObject({
      code: 0,
      out: `Reverted ${NAMES[0]}`,
    });
    expect(await run('db', 'down')).toMatchObject({
      code: 0,
      out: 'Nothing to do: no migration is applied.',
    });
    expect(JSON.parse((await run('db', 'status', '--json')).out)).toMatchObject({
      applied: [],
      pending: NAMES,
    });
  });
});

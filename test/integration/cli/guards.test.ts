import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { knownMigrations } from '../../../src/ops/migrations/state.js';
import {
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
  type Outcome,
} from '../../support/command.js';
import { joinPatterns } from '../../support/join-patterns.js';
import { Sandbox } from '../../support/sandbox.js';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const onPostgres = inject('template').kind === 'postgres';
const LAST = knownMigrations().at(-1)!;
const ONE = 'Migration29990101000000_one';
const TWO = 'Migration29990102000000_two';
const CONFIRM = 'WEAVER_CONFIRM';

let sandbox: Sandbox;
let fresh: FreshDatabase;
/**
 * As the stock command line wants it, which is what it takes for the name of the embedded database.
 */
let databaseName: string;

beforeAll(async () => {
  sandbox = new Sandbox();
  fresh = await freshDatabase({ migrated: true });
  databaseName = onPostgres
    ? new URL(fresh.urls!.admin).pathname.slice(1)
    : fresh.env.WEAVER_DATA_DIR!;
});
afterAll(async () => {
  await sandbox.close();
  await fresh.close();
});

const run = (...args: string[]): Promise<Outcome> => sandbox.weaver(fresh.env, 'db', ...args);
const stock = (env: Record<string, string>, ...args: string[]): Promise<Outcome> =>
  sandbox.mikroOrm({ ...fresh.env, ...env }, ...args);
async function applied(): Promise<string[]> {
  const { out } = await weaver(fresh.env, ['db', 'status', '--json']);
  return (JSON.parse(out) as { applied: { name: string }[] }).applied.map(({ name }) => name);
}

describe('a run that fails', () => {
  test('leaves the database as it was, and names the statement without its values', async () => {
    sandbox.write(ONE, { up: ['create table one (id int)'], down: ['drop table one'] });
    sandbox.write(TWO, {
      up: [
        'create table two (id int)',
        'insert into two\n values (1)',
        "insert into two select 'secret of a tenant'::int",
      ],
      down: ['drop table two'],
    });
    const before = await applied();
    const { code, out, err } = await run('up');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(
      `${TWO} failed at statement 3 of 3 (insert into two select '…'::int): invalid ` +
        'input syntax for type integer: "…" (SQLSTATE 22P02). Nothing of this run was ' +
        'kept: the database is as it was before.',
    );
    expect(err).not.toContain('secret');
    expect(await applied()).toEqual(before);

    const again = await stock({}, 'migration:up');
    expect(again).toMatchObject({
      code: 1,
      err: expect.stringContaining(`${TWO} failed at statement 3 of 3`),
    });
    expect(again.out + again.err).not.toMatch(/secret|node_modules/);
    expect(await applied()).toEqual(before);
  });

  test('outside a transaction leaves no invalid index behind', async () => {
    sandbox.write(ONE, {
      up: ['create table one (id int)', 'insert into one values (1), (1)'],
      down: ['drop table one'],
    });
    sandbox.write(TWO, {
      up: ['create unique index concurrently one_id on one (id)'],
      down: ['drop index one_id'],
      transactional: false,
    });
    const { code, out, err } = await run('up');
    // What is applied stays so, and is told.
    expect({ code, out }).toEqual({ code: 1, out: `Applied ${ONE}\n` });
    expect(err).toContain(
      `${TWO} failed at statement 1 of 1 (create unique index concurrently one_id on one ` +
        '(id)): could not create unique index "one_id" (SQLSTATE 23505). The invalid index ' +
        'public.one_id that it left behind was dropped',
    );
    expect(await applied()).toEqual([...knownMigrations(), ONE]);
    if (onPostgres)
      expect(await sqlAt(fresh.urls!.admin, `select to_regclass('one_id') as index`)).toEqual([
        { index: null },
      ]);
  });
});

test('an index is built concurrently, outside a transaction', async () => {
  sandbox.write(TWO, {
    up: ['create index concurrently one_id on one (id)'],
    down: ['drop index concurrently one_id'],
    transactional: false,
  });
  expect(await stock({}, 'migration:up')).toMatchObject({ code: 0, err: '' });
  expect(await applied()).toEqual([...knownMigrations(), ONE, TWO]);
  if (onPostgres)
    expect(
      await sqlAt(
        fresh.urls!.admin,
        `select indisvalid as valid from pg_index where indexrelid = 'one_id'::regclass`,
      ),
    ).toEqual([{ valid: true }]);
});

describe('names', () => {
  test.each([
    [
      'unknown',
      'Migration2999010100000_one',
      /^There is no applied migration Migration2999010100000_one\. There are: /,
    ],
    [
      'ambiguous',
      'Migration2999010',
      `Migration2999010 is ambiguous: it can mean ${ONE}, ${TWO}.\n`,
    ],
    ['too short', '2999-', /^There is no applied migration 2999-\. /],
  ])('that are %s change nothing, on both command lines', async (_, name, message) => {
    const before = await applied();
    const expected = {
      code: 1,
      out: '',
      err: typeof message === 'string' ? message : expect.stringMatching(message),
    };
    expect(await run('down', '--to', name)).toEqual(expected);
    expect(await stock({}, 'migration:down', '--to', name)).toEqual(expected);
    expect(await applied()).toEqual(before);
  });

  test('may be begun, on both command lines', async () => {
    expect(await stock({}, 'migration:down', '--to', '29990101')).toMatchObject({ code: 0 });
    expect(await applied()).toEqual([...knownMigrations(), ONE]);
    expect(await run('up', '29990102')).toMatchObject({ code: 0, out: `Applied ${TWO}\n` });
  });
});

describe('a migration that was edited after it was applied', () => {
  test('is refused on both command lines, unless it is accepted', async () => {
    sandbox.write(TWO, {
      up: ['create index concurrently one_id on one (id) where id > 0'],
      down: ['drop index concurrently one_id'],
      transactional: false,
    });
    const status = await run('status');
    expect(status.out).toMatch(new RegExp(`${TWO} .* UTC {2}\\(edited after it was applied\\)\n`));
    expect(await run('up')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(
        `${TWO} was edited after being applied: what it emits is not what made this ` +
          'database. Nothing was changed. Undo the edit',
      ),
    });
    expect(await stock({}, 'migration:down')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('WEAVER_ACCEPT_EDITED=1'),
    });
    expect(await run('up', '--accept-edited')).toMatchObject({
      code: 0,
      err: expect.stringContaining(`${TWO} was edited`),
    });
    expect(await run('up')).toMatchObject({
      code: 0,
      out: 'Nothing to do: no migration is pending.\n',
    });
  });
});

describe('a migration that is older than applied ones', () => {
  const LATE = 'Migration29990101120000_late';

  test('is refused on both command lines, unless that is allowed', async () => {
    sandbox.write(LATE, { up: ['create table late (id int)'], down: ['drop table late'] });
    const before = await applied();
    expect(await run('up')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(
        `${LATE} is older than migrations that are applied already. Nothing was changed.`,
      ),
    });
    expect(await stock({}, 'migration:up')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('WEAVER_ALLOW_OUT_OF_ORDER=1'),
    });
    expect(await applied()).toEqual(before);
    expect(await run('up', '--allow-out-of-order')).toMatchObject({
      code: 0,
      out: `Applied ${LATE}\n`,
    });
    expect(await run('down')).toMatchObject({ code: 0, out: `Reverted ${LATE}\n` });
    sandbox.remove(LATE);
  });
});

test('a run that would revert a migration without "down" reverts nothing at all', async () => {
  const THREE = 'Migration29990103000000_three';
  sandbox.write(THREE, { up: ['create table three (id int)'] });
  expect(await run('up')).toMatchObject({ code: 0 });
  expect(await run('down', 'base', '--yes')).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringContaining(
      `${THREE} cannot be reverted: there is no "down" in it. Nothing was changed.`,
    ),
  });
  expect(await applied()).toContain(TWO);
  sandbox.write(THREE, { up: ['create table three (id int)'], down: ['drop table three'] });
  expect(await run('down')).toMatchObject({ code: 0 });
  sandbox.remove(THREE);
});

test.runIf(onPostgres)('two processes: the second waits for a time, or not at all', async () => {
  const SLOW = 'Migration29990104000000_slow';
  sandbox.write(SLOW, {
    up: ['select pg_advisory_xact_lock(20)', 'create table slow (id int)'],
    down: ['drop table slow'],
  });
  const holder = new Client({ connectionString: fresh.urls!.admin });
  await holder.connect();
  await holder.query('select pg_advisory_lock(20)');
  const first = sandbox.startWeaver(fresh.env, 'db', 'up', '--statement-lock-timeout', '0');
  await vi.waitFor(
    async () =>
      expect(
        await sqlAt(
          fresh.urls!.admin,
          "select from pg_stat_activity where query like '%pg_advisory_xact_lock(20)%' " +
            'and pid <> pg_backend_pid() and datname = current_database()',
        ),
      ).toHaveLength(1),
    { timeout: 60_000, interval: 50 },
  );
  const inTime = sandbox.startWeaver(
    { ...fresh.env, WEAVER_MIGRATION_LOCK_TIMEOUT: '600' },
    'db',
    'up',
  );
  await inTime.until('waiting for it, 600 seconds at most', 'err');
  const atOnce = await weaver(fresh.env, ['db', 'up', '--no-wait']);
  await holder.end();
  expect(atOnce).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(
      joinPatterns(
        /^Another process \(weaver-migrate, session \d+ of \w+\) is migrating this database\. /,
        /Try again later/,
      ),
    ),
  });
  expect(await first.outcome()).toMatchObject({ code: 0, out: `Applied ${SLOW}\n` });
  expect(await inTime.outcome()).toMatchObject({
    code: 0,
    out: 'Nothing to do: no migration is pending.\n',
  });
  expect(await run('down')).toMatchObject({ code: 0 });
  sandbox.remove(SLOW);
});

describe('what would be lost', () => {
  const COLUMNS = 'Migration29990105000000_columns';

  test('is told and wants a word when it goes up, too', async () => {
    // The table has the two rows of the first migration.
    sandbox.write(COLUMNS, {
      up: ['alter table one add column more int', 'alter table one drop column id cascade'],
      down: ['alter table one add column id int'],
    });
    const before = await applied();
    const refused = await stock({}, 'migration:up');
    expect(refused).toEqual({
      code: 1,
      out: '[weaver] removes the column one.id (of a table with 2 rows)\n',
      err:
        `Nothing was changed. Set WEAVER_CONFIRM=${databaseName} for this one command to ` +
        'lose these rows.\n',
    });
    expect(await run('up')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        joinPatterns(
          /removes the column one\.id \(of a table with 2 rows\)\nNothing was changed\. /,
          /Add --yes to lose these rows\.\n$/,
        ),
      ),
    });
    expect(await applied()).toEqual(before);
    expect(await run('up', '--yes')).toMatchObject({ code: 0, out: `Applied ${COLUMNS}\n` });
  });

  test.each([
    [
      'migration:down',
      ['migration:down', '--to', ONE.replace('_one', '')],
      'removes the column one.more',
    ],
    ['migration:fresh', ['migration:fresh'], 'removes the table tenants (3 rows)'],
    ['schema:drop', ['schema:drop', '--run'], 'removes the table tenants (3 rows)'],
    ['schema:fresh', ['schema:fresh', '--run'], 'removes the table tenants (3 rows)'],
    ['schema:update', ['schema:update', '--run'], 'removes the table one (2 rows)'],
  ])('is told by %s, which stops there', async (command, args, told) => {
    if (command === 'migration:down') {
      sandbox.write(COLUMNS, {
        up: ['alter table one add column more int', 'alter table one drop column id cascade'],
        down: ['alter table one drop column more'],
      });
      await weaver(fresh.env, ['demo']);
    }
    for (const env of [{}, { [CONFIRM]: 'another' }] as Record<string, string>[]) {
      const before = await applied();
      const { code, out, err } = await stock(env, ...args);
      expect({ code, err }).toEqual({
        code: 1,
        err:
          `Nothing was changed. Set WEAVER_CONFIRM=${databaseName} for this one command to ` +
          'lose these rows.\n',
      });
      expect(out).toContain(`[weaver] ${told}`);
      expect(await applied()).toEqual(before);
    }
  });

  test('is lost once somebody says so: migration:fresh makes everything anew', async () => {
    for (const name of [ONE, TWO, COLUMNS]) sandbox.remove(name);
    expect(await stock({ [CONFIRM]: databaseName }, 'migration:fresh')).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringContaining(`[migrator] Applied '${LAST}'`),
    });
    expect(await applied()).toEqual(knownMigrations());
    if (onPostgres) expect(await sqlAt(fresh.urls!.admin, 'select from tenants')).toEqual([]);
  });
});

describe('what nobody can tell from a statement', () => {
  const UNCLEAR = 'Migration29990106000000_unclear';

  test.each([
    [
      'a do block',
      ['do $$ begin drop table if exists one; end $$'],
      'may remove rows, and nobody can tell which: do $$…$$ runs a do block',
    ],
    [
      '"cascade"',
      ['create schema side', 'create table side.precious (id int)', 'drop schema side cascade'],
      'drop schema side cascade drops a schema with "cascade", and whatever depends on it',
    ],
    [
      'another schema',
      ['create schema if not exists side', 'drop table if exists side.precious'],
      'changes side.precious, which is in another schema',
    ],
    [
      'a function',
      [
        `create function tidy() returns void language sql as 'delete from one'`,
        'select tidy()',
        'drop function tidy()',
      ],
      'select tidy() calls tidy()',
    ],
    [
      'several statements',
      ['create table if not exists one (id int)', 'select 1; truncate tenants, bots'],
      'removes rows of tenants (',
    ],
    [
      'a statement within another',
      ['with gone as (delete from tenants returning 1) select count(*) from gone'],
      'removes rows of tenants (',
    ],
    ['an update of all rows', [`update tenants set name = 'gone'`], 'writes over tenants.name ('],
    [
      'another name',
      ['alter table bots rename to helpers', 'drop table helpers cascade'],
      'removes the table bots (',
    ],
  ])('is asked for: %s', async (what, up, told) => {
    // Nothing would be asked there, since its tables have no rows; and it takes one statement at a
    // time.
    if (!onPostgres && ['another name', 'several statements'].includes(what)) return;
    if (onPostgres && !(await sqlAt(fresh.urls!.admin, 'select from tenants')).length)
      await sqlAt(
        fresh.urls!.admin,
        `insert into tenants (name, plan_tier) values ('kept', 'free')`,
      );
    sandbox.write(UNCLEAR, { up, down: ['select 1'] });
    const before = await applied();
    const { code, out, err } = await run('up');
    // A table without rows has none to lose: the embedded one of this test.
    if (!onPostgres && told.endsWith('('))
      expect({ code, err }).toMatchObject({
        code: 0,
        err: expect.stringContaining(`${told}0 rows)`),
      });
    else {
      expect({ code, out }, err).toEqual({ code: 1, out: '' });
      expect(err).toContain(told);
      expect(err).toContain('Nothing was changed. Add --yes to lose these rows.');
      expect(await applied()).toEqual(before);
    }
    if (!onPostgres && told.endsWith('(')) await run('down', '--yes');
    sandbox.remove(UNCLEAR);
  });

  test('is applied with a word, or where a comment says why nothing goes', async () => {
    sandbox.write(UNCLEAR, {
      up: ['do $$ begin null; end $$'],
      down: ['do $$ begin null; end $$'],
    });
    expect((await stock({}, 'migration:up')).code).toBe(1);
    expect((await stock({ [CONFIRM]: databaseName }, 'migration:up')).code).toBe(0);
    expect((await run('down', '--yes')).code).toBe(0);
    sandbox.write(UNCLEAR, {
      up: [],
      code:
        '// lint: allow rows-unclear: it does nothing\n ' +
        "this.addSql('do $$ begin null; end $$');",
      down: ['select 1'],
    });
    expect((await run('up')).code).toBe(0);
    expect((await run('down')).code).toBe(0);
    sandbox.remove(UNCLEAR);
  });

  test('values for a column of the same run or a longer varchar are no loss', async () => {
    sandbox.write(UNCLEAR, {
      up: [
        'alter table docs add column note text',
        `update docs set note = 'new'`,
        'alter table docs drop column note',
        'alter table docs alter column gcs_path type varchar(1001) ' +
          'using ("gcs_path"::varchar(1001))',
      ],
      down: ['select 1'],
    });
    const lint = await sandbox.weaver({}, 'db', 'lint', 'unclear');
    expect(lint.out).not.toContain('column-type');
    const { code, err } = await run('up', '--yes');
    expect({ code }, err).toEqual({ code: 0 });
    expect(err).not.toMatch(/writes over/);
    expect((await run('down')).code).toBe(0);
    sandbox.remove(UNCLEAR);
  });
});

test('a migration that differs each time is never called edited, and lint tells', async () => {
  const UNSTEADY = 'Migration29990107000000_unsteady';
  const adds =
    '`create table if not exists made_${crypto.randomUUID().slice(0, 8)} (at text ' +
    "default '${new Date().toISOString()}')`";
  sandbox.write(UNSTEADY, { up: [], code: `this.addSql(${adds});`, down: ['select 1'] });
  expect((await run('lint', 'unsteady')).out).toContain(': unsteady');
  expect((await run('up')).code).toBe(0);
  const { out } = await run('current');
  expect(out).not.toContain('edited');
  expect((await run('down')).code).toBe(0);
  sandbox.remove(UNSTEADY);
});

test('the current migration is the last that was applied, which "down" reverts', async () => {
  const [EARLY, LATER] = ['Migration29990108000000_early', 'Migration29990109000000_later'];
  sandbox.write(LATER, { up: ['select 1'], down: ['select 1'] });
  expect((await run('up', 'heads')).code).toBe(0);
  sandbox.write(EARLY, { up: ['select 2'], down: ['select 2'] });
  expect((await run('up', '--allow-out-of-order')).code).toBe(0);
  expect((await run('current')).out).toBe(`${EARLY}\n`);
  expect((await run('history')).out).toMatch(
    new RegExp(`${EARLY} .*\\(current\\)\\n${LATER} .*\\(head\\)\\n$`),
  );
  expect((await run('down')).out).toBe(`Reverted ${EARLY}\n`);
  expect(await run('up', `${EARLY}+1`)).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringContaining(`${EARLY}+1 counts from a migration.`),
  });
  sandbox.remove(EARLY);
  expect((await run('down')).code).toBe(0);
  sandbox.remove(LATER);
});

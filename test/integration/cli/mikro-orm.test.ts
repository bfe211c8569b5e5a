import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { knownMigrations } from '../../../src/db/migrations.js';
import { Commands, freshDatabase, type FreshDatabase, type Outcome } from '../../support/command.js';

const onPostgres = inject('template').kind === 'postgres';
const MIGRATIONS = join(import.meta.dirname, '../../../migrations');

let commands: Commands;
let fresh: FreshDatabase;
beforeAll(async () => {
  commands = new Commands();
  fresh = await freshDatabase();
});
afterAll(async () => {
  await commands.close();
  await fresh.close();
});

const mikroOrm = (...args: string[]): Promise<Outcome> => commands.mikroOrm(fresh.env, ...args).outcome();

describe('the command line of MikroORM', () => {
  test('migrates the configured database, says so, and gives the colours to terminals only', async () => {
    const { code, out, err } = await mikroOrm('migration:up');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(`${knownMigrations().flatMap(name => [`[migrator] Processing '${name}'`, `[migrator] Applied '${name}'`]).join('\n')}\nSuccessfully migrated up to the latest version\n`);
  });

  test('has no migration to create', async () => {
    const before = readdirSync(MIGRATIONS);
    try {
      expect(await mikroOrm('migration:create')).toEqual({ code: 0, out: 'No changes required, schema is up-to-date\n', err: '' });
    } finally {
      for (const file of readdirSync(MIGRATIONS)) if (!before.includes(file)) rmSync(join(MIGRATIONS, file));
    }
  });

  test('reverts nothing for a typing mistake, and says so in one sentence', async () => {
    expect(await mikroOrm('migration:down', '--to', 'Migration2026112300000_initial')).toEqual({
      code: 1,
      out: '',
      err: `There is no applied migration Migration2026112300000_initial. There is: ${knownMigrations().join(', ')}.\n`,
    });
    const { code, out } = await mikroOrm('migration:list');
    expect(code).toBe(0);
    for (const name of knownMigrations()) expect(out).toContain(name);
  });

  test('names every mistake of the configuration', async () => {
    const running = commands.mikroOrm({ PORT: 'x', LOG_LEVEL: 'loud' }, 'migration:list');
    expect(await running.outcome()).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^The configuration has 2 mistakes:\n {2}- PORT .*\n {2}- LOG_LEVEL .*\n$/) });
  });

  test.runIf(onPostgres)('says what to do about a database that is not there, and does not make it', async () => {
    const url = fresh.urls!.admin.replace(/\/\w+$/, '/weaver_is_not_there');
    const running = commands.mikroOrm({ DATABASE_URL: url }, 'migration:up');
    expect(await running.outcome()).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^PostgreSQL at .* has no database weaver_is_not_there\. Create it, .*\n$/) });
  });
});

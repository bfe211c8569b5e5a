import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { knownMigrations } from '../../../src/ops/migrations/state.js';
import {
  Commands,
  freshDatabase,
  weaver,
  type FreshDatabase,
  type Outcome,
} from '../../support/command.js';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const onPostgres = inject('template').kind === 'postgres';
const MIGRATIONS = join(import.meta.dirname, '../../../migrations');

let commands: Commands;
let fresh: FreshDatabase;
beforeAll(async () => {
  commands = new Commands();
  fresh = await freshDatabase({ migrated: true });
});
afterAll(async () => {
  await commands.close();
  await fresh.close();
});

const mikroOrm = (...args: string[]): Promise<Outcome> =>
  commands.mikroOrm(fresh.env, ...args).outcome();

describe('the command line of MikroORM', () => {
  test('has no migration to create, and needs no database to say so', async () => {
    const before = readdirSync(MIGRATIONS);
    const data = join(tmpdir(), `weaver-none-${process.pid}`);
    try {
      expect(
        await commands.mikroOrm({ WEAVER_DATA_DIR: data }, 'migration:create').outcome(),
      ).toEqual({ code: 0, out: 'No changes required, schema is up-to-date\n', err: '' });
      expect(existsSync(data)).toBe(false);
    } finally {
      for (const file of readdirSync(MIGRATIONS))
        if (!before.includes(file)) rmSync(join(MIGRATIONS, file));
    }
  });

  test('names a migration alike in file and class, on both command lines', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weaver-revision-'));
    try {
      const stock = await mikroOrm(
        'migration:create',
        '--blank',
        '--name',
        'add new_column to tenants/bots',
        '--path',
        folder,
      );
      expect(stock).toMatchObject({ code: 0, err: '' });
      const [file] = readdirSync(folder);
      expect(file).toMatch(/^Migration\d{14}_add_new_column_to_tenants_bots\.ts$/);
      expect(readFileSync(join(folder, file!), 'utf8')).toContain(
        `class ${file!.slice(0, -3)} extends`,
      );
      // A run refuses what is older than what is applied, whatever clock its writer had.
      expect(file! > knownMigrations().at(-1)!).toBe(true);
      const ours = await weaver({}, ['db', 'revision', '-m', 'move plans', '--path', folder]);
      expect(ours, ours.err).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^Created .*_move_plans\.ts$/),
      });
      expect(
        await weaver({}, ['db', 'revision', '-m', 'nothing', '--autogenerate', '--path', folder]),
      ).toMatchObject({
        code: 0,
        out: 'Nothing to do: the entities do not differ from the migrations.',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('rolls nothing up, and says so in one sentence', async () => {
    expect(await mikroOrm('migration:rollup')).toEqual({
      code: 1,
      out: '',
      err:
        'Migrations are not rolled up: other databases have them in their logs. Nothing ' +
        'was changed.\n',
    });
  });

  test('reverts nothing for a typing mistake, and says so in one sentence', async () => {
    expect(await mikroOrm('migration:down', '--to', 'Migration2026112300000_initial')).toEqual({
      code: 1,
      out: '',
      err:
        'There is no applied migration Migration2026112300000_initial. ' +
        `${knownMigrations().length === 1 ? 'There is' : 'There are'}: ` +
        `${knownMigrations().join(', ')}.\n`,
    });
  });

  test('migrates down and up, says so, and gives colours to terminals only', async () => {
    const last = knownMigrations().at(-1)!;
    const said = (verb: string, end: string): string =>
      `[migrator] Processing '${last}'\n[migrator] ${verb} '${last}'\nSuccessfully ` +
      `migrated ${end}\n`;
    const down = await mikroOrm('migration:down');
    expect(down).toEqual({
      code: 0,
      out: expect.stringMatching(/^(\[weaver\] .* \((of a table with )?0 rows\)\n)*\[migrator\]/),
      err: '',
    });
    expect(down.out.replace(/^\[weaver\].*\n/gm, '')).toBe(
      said('Reverted', 'down to previous version'),
    );
    expect(await mikroOrm('migration:up')).toEqual({
      code: 0,
      out: said('Applied', 'up to the latest version'),
      err: '',
    });
    expect(await weaver(fresh.env, ['db', 'status'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('Pending   none'),
    });
  });

  test('names every mistake of the configuration', async () => {
    const running = commands.mikroOrm({ PORT: 'x', LOG_LEVEL: 'loud' }, 'migration:list');
    expect(await running.outcome()).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^The configuration has 2 mistakes:\n {2}- PORT .*\n {2}- LOG_LEVEL .*\n$/,
      ),
    });
  });

  test.runIf(onPostgres)(
    'says what to do about a database that is not there, and does not make it',
    async () => {
      const url = fresh.urls!.admin.replace(/\/\w+$/, '/weaver_is_not_there');
      const running = commands.mikroOrm({ DATABASE_URL: url }, 'migration:up');
      expect(await running.outcome()).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(
          /^PostgreSQL at .* has no database weaver_is_not_there\. Create it, .*\n$/,
        ),
      });
    },
  );
});

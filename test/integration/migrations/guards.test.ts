import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { StartupError } from '../../../src/base/startup-error.js';
import { Database } from '../../../src/db/database.js';
import { applyMigrations, migratorOf } from '../../../src/ops/migrations/run.js';
import { knownMigrations, migrationState } from '../../../src/ops/migrations/state.js';
import type { Migrator } from '../../../src/ops/migrations/migrator.js';
import { ENTITIES } from '../../../src/entities.js';
import { openAsOwner, sqlAt } from '../../support/command.js';
import { postgresAt } from '../../support/postgres-at.js';

const onPostgres = inject('template').kind === 'postgres';
const [FIRST] = knownMigrations() as [string];
const LAST = knownMigrations().at(-1)!;
/** All migrations, as messages list them. */
const ALL =
  `${knownMigrations().length === 1 ? 'There is' : 'There are'}: ` +
  `${knownMigrations().join(', ')}.`;

let opened: Awaited<ReturnType<typeof openAsOwner>>;
let database: Database;
let migrator: Migrator;

beforeAll(async () => {
  opened = await openAsOwner();
  database = opened.database;
  migrator = migratorOf(database);
});
afterAll(() => opened.close());

async function refusal(work: () => Promise<unknown>): Promise<string> {
  const before = await migrationState(database);
  const error = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StartupError);
  expect(await migrationState(database)).toEqual(before);
  return (error as StartupError).message;
}

describe('while nothing is applied', () => {
  beforeAll(async () => {
    await migrator.down({ to: 0 });
  });

  test.each([
    [
      'up to a name that does not exist',
      () => migrator.up({ to: 'Migration20990101000000_typo' }),
      `There is no migration Migration20990101000000_typo. ${ALL}`,
    ],
    [
      'up to 0',
      () => migrator.up({ to: 0 }),
      '"up" cannot go to 0. To revert every migration, go down to 0.',
    ],
    [
      'one name that does not exist',
      () => migrator.up('typo'),
      `There is no migration typo. ${ALL}`,
    ],
    ['down', () => migrator.down(), 'No migration is applied, so there is none to revert.'],
    [
      'a log of a name that does not exist',
      () => migrator.logMigration('typo'),
      `There is no migration typo. ${ALL}`,
    ],
    [
      'an unlog of what is not applied',
      () => migrator.unlogMigration(FIRST),
      `There is no applied migration ${FIRST}. There is none at all.`,
    ],
  ])('%s is refused', async (_, work, message) => {
    expect(await refusal(work)).toBe(message);
  });

  test.runIf(onPostgres)('two processes that migrate at once run each migration once', async () => {
    const { admin } = opened.urls!;
    const others = await Promise.all(
      [1, 2].map(() => Database.open(postgresAt(admin, { poolSize: 1 }), ENTITIES, 'migrate')),
    );
    try {
      const applied = await Promise.all(others.map(other => applyMigrations(other)));
      expect(applied.map(names => names.length).toSorted()).toEqual([0, knownMigrations().length]);
      expect(await sqlAt(admin, 'select name from mikro_orm_migrations order by id')).toEqual(
        knownMigrations().map(name => ({ name })),
      );
    } finally {
      await Promise.all(others.map(other => other.close()));
    }
  });
});

describe('once all are applied', () => {
  beforeAll(async () => {
    await applyMigrations(database);
  });

  test.each([
    [
      'down to a name that does not exist',
      () => migrator.down({ to: 'Migration20990101000000_typo' }),
      `There is no applied migration Migration20990101000000_typo. ${ALL}`,
    ],
    [
      'one name that does not exist',
      () => migrator.down('typo'),
      `There is no applied migration typo. ${ALL}`,
    ],
    [
      'a second log of the same',
      () => migrator.logMigration(FIRST),
      `${FIRST} is applied already.`,
    ],
    [
      'an unlog of a name that does not exist',
      () => migrator.unlogMigration('typo'),
      `There is no applied migration typo. ${ALL}`,
    ],
  ])('%s is refused', async (_, work, message) => {
    expect(await refusal(work)).toBe(message);
  });

  test('a migration is known by its timestamp and its file, too', async () => {
    expect(
      await migrator.up({ to: LAST.slice('Migration'.length, 'Migration'.length + 14) }),
    ).toEqual([]);
    expect(await migrator.down({ to: `${LAST}.ts` })).toEqual([]);
  });

  test('unlog and log take the place of a migration that was run by hand', async () => {
    await migrator.unlogMigration(LAST);
    expect((await migrationState(database)).pending).toEqual([LAST]);
    await migrator.logMigration(LAST);
    expect((await migrationState(database)).pending).toEqual([]);
  });

  test('down to 0 reverts all', async () => {
    expect((await migrator.down({ to: 0 })).map(migration => migration.name)).toEqual(
      knownMigrations().reverse(),
    );
    expect((await migrationState(database)).executed).toEqual([]);
  });
});

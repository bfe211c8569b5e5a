import { Database } from '../../db/database.js';
import type { EntityClasses } from '../../db/open/database-options.js';
import { runMigrations } from './run.js';
import { migrationState, type MigrationState } from './state.js';
import { readCatalogue, type Catalogue } from './catalogue.js';
import { driftBetween, SCRATCH, type Difference } from './drift.js';

export interface CheckReport {
  readonly state: MigrationState;
  /** Undefined where it cannot be told, since another version's migrations are applied. */
  readonly drift: readonly Difference[] | undefined;
}

/**
 * Compares the log of migrations with this version's, and the catalogue with that of a database in
 * memory to which the same migrations were applied. Changes nothing.
 */
export async function checkDatabase(
  database: Database,
  entities: EntityClasses,
  report: (doing: string) => void = () => {},
): Promise<CheckReport> {
  const state = await migrationState(database);
  if (state.unknown.length > 0 || state.executed.length === 0)
    return { state, drift: state.executed.length === 0 ? [] : undefined };
  report('reading the catalogue');
  const live = await catalogueOf(database);
  report('applying the same migrations to a database in memory');
  const reference = await withScratch(
    entities,
    state.executed.map(({ name }) => name),
    catalogueOf,
  );
  return { state, drift: driftBetween(reference, live) };
}

function catalogueOf(database: Database): Promise<Catalogue> {
  return readCatalogue(sql => database.orm.em.getDriver().getConnection().execute(sql));
}

/**
 * Runs `work` on a database in memory to which these migrations are applied. `signal` ends it
 * between two of their statements.
 */
export async function withScratch<T>(
  entities: EntityClasses,
  migrations: readonly string[],
  work: (scratch: Database) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const scratch = await Database.open(SCRATCH, entities, 'migrate');
  try {
    if (migrations.length > 0)
      await runMigrations(
        scratch,
        'up',
        { migrations: [...migrations] },
        { guards: signal ? { signal } : {} },
      );
    return await work(scratch);
  } finally {
    await scratch.close();
  }
}

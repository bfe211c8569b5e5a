import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../../db/database.js';
import { DEFAULT_GUARDS, type MigrationGuards } from './guards.js';
import { MIGRATIONS, Migrator, type RunOptions } from './migrator.js';

/**
 * How one run of migrations differs from the ordinary: what is agreed to, and who is told what
 * begins and what was done.
 */
export interface RunSettings {
  readonly guards?: Partial<MigrationGuards>;
  readonly begins?: (name: string) => void;
  readonly done?: (name: string) => void;
}

/** Applies every pending migration and gives their names. Only for the schema's owner. */
export async function applyMigrations(
  database: Database,
  applied: (name: string) => void = () => {},
): Promise<string[]> {
  return runMigrations(database, 'up', undefined, { done: applied });
}

/**
 * Applies or reverts what `options` names, and gives the names. Tells of each once it is sure to
 * stay. Only for the schema's owner.
 */
export async function runMigrations(
  database: Database,
  method: 'up' | 'down',
  options: RunOptions,
  { guards, begins = () => {}, done = () => {} }: RunSettings = {},
): Promise<string[]> {
  const migrator = migratorOf(database, { guards });
  for (const event of ['migrating', 'reverting'] as const)
    migrator.on(event, ({ name }) => begins(name));
  const names = (await migrator[method](options)).map(migration => migration.name);
  for (const name of names) done(name);
  return names;
}

/** A migrator for an open database, with what is agreed to for its runs. */
export function migratorOf(
  database: Database,
  { guards }: Pick<RunSettings, 'guards'> = {},
): Migrator {
  const { config, em } = database.orm;
  // A migrator reads its options there, once, when it is made.
  config.set('migrations', { ...config.get('migrations'), ...MIGRATIONS });
  const migrator = new Migrator(em as unknown as SqlEntityManager);
  migrator.guards = { ...DEFAULT_GUARDS, ...guards };
  return migrator;
}

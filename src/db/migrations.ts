import { readdirSync } from 'node:fs';
import { parse } from 'node:path';
import type { Migrator } from '@mikro-orm/migrations';
import type { Database } from './database.js';
import { MIGRATIONS_FOLDER } from './database-options.js';
import { OPERATOR_SCOPE } from './database-scope.js';
import { statement } from './statement.js';

/** Names of all migrations that this version of Weaver has, oldest first. */
export function knownMigrations(): string[] {
  const files = readdirSync(MIGRATIONS_FOLDER).map(file => parse(file));
  return files.filter(file => file.name.startsWith('Migration') && (file.ext === '.ts' || file.ext === '.js') && !file.name.endsWith('.d')).map(file => file.name).sort();
}

export interface MigrationState {
  readonly executed: readonly { readonly name: string; readonly executedAt: Date }[];
  readonly pending: readonly string[];
}

/** What was applied and what is pending, asked as the schema's owner. */
export async function migrationState(database: Database): Promise<MigrationState> {
  const executed = await migratorOf(database).getExecuted();
  const names = new Set(executed.map(row => row.name));
  return {
    executed: executed.map(row => ({ name: row.name, executedAt: row.executed_at })),
    pending: knownMigrations().filter(name => !names.has(name)),
  };
}

/** Applies every pending migration in one transaction and gives their names. Only for the schema's owner. */
export async function applyMigrations(database: Database): Promise<string[]> {
  return (await migratorOf(database).up()).map(migration => migration.name);
}

/** Reverts the last applied migration and gives its name; undefined where nothing is applied. */
export async function revertLastMigration(database: Database): Promise<string | undefined> {
  return (await migratorOf(database).down()).at(0)?.name;
}

function migratorOf(database: Database): Migrator {
  return database.orm.migrator as Migrator;
}

const EXECUTED = statement('executedMigrations', 'select name from mikro_orm_migrations');

/** What is pending, asked as the gateway's own login, which may read the log of migrations only as the operator. */
export async function pendingForLogin(database: Database): Promise<string[]> {
  const executed = await database.reads(OPERATOR_SCOPE).query<{ name: string }>(EXECUTED, []);
  const names = new Set(executed.map(row => row.name));
  return knownMigrations().filter(name => !names.has(name));
}

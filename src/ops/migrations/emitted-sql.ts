import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Migration } from '@mikro-orm/migrations';
import { PostgreSqlPlatform } from '@mikro-orm/postgresql';
import { StartupError } from '../../base/startup-error.js';

/**
 * The migrations beside the running code: TypeScript in the source tree, JavaScript in the build.
 */
export const MIGRATIONS_FOLDER = join(import.meta.dirname, '../../../migrations');

type MigrationClass = new (driver: never, config: never) => Migration;

/** What a migration says about itself and the SQL that it emits, without a database. */
export interface EmittedSql {
  readonly up: readonly string[];
  /** Undefined where it cannot be reverted. */
  readonly down: readonly string[] | undefined;
  /**
   * A digest of `up`. Undefined where `up` does not say the same each time, as where it holds a
   * random id or the time of day.
   */
  readonly hash: string | undefined;
  /** Whether it runs in a transaction. */
  readonly transactional: boolean;
  /**
   * Whether it says in a comment that what it does to rows in `do` blocks, functions and updates of
   * all rows loses nothing.
   */
  readonly keepsRows: boolean;
  /**
   * Whether it runs statements while it is asked for them: those may depend on rows, and no script
   * can hold them.
   */
  readonly readsDatabase: boolean;
}

/** Files of all migrations that this version of Weaver has, by name, oldest first. */
export function migrationFiles(folder = MIGRATIONS_FOLDER): Map<string, string> {
  const files = readdirSync(folder).map(file => parse(join(folder, file)));
  const migrations = files.filter(
    file =>
      file.name.startsWith('Migration') &&
      (file.ext === '.ts' || file.ext === '.js') &&
      !file.name.endsWith('.d'),
  );
  return new Map(
    migrations
      .map(file => [file.name, join(file.dir, file.base)] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** The SQL of the migration in a file. */
export async function emittedSql(file: string): Promise<EmittedSql> {
  const Class = await loadMigrationClass(file);
  const up = await recordStatements(Class, 'up');
  const reverts = Object.hasOwn(Class.prototype, 'down');
  const down = reverts ? await recordStatements(Class, 'down') : undefined;
  return {
    up: up.statements,
    down: down?.statements,
    hash: await steadyHash(file, up.statements),
    transactional: new Class(undefined as never, undefined as never).isTransactional(),
    keepsRows: /lint: allow (?:rows-unclear|update-all-rows): *\S/.test(readFileSync(file, 'utf8')),
    readsDatabase: up.queriesDatabase || (down?.queriesDatabase ?? false),
  };
}

/**
 * A digest of what `up` emits, the same from the source and from the build. Of a migration that
 * asks the database, of what it emits when that answers with nothing. Undefined where `up` says
 * something else each time. `down` is left out: it may be mended as long as nobody has run it.
 */
export async function sqlHash(file: string): Promise<string | undefined> {
  const { statements } = await recordStatements(await loadMigrationClass(file), 'up');
  return steadyHash(file, statements);
}

async function steadyHash(
  file: string,
  statements: readonly string[],
): Promise<string | undefined> {
  const hash = hashOf(statements);
  // Past the next tick of a clock that counts milliseconds.
  await setTimeout(2);
  const again = hashOf(
    (await recordStatements(await loadMigrationClass(file, '?again'), 'up')).statements,
  );
  return again === hash ? hash : undefined;
}

function hashOf(statements: readonly string[]): string {
  const normalized = statements.map(sql => sql.replaceAll('\r\n', '\n').trim().replace(/;$/, ''));
  return createHash('sha256').update(normalized.join('\0')).digest('hex');
}

/**
 * What `addSql` was given, as text: `raw('… ?', [value])` and a query builder have their values
 * written into it.
 */
export function formattedSql(query: unknown): string {
  if (typeof query === 'string') return query;
  const { sql, params, toRaw, getFormattedQuery } = (query ?? {}) as {
    sql?: unknown;
    params?: unknown[];
    toRaw?: () => unknown;
    getFormattedQuery?: () => string;
  };
  if (typeof getFormattedQuery === 'function') return getFormattedQuery.call(query);
  if (typeof toRaw === 'function') return formattedSql(toRaw.call(query));
  if (typeof sql === 'string') return new PostgreSqlPlatform().formatQuery(sql, params ?? []);
  throw new StartupError(
    'A migration hands over something that is no SQL: give addSql a text, raw(…) or a ' +
      'query builder.',
  );
}

/** `again` reads the file anew, with what it makes when it is read. */
async function loadMigrationClass(file: string, again = ''): Promise<MigrationClass> {
  const module = (await import(pathToFileURL(file).href + again)) as Record<string, unknown>;
  const Class = Object.values(module).find(value => typeof value === 'function');
  if (!Class) throw new Error(`${file} exports no migration.`);
  return Class as MigrationClass;
}

async function recordStatements(
  Class: MigrationClass,
  method: 'up' | 'down',
): Promise<{ statements: string[]; queriesDatabase: boolean }> {
  const migration = new Class(undefined as never, undefined as never);
  const statements: string[] = [];
  let queriesDatabase = false;
  migration.execute = async sql => {
    queriesDatabase = true;
    statements.push(formattedSql(sql));
    return [];
  };
  migration.getEntityManager = () => {
    queriesDatabase = true;
    throw new Error('There are no entities without a database.');
  };
  try {
    await migration[method]();
  } catch (error) {
    // It asked for something that only a database can answer: what it said until then is all there
    // is to know.
    if (!queriesDatabase) throw error;
  }
  return {
    statements: [...statements, ...migration.getQueries().map(formattedSql)],
    queriesDatabase,
  };
}

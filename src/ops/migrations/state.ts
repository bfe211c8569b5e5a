import type { Database } from '../../db/database.js';
import { OPERATOR_SCOPE } from '../../db/database-scope.js';
import { OPERATOR_ROLE } from '../../db/roles.js';
import { statement } from '../../db/statement.js';
import { migrationFiles, sqlHash } from './emitted-sql.js';
import { HASH_COLUMN, LOG_TABLE, type LoggedMigration } from './log.js';
import { checkTableOwner } from './table-owner.js';

/** Names of all migrations that this version of Weaver has, oldest first. */
export function knownMigrations(): string[] {
  return [...migrationFiles().keys()];
}

export interface MigrationState {
  /** In the order in which they were applied; times as PostgreSQL writes them, in UTC. */
  readonly executed: readonly { readonly name: string; readonly executedAt: string }[];
  readonly pending: readonly string[];
  /** Applied, but not among this version's: a newer Weaver was here. */
  readonly unknown: readonly string[];
  /** Applied, and emitting other SQL now than they did then. */
  readonly edited: readonly string[];
}

/** Of `known`, those that are not applied yet. */
export function pendingOf(known: readonly string[], executed: readonly string[]): string[] {
  return known.filter(name => !executed.includes(name));
}

/** Names of those that emit other SQL now than when they were applied. */
export async function editedOf(logged: readonly LoggedMigration[]): Promise<string[]> {
  const files = migrationFiles();
  const edited: string[] = [];
  for (const { name, hash } of logged) {
    const file = files.get(name);
    if (file === undefined || hash === null) continue;
    const now = await sqlHash(file);
    if (now !== undefined && now !== hash) edited.push(name);
  }
  return edited;
}

type TimedMigration = LoggedMigration & { readonly executedAt: string };

/**
 * What is applied and what is pending, asked as the schema's owner or as the gateway's login.
 * Changes nothing.
 */
export async function migrationState(database: Database): Promise<MigrationState> {
  return stateOfLog(await readLog(database));
}

/** The state of a database with this log. */
export async function stateOfLog(logged: readonly TimedMigration[]): Promise<MigrationState> {
  const known = knownMigrations();
  const names = logged.map(({ name }) => name);
  return {
    executed: logged.map(({ name, executedAt }) => ({ name, executedAt })),
    pending: pendingOf(known, names),
    unknown: names.filter(name => !known.includes(name)),
    edited: await editedOf(logged),
  };
}

/**
 * What to do where the log of migrations tells of tables that are not there: "db up" has nothing to
 * do then.
 */
export const LOG_WITHOUT_TABLES_MESSAGE =
  '"npx weaver db check" lists all that is missing. On a database without any of ' +
  'Weaver\'s tables run "npx weaver db stamp base", then "npx weaver db up"; else ' +
  'restore a backup.';

/** Tables of entities that are not there, asked as anybody. */
export async function missingTables(database: Database): Promise<string[]> {
  const tables = [
    ...new Set(
      [...database.orm.getMetadata().getAll().values()]
        .filter(meta => !meta.abstract && meta.tableName)
        .map(meta => meta.tableName),
    ),
  ];
  const rows: { name: string }[] = await database.orm.em
    .getDriver()
    .getConnection()
    .execute(
      `select name from unnest(array[${tables.map(name => `'${name}'`).join()}]) as name ` +
        'where to_regclass(quote_ident(name)) is null order by 1',
    );
  return rows.map(({ name }) => name);
}

async function readLog(database: Database): Promise<TimedMigration[]> {
  const connection = database.orm.em.getDriver().getConnection();
  return connection.transactional(async transaction => {
    const run = <R>(sql: string): Promise<R[]> => connection.execute(sql, [], 'all', transaction);
    const [log] = await run<{ exists: boolean; readable: boolean }>(
      `select to_regclass('${LOG_TABLE}') is not null as exists, ` +
        `coalesce(has_table_privilege(to_regclass('${LOG_TABLE}'), 'select'), false) as ` +
        'readable',
    );
    if (!log!.exists) return [];
    if (!log!.readable)
      await run(`set local role ${OPERATOR_ROLE}`).catch(() =>
        checkTableOwner(sql => connection.execute(sql)),
      );
    // As JSON: a log that an older version made has no column for the digest.
    return run(
      "select name, to_char(executed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as " +
        `"executedAt", to_jsonb(log) ->> '${HASH_COLUMN}' as hash from ${LOG_TABLE} log ` +
        'order by id',
    );
  });
}

const EXECUTED = statement('executedMigrations', `select name from ${LOG_TABLE}`);

/**
 * What is pending, asked as the gateway's own login, which may read the log of migrations only as
 * the operator.
 */
export async function pendingForLogin(database: Database): Promise<string[]> {
  const executed = await database.reads(OPERATOR_SCOPE).query<{ name: string }>(EXECUTED, []);
  return pendingOf(
    knownMigrations(),
    executed.map(({ name }) => name),
  );
}

import { readdirSync } from 'node:fs';
import { parse } from 'node:path';
import type { Database } from './database.js';
import { MIGRATIONS_FOLDER } from './database-options.js';
import { OPERATOR_SCOPE } from './database-scope.js';
import type { Migrator } from './migrator.js';
import { OPERATOR_ROLE } from './roles.js';
import { statement } from './statement.js';

/** Names of all migrations that this version of Weaver has, oldest first. */
export function knownMigrations(): string[] {
  const files = readdirSync(MIGRATIONS_FOLDER).map(file => parse(file));
  return files.filter(file => file.name.startsWith('Migration') && (file.ext === '.ts' || file.ext === '.js') && !file.name.endsWith('.d')).map(file => file.name).sort();
}

export interface MigrationState {
  /** In the order in which they were applied; times as PostgreSQL writes them, in UTC. */
  readonly executed: readonly { readonly name: string; readonly executedAt: string }[];
  readonly pending: readonly string[];
  /** Applied, but not among this version's: a newer Weaver was here. */
  readonly unknown: readonly string[];
}

/** What is applied and what is pending, asked as the schema's owner or as the gateway's login. Changes nothing. */
export async function migrationState(database: Database): Promise<MigrationState> {
  const connection = database.orm.em.getDriver().getConnection();
  const executed = await connection.transactional(async transaction => {
    const run = <R>(sql: string): Promise<R[]> => connection.execute(sql, [], 'all', transaction);
    const [log] = await run<{ exists: boolean; readable: boolean }>(
      `select to_regclass('mikro_orm_migrations') is not null as exists, coalesce(has_table_privilege(to_regclass('mikro_orm_migrations'), 'select'), false) as readable`,
    );
    if (!log!.exists) return [];
    if (!log!.readable) await run(`set local role ${OPERATOR_ROLE}`);
    return run<{ name: string; executedAt: string }>(
      `select name, to_char(executed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as "executedAt" from mikro_orm_migrations order by id`,
    );
  });
  const known = knownMigrations();
  const names = executed.map(row => row.name);
  return { executed, pending: known.filter(name => !names.includes(name)), unknown: names.filter(name => !known.includes(name)) };
}

/** Applies every pending migration, each in a transaction of its own, and gives their names. Only for the schema's owner. */
export async function applyMigrations(database: Database, applied: (name: string) => void = () => {}): Promise<string[]> {
  const migrator = migratorOf(database);
  const tell = ({ name }: { name: string }): void => applied(name);
  migrator.on('migrated', tell);
  try {
    return (await migrator.up()).map(migration => migration.name);
  } finally {
    migrator.off('migrated', tell);
  }
}

/** Reverts the last applied migration and gives its name; undefined where nothing is applied. Only for the schema's owner. */
export async function revertLastMigration(database: Database): Promise<string | undefined> {
  const migrator = migratorOf(database);
  return (await migrator.lastRevert()) && (await migrator.down()).at(0)?.name;
}

export interface Removal {
  /** `docs`, or `docs.language` for a column. */
  readonly what: string;
  readonly kind: 'table' | 'column';
  /** Rows of the table, counted up to `COUNTED_ROWS`. */
  readonly rows: number;
}

/** Rows are counted up to one more than this. */
export const COUNTED_ROWS = 1_000_000;

/** The tables and columns that reverting the last migration would remove; undefined where nothing is applied. Changes nothing. */
export async function lastRevertRemoves(database: Database): Promise<{ name: string; removals: Removal[] } | undefined> {
  const revert = await migratorOf(database).lastRevert();
  if (!revert) return undefined;
  const removed = revert.statements.flatMap(removedBy);
  const rows = await countRows(database, [...new Set(removed.map(({ table }) => table))]);
  return {
    name: revert.name,
    removals: removed.map(({ table, column }) => ({ kind: column ? 'column' : 'table', what: column ? `${table}.${column}` : table, rows: rows.get(table)! })),
  };
}

const NAME = String.raw`"?(?:\w+"?\."?)?(\w+)"?`;
const DROP_TABLE = /^\s*drop table (?:if exists )?(.+?)(?: cascade| restrict)?;?\s*$/is;
const ALTER_TABLE = new RegExp(String.raw`^\s*alter table (?:if exists )?(?:only )?${NAME}\s(.*)$`, 'is');
const DROP_COLUMN = new RegExp(String.raw`\bdrop column (?:if exists )?"?(\w+)"?`, 'gi');

function removedBy(sql: string): { table: string; column?: string }[] {
  const tables = DROP_TABLE.exec(sql)?.[1];
  if (tables) return tables.split(',').map(name => ({ table: new RegExp(NAME).exec(name)![1]! }));
  const [, table, changes] = ALTER_TABLE.exec(sql) ?? [];
  return [...(changes ?? '').matchAll(DROP_COLUMN)].map(match => ({ table: table!, column: match[1]! }));
}

// Forced row-level security hides the rows from the tables' owner too, who may lift it; all of it is rolled back.
async function countRows(database: Database, tables: readonly string[]): Promise<Map<string, number>> {
  const connection = database.orm.em.getDriver().getConnection();
  const counts = new Map<string, number>();
  const rollBack = new Error('Nothing is kept of a count.');
  await connection
    .transactional(async transaction => {
      const run = <R>(sql: string): Promise<R[]> => connection.execute(sql, [], 'all', transaction);
      await run(`set local lock_timeout = '10s'`);
      for (const table of tables) {
        await run(`alter table "${table}" no force row level security`);
        const [row] = await run<{ count: number }>(`select count(*)::int as count from (select from "${table}" limit ${COUNTED_ROWS + 1}) as counted`);
        counts.set(table, row!.count);
      }
      throw rollBack;
    })
    .catch(error => {
      if (error !== rollBack) throw error;
    });
  return counts;
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

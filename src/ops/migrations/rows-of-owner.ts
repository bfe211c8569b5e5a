import type { Connection, Transaction } from '@mikro-orm/core';
import { readSql } from './read-sql.js';

/**
 * Where PostgreSQL refuses a statement rather than let policies hide rows from it, whatever the
 * language of its messages.
 */
const HIDES_ROWS = 'check_enable_rls';

/** Rows that one statement wrote. */
export interface RowChange {
  readonly table: string;
  readonly rows: number;
}

export function changeText({ table, rows }: RowChange): string {
  return `changed ${rows} row${rows === 1 ? '' : 's'} of ${table}`;
}

/** Runs a statement, and tells the rows that it changed where it is one that writes rows. */
export async function writeRows(
  connection: Connection,
  sql: string,
  transaction?: Transaction,
): Promise<RowChange | undefined> {
  const { writes } = await readSql(sql);
  if (writes === undefined) return void (await connection.execute(sql, [], 'all', transaction));
  const { affectedRows } = await connection.execute<{ affectedRows: number }>(
    sql,
    [],
    'run',
    transaction,
  );
  return { table: writes, rows: affectedRows };
}

export async function isRestrictedByPolicies(
  connection: Connection,
  transaction?: Transaction,
): Promise<boolean> {
  const sql =
    'select not (rolsuper or rolbypassrls) as held from pg_roles where rolname = current_user';
  const [login] = await connection.execute<{ held: boolean }[]>(sql, [], 'all', transaction);
  return login!.held;
}

/**
 * Does `work`, one statement in this transaction, with all rows in sight, as the author of a
 * migration expects. Forced row-level security hides them from the tables' owner too: an update
 * would change nothing, without a word. So PostgreSQL is told to fail instead of hiding
 * (`row_security = off`), and where it does, be it in a function or a trigger, its force on that
 * table is lifted for this one statement: the table is locked until the transaction ends. Only for
 * a login that policies hold.
 */
export async function withAllRowsVisible<T>(
  connection: Connection,
  transaction: Transaction,
  work: () => Promise<T>,
): Promise<T> {
  const execute = <R>(sql: string): Promise<R[]> => connection.execute(sql, [], 'all', transaction);
  const liftedTables: string[] = [];
  await execute('set local row_security = off');
  await execute('savepoint before_statement');
  for (;;) {
    try {
      const result = await work();
      await execute('release savepoint before_statement');
      await setForce(execute, liftedTables, 'force');
      await execute('set local row_security = on');
      return result;
    } catch (error) {
      if ((error as { routine?: string }).routine !== HIDES_ROWS) throw error;
      await execute('rollback to savepoint before_statement');
      await execute('release savepoint before_statement');
      const words = (error as Error).message.split(/[^\p{L}\p{N}_$-]+/u);
      const tables = (await forcedTables(execute))
        .filter(({ name, table }) => words.includes(name) && !liftedTables.includes(table))
        .map(({ table }) => table);
      if (tables.length === 0) throw error;
      await setForce(execute, tables, 'no force');
      liftedTables.push(...tables);
      await execute('savepoint before_statement');
    }
  }
}

async function setForce(
  execute: (sql: string) => Promise<unknown>,
  tables: readonly string[],
  force: 'force' | 'no force',
): Promise<void> {
  // Checks that wait for the end of the transaction keep a table from being altered.
  if (tables.length > 0) await execute('set constraints all immediate');
  for (const table of tables) await execute(`alter table ${table} ${force} row level security`);
}

async function forcedTables(
  execute: <R>(sql: string) => Promise<R[]>,
): Promise<{ name: string; table: string }[]> {
  return execute(
    `select c.relname::text as name, format('%I.%I', n.nspname, c.relname) as "table"
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relforcerowsecurity and pg_has_role(c.relowner, 'usage')`,
  );
}

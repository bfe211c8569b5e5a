import type { Database } from '../db/database.js';

/**
 * Tells one database from every other, on whichever server and behind whatever address: the
 * cluster's own number, and the database's in it. Undefined where the server does not tell.
 */
export async function databaseIdentity(database: Database): Promise<string | undefined> {
  const sql =
    "select system_identifier || '/' || (select oid from pg_database " +
    'where datname = current_database()) as identity from pg_control_system()';
  const rows: { identity: string }[] = await database.orm.em
    .getDriver()
    .getConnection()
    .execute(sql)
    .catch(() => []);
  return rows[0]?.identity;
}

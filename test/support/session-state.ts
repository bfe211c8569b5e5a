import type { Pool } from 'pg';
import type { Database } from '../../src/db/database.js';

/** What a connection would hand on to whoever has its next transaction. */
const SESSION_STATE = `
  select pg_backend_pid() as pid,
         jsonb_strip_nulls(jsonb_build_object(
           'role', nullif(current_setting('role'), 'none'),
           'tenant', nullif(current_setting('app.tenant_id', true), ''),
           'candidates', nullif(nullif(current_setting('hnsw.ef_search', true), ''), '40'),
           'scan', nullif(nullif(current_setting('hnsw.iterative_scan', true), ''), 'off'),
           'settings', (select jsonb_object_agg(name, setting) from pg_settings
             where source = 'session' and name not like 'transaction_%'
               and name <> 'application_name'),
           'prepared', (select jsonb_agg(name) from pg_prepared_statements),
           'locks', (select jsonb_agg(objid) from pg_locks where locktype = 'advisory'
             and pid = pg_backend_pid()),
           'channels', (select jsonb_agg(channel) from pg_listening_channels() channel),
           'tables', nullif(pg_my_temp_schema(), 0)
         )) as left`;

export interface SessionState {
  readonly pid: number;
  /** Empty where everything is as it was when the connection was new. */
  readonly left: Record<string, unknown>;
}

/**
 * What is left on `count` different connections, each held until all have been asked. In
 * transactions: a pooler lends them for no longer.
 */
export async function sessionStates(pool: Pool, count: number): Promise<SessionState[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => pool.connect()));
  try {
    for (const client of clients) await client.query('begin');
    const rows: SessionState[] = [];
    for (const client of clients)
      rows.push((await client.query<SessionState>(SESSION_STATE)).rows[0]!);
    return rows;
  } finally {
    for (const client of clients) {
      await client.query('rollback');
      client.release();
    }
  }
}

/** The same of the embedded database's only session. */
export async function embeddedSessionState(
  query: <R>(sql: string) => Promise<R[]>,
): Promise<SessionState[]> {
  return query<SessionState>(SESSION_STATE);
}

/**
 * node-postgres' pool of a database: how many connections there are, are free and are waited for.
 */
export async function poolOf(database: Database): Promise<Pool> {
  return (
    database.orm.em.getDriver().getConnection() as unknown as { getNativeClient(): Promise<Pool> }
  ).getNativeClient();
}

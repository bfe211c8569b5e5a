import type { Connection } from '@mikro-orm/core';
import { PostgreSqlConnection } from '@mikro-orm/postgresql';
import { StartupError } from '../../base/startup-error.js';
import { refuseSharedSession } from '../own-session.js';
import type { MigrationGuards } from './migration-guards.js';

/** Key of the advisory lock that whoever migrates holds for as long as it does. */
export const MIGRATION_LOCK = 20_261_123;

const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Runs `work` while no other process migrates this database, on a connection of its own. The embedded one has a single process anyway.
 * Waits as long as the guards say, then fails with who is in the way.
 */
export async function holdingMigrationLock<T>(connection: Connection, { lockTimeoutMs, hints, warn }: MigrationGuards, work: () => Promise<T>): Promise<T> {
  if (!(connection instanceof PostgreSqlConnection)) return work();
  await connection.ensureConnection();
  const pool = await connection.getNativeClient();
  const client = await pool.connect();
  try {
    await refuseSharedSession(pool, client);
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [MIGRATION_LOCK]);
    if (!rows[0]!.taken) {
      const holder = await client.query<{ pid: number; application: string; login: string }>(
        `select a.pid, a.application_name as application, a.usename as login from pg_locks l join pg_stat_activity a on a.pid = l.pid
          where l.locktype = 'advisory' and l.granted and l.database = (select oid from pg_database where datname = current_database()) and l.classid = 0 and l.objid = $1`,
        [MIGRATION_LOCK],
      );
      const who = holder.rows[0] ? `Another process (${holder.rows[0].application || 'unnamed'}, session ${holder.rows[0].pid} of ${holder.rows[0].login})` : 'Another process';
      if (lockTimeoutMs === 0) throw new StartupError(`${who} is migrating this database. ${hints.lockTimeout}`);
      warn(`${who} is migrating this database: waiting for it, ${lockTimeoutMs / 1000} seconds at most.`);
      await client.query(`set lock_timeout = ${lockTimeoutMs}`);
      await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]).catch(error => {
        if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
        throw new StartupError(`${who} was still migrating this database after ${lockTimeoutMs / 1000} seconds. ${hints.lockTimeout}`);
      });
    }
    return await work();
  } finally {
    // The lock ends with the session at the latest, but a session takes a moment to end, and the next run may not wait.
    await client.query('select pg_advisory_unlock_all()').catch(() => {});
    client.release(true);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@mikro-orm/core';
import { PostgreSqlConnection } from '@mikro-orm/postgresql';
import type { PoolClient } from 'pg';
import { StartupError } from '../../base/startup-error.js';
import { ActiveSessions } from '../active-sessions.js';
import { refuseSharedSession } from '../session-pooling.js';
import type { MigrationGuards } from './guards.js';

/** Key of the advisory lock that whoever migrates holds for as long as it does. */
export const MIGRATION_LOCK = 20_261_123;

const POLL_INTERVAL_MS = 250;

/**
 * Runs `work` while no other process migrates this database, on a connection of its own. The
 * embedded one has a single process anyway. Waits as long as the guards say, then fails with who is
 * in the way. Where the session with the lock is lost, the other sessions of this process are ended
 * as well: another process may migrate by then.
 */
export async function withMigrationLock<T>(
  connection: Connection,
  guards: MigrationGuards,
  work: () => Promise<T>,
): Promise<T> {
  if (!(connection instanceof PostgreSqlConnection)) return work();
  await connection.ensureConnection();
  const pool = await connection.getNativeClient();
  const client = await pool.connect();
  const sessions = new ActiveSessions(pool, client);
  let isDone = false;
  let ending: Promise<void> | undefined;
  client.once('end', () => {
    if (!isDone) ending = sessions.end();
  });
  try {
    await refuseSharedSession(pool, client);
    // It waits while the others work: no time-out of the server's may end it.
    await client.query('set idle_session_timeout = 0');
    await client.query('set statement_timeout = 0');
    await takeLock(client, guards);
    return await work().catch(error => {
      throw ending ? lockLost(error) : error;
    });
  } finally {
    isDone = true;
    await ending;
    sessions.forget();
    // The lock ends with the session at the latest, but a session takes a moment to end, and the
    // next run may not wait.
    await client.query('select pg_advisory_unlock_all()').catch(() => {});
    client.release(true);
  }
}

function lockLost(cause: unknown): StartupError {
  return new StartupError(
    'The session that holds the lock of migrations was lost, so this run was ended. What ' +
      'was not committed was rolled back: "npx weaver db current" says where the database is.',
    { cause },
  );
}

/**
 * Tried again and again, never waited for: a session that waits has a snapshot, and a concurrent
 * build of an index waits for all older ones.
 */
async function takeLock(
  client: PoolClient,
  { lockTimeoutMs, hints, warn, signal }: MigrationGuards,
): Promise<void> {
  const isTaken = async (): Promise<boolean> =>
    (
      await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
        MIGRATION_LOCK,
      ])
    ).rows[0]!.taken;
  if (await isTaken()) return;
  const who = await holderOf(client);
  if (lockTimeoutMs === 0)
    throw new StartupError(`${who} is migrating this database. ${hints.lockTimeout}`);
  warn(
    `${who} is migrating this database: waiting for it, ${lockTimeoutMs / 1000} seconds at most.`,
  );
  const deadline = performance.now() + lockTimeoutMs;
  do {
    await sleep(POLL_INTERVAL_MS);
    signal?.throwIfAborted();
    if (await isTaken()) return;
  } while (performance.now() < deadline);
  throw new StartupError(
    `${who} was still migrating this database after ${lockTimeoutMs / 1000} seconds. ` +
      `${hints.lockTimeout}`,
  );
}

async function holderOf(client: PoolClient): Promise<string> {
  const { rows } = await client.query<{ pid: number; application: string; login: string }>(
    `select a.pid, a.application_name as application, a.usename as login
       from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where l.locktype = 'advisory' and l.granted
        and l.database = (select oid from pg_database where datname = current_database())
        and l.classid = 0 and l.objid = $1`,
    [MIGRATION_LOCK],
  );
  return rows[0]
    ? `Another process (${rows[0].application || 'unnamed'}, session ${rows[0].pid} of ` +
        `${rows[0].login})`
    : 'Another process';
}

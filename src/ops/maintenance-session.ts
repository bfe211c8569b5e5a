import type { Database } from '../db/database.js';
import type { Row } from '../db/statement.js';
import { cancelledBy } from './active-sessions.js';
import { poolOf } from './pool-of.js';
import { refuseSharedSession } from './session-pooling.js';

/** A session outside of any transaction, whose settings and locks end with it. */
export interface MaintenanceSession {
  /** PostgreSQL's number of the session's process. */
  readonly pid: number;
  run<R = Row>(sql: string): Promise<R[]>;
}

/**
 * Runs `work` in a session for statements that cannot be in a transaction, such as building an
 * index while others write. The database must be open as the owner of what is changed. Rows are
 * hidden by policies, because the session takes no role. Only on PostgreSQL; throws a
 * `StartupError` behind a pooler. When `signal` aborts, the current statement is cancelled;
 * statements after it are for cleaning up.
 */
export async function maintain<T>(
  database: Database,
  work: (session: MaintenanceSession) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const pool = await poolOf(database);
  const client = await pool.connect();
  try {
    await refuseSharedSession(pool, client);
    const run = async <R>(sql: string): Promise<R[]> => (await client.query(sql)).rows as R[];
    const [backend] = await run<{ pid: number }>(
      "select pg_backend_pid() as pid, set_config('statement_timeout', '0', false), " +
        "set_config('lock_timeout', '0', false), set_config('idle_session_timeout', '0', " +
        'false)',
    );
    const { pid } = backend!;
    return await work({ pid, run: sql => cancelledBy(signal, pool, pid, () => run(sql)) });
  } finally {
    client.release(true);
  }
}

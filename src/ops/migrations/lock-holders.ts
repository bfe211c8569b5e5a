import type { Connection } from '@mikro-orm/core';
import type { Client, Pool } from 'pg';
import { connectOutside } from '../active-sessions.js';
import { firstLine } from './failure.js';

interface Holder {
  readonly pid: number;
  readonly application: string | null;
  readonly login: string | null;
  /** Null where another login's session may not be looked at. */
  readonly state: string | null;
  readonly seconds: number | null;
  readonly query: string | null;
}

/**
 * While `work` runs a statement in the session `pid`, asks over a connection of its own whom it
 * waits for: the pool may have none to spare. Gives the error of `work`, too, and does not throw.
 */
export async function withLockHolders(
  pool: Pool,
  pid: number,
  intervalMs: number,
  work: () => Promise<unknown>,
): Promise<{ error?: unknown; holders: string[] }> {
  let holders: string[] = [];
  let client: Client | undefined;
  let polling = Promise.resolve();
  const poll = async (): Promise<void> => {
    client ??= await connectOutside(pool);
    const { rows } = await client.query<Holder>(LOCK_HOLDERS, [pid]);
    if (rows.length > 0) holders = await Promise.all(rows.map(describeHolder));
  };
  // Whom it waits for is a courtesy: what cannot be told must not stop the work.
  const timer = setInterval(() => void (polling = polling.then(poll).catch(() => {})), intervalMs);
  try {
    await work();
    return { holders };
  } catch (error) {
    return { error, holders };
  } finally {
    clearInterval(timer);
    void polling.then(() => client?.end()).catch(() => {});
  }
}

const LOCK_HOLDERS = `
  select a.pid, a.application_name as application, a.usename::text as login, a.state,
         extract(epoch from now() - a.xact_start)::int as seconds, a.query
    from unnest(pg_blocking_pids($1::int)) as blocking
    join pg_stat_activity a on a.pid = blocking
   order by a.xact_start limit 3`;

/** What a table is wanted for: a lock of any kind keeps others from changing it. */
export type Wanted = 'reading' | 'changing';

/** Sessions other than this one that keep others from reading or changing Weaver's tables. */
export async function tableLockHolders(
  { run }: { run<R>(sql: string): Promise<R[]> },
  wanted: Wanted,
): Promise<string[]> {
  const rows = await run<Holder>(
    `select a.pid, a.application_name as application, a.usename::text as login, a.state,
            extract(epoch from now() - a.xact_start)::int as seconds, a.query
       from pg_stat_activity a
      where a.pid <> pg_backend_pid() and exists (
              select from pg_locks l join pg_class c on c.oid = l.relation
               where l.pid = a.pid and l.granted
                 ${wanted === 'reading' ? `and l.mode = 'AccessExclusiveLock'` : ''}
                 and c.relnamespace = 'public'::regnamespace
                 and l.database = (select oid from pg_database
                                    where datname = current_database()))
      order by a.xact_start limit 3`,
  );
  return Promise.all(rows.map(describeHolder));
}

async function describeHolder(holder: Holder): Promise<string> {
  const { pid, application, login, state, seconds, query } = holder;
  const since =
    seconds === null ? '' : `, in a transaction for ${seconds} second${seconds === 1 ? '' : 's'}`;
  // Numbers may be somebody's data, whatever the statement is.
  const doing =
    state === null ? '' : `, ${state}, statement: ${await firstLine(query ?? '', true)}`;
  return `session ${pid} (${application || 'unnamed'} of ${login ?? 'the server'}${since}${doing})`;
}

/** Sessions of Weaver's on this database beside those that migrate. */
export async function gatewaySessions(connection: Connection): Promise<number> {
  const [row] = await connection.execute<{ count: number }[]>(
    `select count(*)::int as count from pg_stat_activity
      where datname = current_database() and application_name like 'weaver%'
        and application_name <> current_setting('application_name')`,
  );
  return row!.count;
}

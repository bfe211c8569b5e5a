import type { Database } from '../db/database.js';
import { GATEWAY_SCOPE } from '../db/database-scope.js';
import { runInWrite } from '../db/run-in-write.js';

/** A part of a subject's minute, for one process to serve from memory. */
export interface Lease {
  readonly granted: number;
  /** Of the whole minute, over all processes, this lease included. */
  readonly used: number;
  /** Until the minute is over, by the database's clock. */
  readonly msLeft: number;
}

// One statement decides, so that all processes together never get more than the limit. A clock that
// goes back starts no new minute.
const TAKE = `
  insert into rate_limits as r (subject, minute, used, granted)
  values ($1, date_trunc('minute', clock_timestamp()),
          least($2::int, $3::int), least($2::int, $3::int))
  on conflict (subject) do update set
    granted = case when excluded.minute > r.minute then excluded.granted
                   else greatest(0, least(excluded.granted, $3::int - r.used)) end,
    used = case when excluded.minute > r.minute then excluded.used
                else r.used + greatest(0, least(excluded.granted, $3::int - r.used)) end,
    minute = greatest(r.minute, excluded.minute)
  returning granted, used,
    greatest(1, ceil(extract(epoch from minute + interval '1 minute' - clock_timestamp()) * 1000)
      )::int as "msLeft"`;

// Rows that somebody is just renewing are left alone: waiting for each other, two processes could
// wait for ever.
const CLEAN = `
  delete from rate_limits where subject in (
    select subject from rate_limits where minute < now() - interval '5 minutes'
     limit 10000 for update skip locked)`;

/** Takes up to `slice` of the `limit` that a subject has in a minute. */
export function takeLease(
  database: Database,
  subject: string,
  limit: number,
  slice: number,
): Promise<Lease> {
  return database.write('takeRateLimit', GATEWAY_SCOPE, async em => {
    await runInWrite(em, `set local lock_timeout = '2s'`);
    const [lease] = await runInWrite<Lease>(em, TAKE, [subject, slice, limit]);
    return lease!;
  });
}

/** Removes what is over since minutes. */
export async function cleanLeases(database: Database): Promise<void> {
  await database.write('cleanRateLimits', GATEWAY_SCOPE, em => runInWrite(em, CLEAN));
}

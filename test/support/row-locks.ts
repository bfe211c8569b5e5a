import { setTimeout as sleep } from 'node:timers/promises';
import { OPERATOR_SCOPE } from '../../src/db/database-scope.js';
import type { TestGateway } from './gateway.js';

/**
 * Starts `work` while another transaction, of the operator's, holds what it wrote, lets the two
 * meet, and then commits that transaction. On PostgreSQL `work` has come as far as to wait for it;
 * on the embedded database, with its one session, as far as its first statement.
 */
export async function whileLocked<T>(
  { db }: TestGateway,
  write: readonly [sql: string, parameters: unknown[]],
  work: () => Promise<T>,
  meanwhile: () => Promise<void> = async () => {},
): Promise<T> {
  const [locked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const lockingWrite = db.database.write('testHeld', OPERATOR_SCOPE, async em => {
    await em.execute(...write);
    locked.resolve();
    await released.promise;
  });
  await Promise.race([locked.promise, lockingWrite]);
  let isSent = false;
  db.database.onStatement = () => void (isSent = true);
  const isWaiting = async (): Promise<boolean> =>
    db.urls
      ? (
          await db.asSuperuser(
            'select from pg_stat_activity where datname = current_database() ' +
              "and wait_event_type = 'Lock'",
          )
        ).length > 0
      : isSent;
  try {
    const result = work();
    // Whoever asks for the outcome gets its error.
    result.catch(() => {});
    await until(isWaiting);
    await meanwhile();
    released.resolve();
    await lockingWrite;
    return await result;
  } finally {
    db.database.onStatement = () => {};
    released.resolve();
  }
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  seconds = 10,
): Promise<void> {
  for (const end = Date.now() + seconds * 1_000; !(await condition()); await sleep(20))
    if (Date.now() > end) throw new Error(`It did not come to that within ${seconds} seconds.`);
}

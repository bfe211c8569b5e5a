import { setTimeout as sleep } from 'node:timers/promises';
import { OPERATOR_SCOPE } from '../../src/db/database-scope.js';
import type { TestGateway } from './gateway.js';

/**
 * Starts `work` while another transaction, of the operator's, holds what it wrote, lets the two
 * meet, and then commits that transaction. On PostgreSQL `work` has come as far as to wait for it;
 * on the embedded database, with its one session, as far as its first statement.
 */
export async function whileHeld<T>(
  { db }: TestGateway,
  write: readonly [sql: string, parameters: unknown[]],
  work: () => Promise<T>,
  meanwhile: () => Promise<void> = async () => {},
): Promise<T> {
  const [held, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holding = db.database.write('testHeld', OPERATOR_SCOPE, async em => {
    await em.execute(...write);
    held.resolve();
    await released.promise;
  });
  await Promise.race([held.promise, holding]);
  let asked = false;
  db.database.onStatement = () => void (asked = true);
  const waits = async (): Promise<boolean> =>
    db.urls
      ? (
          await db.asSuperuser(
            'select from pg_stat_activity where datname = current_database() ' +
              "and wait_event_type = 'Lock'",
          )
        ).length > 0
      : asked;
  try {
    const working = work();
    // Whoever asks for the outcome gets its error.
    working.catch(() => {});
    await until(waits);
    await meanwhile();
    released.resolve();
    await holding;
    return await working;
  } finally {
    db.database.onStatement = () => {};
    released.resolve();
  }
}

export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await isSo()); await sleep(20))
    if (Date.now() > end) throw new Error('It did not come to that within ten seconds.');
}

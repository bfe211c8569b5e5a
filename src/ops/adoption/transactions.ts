import { setTimeout as sleep } from 'node:timers/promises';
import { escapeIdentifier } from 'pg';
import type { Transaction } from '@mikro-orm/core';
import { StartupError } from '../../base/startup-error.js';
import type { Database } from '../../db/database.js';
import { MIGRATION_LOCK } from '../migrations/lock.js';
import type { RunQuery } from './recognise.js';

const LOCK_TIMEOUT_SECONDS = 15;
const LOCK_NOT_AVAILABLE = '55P03';
const POLL_INTERVAL_MS = 250;
const LOCK_CONFLICT =
  'Nothing was changed: somebody held a table or migrated this database for ' +
  `${LOCK_TIMEOUT_SECONDS} seconds. Stop the programs that use it, then try again.`;

/** Runs `work` on a snapshot of the database, as whoever owns its tables. */
export async function readOnly<T>(
  database: Database,
  work: (run: RunQuery) => Promise<T>,
): Promise<T> {
  const connection = database.orm.em.getDriver().getConnection();
  return connection.transactional(async transaction => {
    const run: RunQuery = (sql, parameters = []) =>
      connection.execute(sql, parameters as never, 'all', transaction);
    await run('set transaction isolation level repeatable read, read only');
    await withoutTimeouts(run);
    return work(run);
  });
}

/**
 * Runs `work` in one transaction, while nobody else migrates the database. Whatever it throws,
 * nothing was changed.
 */
export async function readWrite<T>(
  database: Database,
  work: (run: RunQuery, transaction: Transaction) => Promise<T>,
): Promise<T> {
  const connection = database.orm.em.getDriver().getConnection();
  return connection
    .transactional(async transaction => {
      const run: RunQuery = (sql, parameters = []) =>
        connection.execute(sql, parameters as never, 'all', transaction);
      await withoutTimeouts(run);
      await run(`set local lock_timeout = '${LOCK_TIMEOUT_SECONDS}s'`);
      await takeMigrationLock(run);
      return work(run, transaction);
    })
    .catch(error => {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
      throw new StartupError(LOCK_CONFLICT, { cause: error });
    });
}

/** Tried again and again, never waited for: see `ops/migrations/lock.ts`. */
async function takeMigrationLock(run: RunQuery): Promise<void> {
  const deadline = performance.now() + LOCK_TIMEOUT_SECONDS * 1_000;
  for (;;) {
    const [lock] = await run<{ taken: boolean }>(
      `select pg_try_advisory_xact_lock(${MIGRATION_LOCK}) as taken`,
    );
    if (lock!.taken) return;
    if (performance.now() > deadline) throw new StartupError(LOCK_CONFLICT);
    await sleep(POLL_INTERVAL_MS);
  }
}

async function withoutTimeouts(run: RunQuery): Promise<void> {
  await run('set local statement_timeout = 0');
  await run('set local idle_in_transaction_session_timeout = 0');
}

/**
 * Runs `work` while the owner of `tables` is not held by their policies, which then hold it again.
 * The tables are locked until the transaction ends.
 */
export async function withoutForcedRowSecurity<T>(
  run: RunQuery,
  tables: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const forcedTables = await run<{ name: string }>(
    'select relname::text as name from pg_class ' +
      'where relnamespace = current_schema()::regnamespace and relforcerowsecurity ' +
      `and relname in (${tables.map(() => '?').join(', ')})`,
    [...tables],
  );
  for (const { name } of forcedTables)
    await run(`alter table ${escapeIdentifier(name)} no force row level security`);
  const result = await work();
  for (const { name } of forcedTables)
    await run(`alter table ${escapeIdentifier(name)} force row level security`);
  return result;
}

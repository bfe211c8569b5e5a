import { setImmediate } from 'node:timers/promises';
import { reasonWithoutValues } from '../connection-errors.js';
import type { Database } from '../../db/database.js';
import { isDatabaseUnreachable } from '../../db/database-errors.js';
import type { EntityClasses } from '../../db/open/database-options.js';
import { runMigrations } from './run.js';
import { migrationState } from './state.js';
import { withScratch } from './check.js';
import { emittedSql, migrationFiles } from './emitted-sql.js';
import { asMigrationFailure, firstLine } from './failure.js';
import { LOG_TABLE } from './log.js';
import {
  isRestrictedByPolicies,
  withAllRowsVisible,
  writeRows,
  type RowChange,
} from './rows-of-owner.js';

/** What one pending migration did in the rehearsal. */
export interface RehearsalResult {
  readonly name: string;
  readonly ms: number;
  /**
   * `docs ACCESS EXCLUSIVE`: locks that it was the first to take on what was there before the run,
   * beyond those of reading. Undefined outside a transaction.
   */
  readonly locks: readonly string[] | undefined;
  /** Rows that its statements wrote, one for each. */
  readonly changes?: readonly RowChange[];
  /** Undefined where it went well. */
  readonly problem: string | undefined;
}

const LOCKS = `
  select distinct c.relname || ' ' ||
         upper(trim(regexp_replace(replace(l.mode, 'Lock', ''), '([A-Z])', ' \\1', 'g'))) as lock
    from pg_locks l
    join pg_class c on c.oid = l.relation
    join pg_namespace n on n.oid = c.relnamespace
   where l.pid = pg_backend_pid() and l.locktype = 'relation' and n.nspname = current_schema()
     and l.mode <> 'AccessShareLock'
     and c.relkind in ('r', 'p', 'i') and c.relname <> '${LOG_TABLE}' and c.oid::bigint <= ?
   order by 1`;

const ROLL_BACK = new Error('Nothing is kept of a rehearsal.');

/**
 * Applies the pending migrations to a database in memory that has the same migrations and no rows,
 * one after the other, until one fails. The real database is only read. `signal` ends it between
 * two statements.
 */
export async function rehearseInMemory(
  database: Database,
  entities: EntityClasses,
  tell: (doing: string) => void,
  signal: AbortSignal,
): Promise<RehearsalResult[]> {
  const { executed, pending } = await migrationState(database);
  tell('making a copy of the catalogue');
  return withScratch(
    entities,
    executed.map(({ name }) => name),
    async scratch => {
      const results: RehearsalResult[] = [];
      for (const name of pending) {
        tell(name);
        const { transactional } = await emittedSql(migrationFiles().get(name)!);
        const tried = transactional ? await inTransaction(scratch, [name], signal) : [];
        const started = performance.now();
        const problem =
          tried[0]?.problem ??
          (await problemOf(() =>
            runMigrations(
              scratch,
              'up',
              { migrations: [name] },
              { guards: { confirmed: true, allowOutOfOrder: true, signal } },
            ),
          ));
        signal.throwIfAborted();
        results.push({
          name,
          ms: tried[0]?.ms ?? performance.now() - started,
          locks: tried[0]?.locks,
          problem,
        });
        if (problem !== undefined) break;
      }
      return results;
    },
    signal,
  );
}

/**
 * Applies the pending migrations in the database itself, in one transaction that is rolled back:
 * real rows, real times, and real locks, which are held until the end. Waits for a lock two seconds
 * at most. Stops at a migration that must be outside a transaction, and between two statements
 * where `signal` says so.
 */
export async function rehearseOnData(
  database: Database,
  signal: AbortSignal,
): Promise<RehearsalResult[]> {
  const { pending } = await migrationState(database);
  return inTransaction(database, pending, signal);
}

async function inTransaction(
  database: Database,
  names: readonly string[],
  signal: AbortSignal,
): Promise<RehearsalResult[]> {
  const connection = database.orm.em.getDriver().getConnection();
  const results: RehearsalResult[] = [];
  await connection
    .transactional(async transaction => {
      const run = <R>(sql: string, parameters: unknown[] = []): Promise<R[]> =>
        connection.execute(sql, parameters, 'all', transaction);
      await run(`set local lock_timeout = '2s'`);
      const [newest] = await run<{ oid: string }>(
        'select max(oid::bigint)::text as oid from pg_class',
      );
      const locksBefore = await isRestrictedByPolicies(connection, transaction);
      const changesSeen = new Set<string>();
      for (const name of names) {
        const { up, transactional, readsDatabase } = await emittedSql(migrationFiles().get(name)!);
        const unsupported = !transactional
          ? 'it runs outside a transaction, so it cannot be rolled back'
          : readsDatabase
            ? 'it runs statements of its own'
            : undefined;
        if (unsupported) {
          results.push({
            name,
            ms: 0,
            locks: undefined,
            problem: `Not rehearsed: ${unsupported}.`,
          });
          throw ROLL_BACK;
        }
        const started = performance.now();
        const changes: RowChange[] = [];
        for (const [index, sql] of up.entries()) {
          // A signal is heard between turns of the event loop, and the embedded database leaves
          // none.
          await setImmediate();
          signal.throwIfAborted();
          const write = (): Promise<RowChange | undefined> =>
            writeRows(connection, sql, transaction);
          const change = await (
            locksBefore ? withAllRowsVisible(connection, transaction, write) : write()
          ).catch(async error => {
            if (isDatabaseUnreachable(error)) throw error;
            results.push({
              name,
              ms: performance.now() - started,
              locks: [],
              problem:
                `Statement ${index + 1} of ${up.length} (${await firstLine(sql)}): ` +
                `${reasonWithoutValues(error)}.`,
            });
            throw ROLL_BACK;
          });
          if (change) changes.push(change);
        }
        const ms = performance.now() - started;
        const locks = (await run<{ lock: string }>(LOCKS, [newest!.oid]))
          .map(({ lock }) => lock)
          .filter(lock => !changesSeen.has(lock));
        for (const lock of locks) changesSeen.add(lock);
        results.push({ name, ms, locks, changes, problem: undefined });
      }
      throw ROLL_BACK;
    })
    .catch(error => {
      if (error !== ROLL_BACK) throw error;
    });
  return results;
}

async function problemOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return (asMigrationFailure(error) as Error).message;
  }
}

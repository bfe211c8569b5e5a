// Longer than 300 lines: the steps of one run share its lock, its transaction and its messages.
import { setImmediate } from 'node:timers/promises';
import type { Transaction } from '@mikro-orm/core';
import { MigrationRunner as UnguardedRunner, type Migration } from '@mikro-orm/migrations';
import { PostgreSqlConnection } from '@mikro-orm/postgresql';
import { exceededTime, isDatabaseUnreachable } from '../../db/database-errors.js';
import { ConcurrentIndex } from './concurrent-index.js';
import { formattedSql } from './emitted-sql.js';
import { cancelledBy } from '../active-sessions.js';
import { withLockHolders } from './lock-holders.js';
import { firstLine, MigrationFailure } from './failure.js';
import { readSql, withoutConcurrently } from './read-sql.js';
import {
  isRestrictedByPolicies,
  withAllRowsVisible,
  writeRows,
  type RowChange,
} from './rows-of-owner.js';

const LOST = 'The connection was lost: the server rolls back what was not committed.';
const LOST_OUTSIDE =
  'The connection was lost, outside a transaction: the server may still finish this ' +
  'statement, or leave an invalid index. Run it again: an invalid index of that name is ' +
  'dropped first.';

/**
 * How long a statement waits for a lock on PostgreSQL, where everybody who comes later waits behind
 * it. 0 has no limit.
 */
export interface LockWait {
  readonly ms: number;
  /** What to do once it is over. */
  readonly hint: string;
}

const MIN_POLL_INTERVAL_MS = 1_000;

type AfterRun = (transaction?: Transaction) => Promise<void>;

/**
 * Runs a migration statement by statement, so that a failure can say which one it was. Outside a
 * transaction it takes away the indexes that a failed `create index concurrently` leaves behind:
 * invalid, unused by queries, and paid for by every write.
 */
export class MigrationRunner extends UnguardedRunner {
  /** Told the rows that each statement of a migration changed. */
  changed: (migration: string, change: RowChange) => void = () => {};
  /** Told what a statement outside a transaction says while it runs. */
  noticed: (text: string) => void = () => {};
  /** Set while all of a run is one transaction. */
  #outerTransaction: Transaction | undefined;

  /** Left out: locks are waited for as whoever opened the transaction around says. */
  lockWait: LockWait | undefined;
  /** Ends the run before its next statement, and cancels the one that runs. */
  signal: AbortSignal | undefined;

  override setMasterMigration(transaction: Transaction): void {
    super.setMasterMigration(transaction);
    this.#outerTransaction = transaction;
  }

  override unsetMasterMigration(): void {
    super.unsetMasterMigration();
    this.#outerTransaction = undefined;
  }

  override async run(
    migration: Migration,
    method: 'up' | 'down',
    afterRun?: AfterRun,
  ): Promise<void> {
    migration.reset();
    if (!migration.isTransactional() && !this.#outerTransaction)
      return this.#runOutside(migration, method, afterRun);
    const connection = this.driver.getConnection();
    await connection.transactional(
      async transaction => {
        migration.setTransactionContext(transaction);
        const pid = await this.#limitWaits(
          sql => this.driver.execute(sql, undefined, 'all', transaction),
          'set local',
        );
        const watchTransaction = await this.#watchTransaction(transaction);
        const { execute } = migration;
        migration.execute = (sql, params) =>
          watchTransaction(() => execute.call(migration, sql, params));
        await migration[method]();
        const statements = migration.getQueries().map(formattedSql);
        for (const [index, sql] of statements.entries()) {
          await this.#goOn();
          const run = async (): Promise<void> =>
            this.#reportChange(
              migration,
              await watchTransaction(async () =>
                writeRows(
                  connection,
                  this.#outerTransaction ? await withoutConcurrently(sql) : sql,
                  transaction,
                ),
              ),
            );
          const { error, holders } = await this.#withLockWatch(pid, run);
          if (error === undefined) continue;
          const left = this.#outerTransaction
            ? 'Nothing of this run was kept: the database is as it was before.'
            : 'It was rolled back.';
          throw new MigrationFailure(
            await describeStatement(migration, method, index, statements),
            error,
            isDatabaseUnreachable(error) ? LOST : this.#describeWait(error, holders, left),
          );
        }
        await afterRun?.(transaction);
      },
      { ctx: this.#outerTransaction },
    );
  }

  async #runOutside(
    migration: Migration,
    method: 'up' | 'down',
    afterRun?: AfterRun,
  ): Promise<void> {
    await migration[method]();
    const statements = migration.getQueries().map(formattedSql);
    for (const [index, sql] of statements.entries()) {
      await this.#goOn();
      const concurrent = await ConcurrentIndex.of(this.driver.getConnection(), await readSql(sql));
      await concurrent?.prepare();
      const { error, holders } = await this.#runStatement(sql, change =>
        this.#reportChange(migration, change),
      );
      if (error === undefined && (await concurrent?.left())?.length) {
        throw new MigrationFailure(
          await describeStatement(migration, method, index, statements),
          new Error('the index is invalid'),
          await this.#dropInvalidIndex(concurrent),
        );
      }
      if (error !== undefined) {
        if (isDatabaseUnreachable(error))
          throw new MigrationFailure(
            await describeStatement(migration, method, index, statements),
            error,
            LOST_OUTSIDE,
          );
        const kept =
          index === 0
            ? ''
            : ' It runs outside a transaction, so the ' +
              `${index === 1 ? 'statement' : `${index} statements`} before this one cannot ` +
              'be undone: mend the cause and run it again, or undo by hand.';
        const left =
          `${await this.#dropInvalidIndex(concurrent)}${kept}`.trim() ||
          'The database is as it was before this migration.';
        throw new MigrationFailure(
          await describeStatement(migration, method, index, statements),
          error,
          this.#describeWait(error, holders, left),
        );
      }
    }
    await afterRun?.();
  }

  /**
   * One statement outside the transaction of a migration, in a session whose settings are its own.
   * One that touches rows of policies gets a transaction of its own, to see them; a procedure that
   * is called commits by itself, and sees to that too.
   */
  async #runStatement(
    sql: string,
    reportChange: (change: RowChange | undefined) => void = () => {},
  ): Promise<{ error?: unknown; holders: string[] }> {
    const connection = this.driver.getConnection();
    const { touchesRows, writes, concurrent } = await readSql(sql);
    const callsProcedure = /^\s*call\b/i.test(sql);
    if (touchesRows && !callsProcedure && (await isRestrictedByPolicies(connection))) {
      let holders: string[] = [];
      return connection
        .transactional(async transaction => {
          const pid = await this.#limitWaits(
            setting => this.driver.execute(setting, undefined, 'all', transaction),
            'set local',
          );
          const write = async (): Promise<void> =>
            reportChange(
              await withAllRowsVisible(connection, transaction, () =>
                writeRows(connection, sql, transaction),
              ),
            );
          const withLockWatch = await this.#withLockWatch(pid, write);
          holders = withLockWatch.holders;
          if (withLockWatch.error !== undefined) throw withLockWatch.error;
        })
        .then(
          () => ({ holders }),
          (error: unknown) => ({ error, holders }),
        );
    }
    if (!(connection instanceof PostgreSqlConnection))
      return this.#withLockWatch(undefined, async () =>
        reportChange(await writeRows(connection, sql)),
      );
    const client = await (await connection.getNativeClient()).connect();
    try {
      // A concurrent build waits for everybody's transactions, and nobody waits behind it.
      const pid = await this.#limitWaits(
        async setting => (await client.query(setting)).rows,
        'set',
        concurrent ? 0 : undefined,
      );
      return await this.#withLockWatch(pid, async () => {
        client.on('notice', ({ message }) => this.noticed(message ?? ''));
        const { rowCount } = await client.query(sql);
        reportChange(writes === undefined ? undefined : { table: writes, rows: rowCount ?? 0 });
      });
    } finally {
      client.release(true);
    }
  }

  async #watchTransaction(
    transaction: Transaction,
  ): Promise<<T>(work: () => Promise<T>) => Promise<T>> {
    const connection = this.driver.getConnection();
    const held = await isRestrictedByPolicies(connection, transaction);
    return work => (held ? withAllRowsVisible(connection, transaction, work) : work());
  }

  async #goOn(): Promise<void> {
    // A signal is heard between turns of the event loop, and the embedded database leaves none.
    if (this.signal) await setImmediate();
    this.signal?.throwIfAborted();
  }

  #reportChange(migration: Migration, change: RowChange | undefined): void {
    if (change) this.changed(nameOf(migration), change);
  }

  /**
   * Sets how long a session waits for a lock, and gives its number. Nothing on the embedded
   * database, which has one session.
   */
  async #limitWaits(
    run: (sql: string) => Promise<unknown>,
    set: 'set' | 'set local',
    ms = this.lockWait?.ms,
  ): Promise<number | undefined> {
    if (!this.lockWait || !(this.driver.getConnection() instanceof PostgreSqlConnection))
      return undefined;
    await run(`${set} lock_timeout = ${ms}`);
    return ((await run('select pg_backend_pid() as pid')) as { pid: number }[])[0]!.pid;
  }

  async #withLockWatch(
    pid: number | undefined,
    work: () => Promise<unknown>,
  ): Promise<{ error?: unknown; holders: string[] }> {
    const ms = this.lockWait?.ms;
    const connection = this.driver.getConnection();
    if (pid !== undefined && connection instanceof PostgreSqlConnection) {
      const pool = await connection.getNativeClient();
      return withLockHolders(pool, pid, Math.min(MIN_POLL_INTERVAL_MS, (ms || Infinity) / 4), () =>
        cancelledBy(this.signal, pool, pid, work),
      );
    }
    return work().then(
      () => ({ holders: [] }),
      (error: unknown) => ({ error, holders: [] }),
    );
  }

  /** What is left of a run, and where it had waited too long for a lock, for whom. */
  #describeWait(error: unknown, holders: readonly string[], left: string): string {
    if (!this.lockWait || exceededTime(error) !== 'lock') return left;
    const holderText =
      holders.length === 0 ? 'for a lock' : `for a lock that is held by ${holders.join(' and ')}`;
    return (
      `It waited ${this.lockWait.ms / 1_000} seconds ${holderText}. ${left} ` +
      `${this.lockWait.hint}`
    );
  }

  /** Says what became of what a broken-off build left behind. */
  async #dropInvalidIndex(index: ConcurrentIndex | undefined): Promise<string> {
    const messages: string[] = [];
    for (const name of (await index?.left().catch(() => [])) ?? []) {
      // Not concurrently: nobody uses an invalid index, and a build that failed may have been
      // stopped by what the other way waits for.
      const { error } = await this.#runStatement(`drop index if exists ${name}`);
      messages.push(
        error === undefined
          ? `The invalid index ${name} that it left behind was dropped: the database is as ` +
              'it was before this statement.'
          : `It left the invalid index ${name} behind. Run: drop index concurrently ${name}.`,
      );
    }
    return messages.join(' ');
  }
}

function nameOf(migration: Migration): string {
  return migration.name ?? migration.constructor.name;
}

async function describeStatement(
  migration: Migration,
  method: 'up' | 'down',
  index: number,
  statements: readonly string[],
): Promise<string> {
  const name = nameOf(migration);
  const doing = method === 'up' ? '' : 'Reverting ';
  return (
    `${doing}${name} failed at statement ${index + 1} of ${statements.length} ` +
    `(${await firstLine(statements[index]!)})`
  );
}

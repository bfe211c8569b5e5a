import { setImmediate } from 'node:timers/promises';
import type { Transaction } from '@mikro-orm/core';
import { MigrationRunner as UnguardedRunner, type Migration } from '@mikro-orm/migrations';
import { PostgreSqlConnection } from '@mikro-orm/postgresql';
import { exceededTime, isDatabaseUnreachable } from '../../db/database-errors.js';
import { ConcurrentIndex } from './concurrent-index.js';
import { formattedSql } from './emitted-sql.js';
import { cancelledBy } from '../../db/lent-sessions.js';
import { watchingLockHolders } from './lock-holders.js';
import { firstLine, MigrationFailure } from './failure.js';
import { readSql, withoutConcurrently } from './read-sql.js';
import { isHeldByPolicies, seeingAllRows, writeRows, type RowChange } from './rows-of-owner.js';

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

const ASK_AT_MOST_EVERY_MS = 1_000;

type AfterRun = (transaction?: Transaction) => Promise<void>;

/**
 * Runs a migration statement by statement, so that a failure can say which one it was. Outside a
 * transaction it takes away the indexes that a failed `create index concurrently` leaves behind:
 * invalid, unused by queries, and paid for by every write.
 */
export class MigrationRunner extends UnguardedRunner {
  /** Told the rows that each statement of a migration changed. */
  changed: (migration: string, change: RowChange) => void = () => {};
  /** Set while all of a run is one transaction. */
  #around: Transaction | undefined;

  /** Left out: locks are waited for as whoever opened the transaction around says. */
  lockWait: LockWait | undefined;
  /** Ends the run before its next statement, and cancels the one that runs. */
  signal: AbortSignal | undefined;

  override setMasterMigration(transaction: Transaction): void {
    super.setMasterMigration(transaction);
    this.#around = transaction;
  }

  override unsetMasterMigration(): void {
    super.unsetMasterMigration();
    this.#around = undefined;
  }

  override async run(
    migration: Migration,
    method: 'up' | 'down',
    afterRun?: AfterRun,
  ): Promise<void> {
    migration.reset();
    if (!migration.isTransactional() && !this.#around)
      return this.#runOutside(migration, method, afterRun);
    const connection = this.driver.getConnection();
    await connection.transactional(
      async transaction => {
        migration.setTransactionContext(transaction);
        const pid = await this.#limitWaits(
          sql => this.driver.execute(sql, undefined, 'all', transaction),
          'set local',
        );
        const inSight = await this.#inSight(transaction);
        const { execute } = migration;
        migration.execute = (sql, params) => inSight(() => execute.call(migration, sql, params));
        await migration[method]();
        const statements = migration.getQueries().map(formattedSql);
        for (const [index, sql] of statements.entries()) {
          await this.#goOn();
          const run = async (): Promise<void> =>
            this.#tell(
              migration,
              await inSight(async () =>
                writeRows(
                  connection,
                  this.#around ? await withoutConcurrently(sql) : sql,
                  transaction,
                ),
              ),
            );
          const { error, holders } = await this.#watched(pid, run);
          if (error === undefined) continue;
          const left = this.#around
            ? 'Nothing of this run was kept: the database is as it was before.'
            : 'It was rolled back.';
          throw new MigrationFailure(
            whichOne(migration, method, index, statements),
            error,
            isDatabaseUnreachable(error) ? LOST : this.#andWaited(error, holders, left),
          );
        }
        await afterRun?.(transaction);
      },
      { ctx: this.#around },
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
      const { error, holders } = await this.#alone(sql, change => this.#tell(migration, change));
      if (error === undefined && (await concurrent?.left())?.length) {
        throw new MigrationFailure(
          whichOne(migration, method, index, statements),
          new Error('the index is invalid'),
          await this.#dropLeft(concurrent),
        );
      }
      if (error !== undefined) {
        if (isDatabaseUnreachable(error))
          throw new MigrationFailure(
            whichOne(migration, method, index, statements),
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
          `${await this.#dropLeft(concurrent)}${kept}`.trim() ||
          'The database is as it was before this migration.';
        throw new MigrationFailure(
          whichOne(migration, method, index, statements),
          error,
          this.#andWaited(error, holders, left),
        );
      }
    }
    await afterRun?.();
  }

  /**
   * One statement outside the transaction of a migration, in a session whose settings are its own.
   * One that touches rows of policies gets a transaction of its own, to see them.
   */
  async #alone(
    sql: string,
    tell: (change: RowChange | undefined) => void = () => {},
  ): Promise<{ error?: unknown; holders: string[] }> {
    const connection = this.driver.getConnection();
    const { touchesRows, writes, concurrent } = await readSql(sql);
    if (touchesRows && (await isHeldByPolicies(connection))) {
      let holders: string[] = [];
      return connection
        .transactional(async transaction => {
          const pid = await this.#limitWaits(
            setting => this.driver.execute(setting, undefined, 'all', transaction),
            'set local',
          );
          const write = async (): Promise<void> =>
            tell(
              await seeingAllRows(connection, transaction, () =>
                writeRows(connection, sql, transaction),
              ),
            );
          const watched = await this.#watched(pid, write);
          holders = watched.holders;
          if (watched.error !== undefined) throw watched.error;
        })
        .then(
          () => ({ holders }),
          (error: unknown) => ({ error, holders }),
        );
    }
    if (!(connection instanceof PostgreSqlConnection))
      return this.#watched(undefined, async () => tell(await writeRows(connection, sql)));
    const client = await (await connection.getNativeClient()).connect();
    try {
      // A concurrent build waits for everybody's transactions, and nobody waits behind it.
      const pid = await this.#limitWaits(
        async setting => (await client.query(setting)).rows,
        'set',
        concurrent ? 0 : undefined,
      );
      return await this.#watched(pid, async () => {
        const { rowCount } = await client.query(sql);
        tell(writes === undefined ? undefined : { table: writes, rows: rowCount ?? 0 });
      });
    } finally {
      client.release(true);
    }
  }

  async #inSight(transaction: Transaction): Promise<<T>(work: () => Promise<T>) => Promise<T>> {
    const connection = this.driver.getConnection();
    const held = await isHeldByPolicies(connection, transaction);
    return work => (held ? seeingAllRows(connection, transaction, work) : work());
  }

  async #goOn(): Promise<void> {
    // A signal is heard between turns of the event loop, and the embedded database leaves none.
    if (this.signal) await setImmediate();
    this.signal?.throwIfAborted();
  }

  #tell(migration: Migration, change: RowChange | undefined): void {
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

  async #watched(
    pid: number | undefined,
    work: () => Promise<unknown>,
  ): Promise<{ error?: unknown; holders: string[] }> {
    const ms = this.lockWait?.ms;
    const connection = this.driver.getConnection();
    if (pid !== undefined && connection instanceof PostgreSqlConnection) {
      const pool = await connection.getNativeClient();
      return watchingLockHolders(
        pool,
        pid,
        Math.min(ASK_AT_MOST_EVERY_MS, (ms || Infinity) / 4),
        () => cancelledBy(this.signal, pool, pid, work),
      );
    }
    return work().then(
      () => ({ holders: [] }),
      (error: unknown) => ({ error, holders: [] }),
    );
  }

  /** What is left of a run, and where it had waited too long for a lock, for whom. */
  #andWaited(error: unknown, holders: readonly string[], left: string): string {
    if (!this.lockWait || exceededTime(error) !== 'lock') return left;
    const whom =
      holders.length === 0 ? 'for a lock' : `for a lock that is held by ${holders.join(' and ')}`;
    return `It waited ${this.lockWait.ms / 1_000} seconds ${whom}. ${left} ${this.lockWait.hint}`;
  }

  /** Says what became of what a broken-off build left behind. */
  async #dropLeft(index: ConcurrentIndex | undefined): Promise<string> {
    const told: string[] = [];
    for (const name of (await index?.left().catch(() => [])) ?? []) {
      // Not concurrently: nobody uses an invalid index, and a build that failed may have been
      // stopped by what the other way waits for.
      const { error } = await this.#alone(`drop index if exists ${name}`);
      told.push(
        error === undefined
          ? `The invalid index ${name} that it left behind was dropped: the database is as ` +
              'it was before this statement.'
          : `It left the invalid index ${name} behind. Run: drop index concurrently ${name}.`,
      );
    }
    return told.join(' ');
  }
}

function nameOf(migration: Migration): string {
  return migration.name ?? migration.constructor.name;
}

function whichOne(
  migration: Migration,
  method: 'up' | 'down',
  index: number,
  statements: readonly string[],
): string {
  const name = nameOf(migration);
  const doing = method === 'up' ? '' : 'Reverting ';
  return (
    `${doing}${name} failed at statement ${index + 1} of ${statements.length} ` +
    `(${firstLine(statements[index]!)})`
  );
}

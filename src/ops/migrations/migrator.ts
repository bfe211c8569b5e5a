// oxlint-disable max-lines -- one class that MikroORM calls, with all that it guards
import type {
  MigrateOptions,
  MigrationInfo,
  MigrationResult,
  MigrationsOptions,
  MikroORM,
  Transaction,
} from '@mikro-orm/core';
import { Migrator as UnguardedMigrator } from '@mikro-orm/migrations';
import { PostgreSqlConnection, type SqlEntityManager } from '@mikro-orm/postgresql';
import { StartupError } from '../../base/startup-error.js';
import { refuseOtherEncoding } from '../database-encoding.js';
import { emittedSql, migrationFiles, MIGRATIONS_FOLDER, type EmittedSql } from './emitted-sql.js';
import { gatewaySessions } from './lock-holders.js';
import { DEFAULT_GUARDS, type MigrationGuards, type RunPlan } from './guards.js';
import { withMigrationLock } from './lock.js';
import { MigrationLog } from './log.js';
import { oneName } from './names.js';
import { MigrationRunner } from './runner.js';
import { newMigrationName } from './new-migration-name.js';
import { isLoss, removalsOf } from './removals.js';
import type { RowChange } from './rows-of-owner.js';
import { refuseSharedSessions } from '../session-pooling.js';
import { editedOf, knownMigrations, pendingOf } from './state.js';
import { checkTableOwner } from './table-owner.js';

/** Where this version's migrations are, and how a new one is named. */
export const MIGRATIONS: MigrationsOptions = {
  path: MIGRATIONS_FOLDER,
  snapshot: false,
  // Whoever migrates says so in words of its own; the command line of MikroORM turns this off.
  silent: true,
  emit: 'ts',
  fileName: newMigrationName,
};

/**
 * MikroORM's migrator with what it lacks. It reverts everything when `down --to` is mistyped,
 * applies everything when `up --to` is, runs a migration twice when two processes start at once,
 * drops rows without asking, and does not notice that an applied migration was edited since. Here
 * names are checked against what exists, one process migrates at a time, and what cannot be undone
 * is asked for first.
 *
 * A run is one transaction, so that a failure leaves the database as it was; a run with a migration
 * that must be outside of one has a transaction for each of the others. The first run on a new
 * database is always one.
 *
 * The class must be called `Migrator`: MikroORM puts its own beside an extension of any other name,
 * and its command line uses that.
 */
export class Migrator extends UnguardedMigrator {
  guards: MigrationGuards = DEFAULT_GUARDS;
  /** Whoever took it has looked for a pooler; MikroORM's command line has two connections. */
  #holdsLock = false;
  readonly #changes: { migration: string; change: RowChange }[] = [];

  static override register(orm: MikroORM): void {
    orm.config.registerExtension(
      '@mikro-orm/migrator',
      () => new this(orm.em as unknown as SqlEntityManager),
    );
  }

  /**
   * MikroORM would not see a log of migrations that belongs to somebody else, and make another. A
   * pooler is found out first: whom the tables should belong to helps nobody who cannot migrate
   * through it.
   */
  protected override async init(): Promise<void> {
    // Once, before any transaction: the embedded database has no second connection.
    if (this.initialized) return;
    try {
      const connection = this.driver.getConnection();
      if (connection instanceof PostgreSqlConnection && !this.#holdsLock)
        await refuseSharedSessions(await connection.getNativeClient());
      await checkTableOwner(sql => this.driver.execute(sql));
      await refuseOtherEncoding(sql => this.driver.execute(sql));
    } catch (error) {
      if (error instanceof StartupError) return this.refuse(error.message, error);
      throw error;
    }
    await super.init();
  }

  protected override createRunner(): MigrationRunner {
    const runner = new MigrationRunner(this.driver, this.options, this.config);
    runner.changed = (migration, change) => void this.#changes.push({ migration, change });
    runner.noticed = text => this.guards.warn(text);
    return runner;
  }

  protected override createStorage(): MigrationLog {
    return new MigrationLog(this.driver, this.options);
  }

  override async logMigration(name: string): Promise<void> {
    await this.withLock(async () => {
      const { known, executed } = await this.names();
      const meant = this.oneOf(known, name, 'There is no migration');
      if (executed.includes(meant)) this.refuse(`${meant} is applied already.`);
      await super.logMigration(meant);
    });
  }

  override async unlogMigration(name: string): Promise<void> {
    await this.withLock(async () => {
      const { executed } = await this.names();
      await super.unlogMigration(this.oneOf(executed, name, 'There is no applied migration'));
    });
  }

  /**
   * A migration of what the entities have and the migrations do not make. A new database in memory
   * gets all of them first; any other has to have them.
   */
  override async create(
    path?: string,
    blank = false,
    initial = false,
    name?: string,
  ): Promise<MigrationResult> {
    if (initial) this.refuse('Weaver has its first migration already: leave out --initial.');
    if (!blank) {
      const { executed, pending } = await this.names();
      if (executed.length === 0 && this.config.get('dbName') === 'memory://') await this.up();
      else if (pending.length > 0)
        this.refuse(`Not at head: ${pending.length} pending. Run "npx weaver db up" first.`);
    }
    return super.create(path, blank, false, name);
  }

  override async rollup(): Promise<never> {
    return this.refuse(
      'Migrations are not rolled up: other databases have them in their logs. Nothing was changed.',
    );
  }

  /** What a run would do. Nothing is changed. */
  async plan(method: 'up' | 'down', options?: RunOptions): Promise<RunPlan> {
    const { known, executed } = await this.names();
    const names =
      method === 'up'
        ? this.#planUp(options, known, executed)
        : this.#planDown(options, known, executed);
    const emitted = await this.#emitted(names);
    if (method === 'down') {
      const oneWay = names.filter(name => emitted.get(name)!.down === undefined);
      if (oneWay.length > 0)
        this.refuse(
          `${oneWay.join(', ')} cannot be reverted: there is no "down" in ` +
            `${oneWay.length === 1 ? 'it' : 'them'}. Nothing was changed.`,
        );
    }
    const statements = names.flatMap(name => emitted.get(name)![method] ?? []);
    const kept = new Set(
      names.flatMap(name =>
        emitted.get(name)!.keepsRows ? (emitted.get(name)![method] ?? []) : [],
      ),
    );
    const removals = await removalsOf(this.driver.getConnection(), statements, kept);
    // A new database has no rows to lose.
    return {
      method,
      names,
      removals:
        executed.length === 0 ? removals.filter(({ rows }) => rows !== undefined) : removals,
    };
  }

  /** Names of applied migrations that emit other SQL now than when they were applied. */
  async edited(): Promise<string[]> {
    await this.init();
    return (await editedOf(await this.#log.logged())).toSorted();
  }

  /** Runs `work` while no other process migrates this database. */
  async withLock<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await withMigrationLock(this.driver.getConnection(), this.guards, () => {
        this.#holdsLock = true;
        return work();
      });
    } catch (error) {
      if (error instanceof StartupError) return this.refuse(error.message, error);
      throw error;
    } finally {
      this.#holdsLock = false;
    }
  }

  /**
   * All migrations of this version, those that are applied, in the order in which they were, and
   * those that are not yet.
   */
  async names(): Promise<{ known: string[]; executed: string[]; pending: string[] }> {
    await this.init();
    const known = knownMigrations();
    const executed = await this.storage.executed();
    return { known, executed, pending: pendingOf(known, executed) };
  }

  /**
   * Migrates in a transaction of the caller's, who holds the lock of migrations and has asked for
   * what cannot be undone. The table that logs migrations is made in it too.
   */
  async within(
    transaction: Transaction,
    method: 'up' | 'down',
    options?: MigrateOptions,
  ): Promise<void> {
    this.options.allOrNothing = false;
    (this.runner as MigrationRunner).lockWait = undefined;
    this.runner.setMasterMigration(transaction);
    this.storage.setMasterMigration(transaction);
    try {
      await super.runMigrations(method, options);
    } finally {
      this.runner.unsetMasterMigration();
      this.storage.unsetMasterMigration();
    }
  }

  protected override async runMigrations(
    method: 'up' | 'down',
    options?: RunOptions,
  ): Promise<MigrationInfo[]> {
    return this.withLock(async () => {
      const plan = await this.plan(method, options);
      await this.#refuseEdited();
      if (plan.names.length === 0) return [];
      this.guards.announce(plan);
      await this.#warnOfGateways(plan);
      await this.#refuseUnconfirmed(plan);
      const emitted = await this.#emitted(plan.names);
      // Nobody uses the tables of a new database yet: its indexes need not be built concurrently.
      const isNew = method === 'up' && (await this.storage.executed()).length === 0;
      this.options.allOrNothing =
        isNew || [...emitted.values()].every(({ transactional }) => transactional);
      const { statementLockTimeoutMs: ms, hints } = this.guards;
      (this.runner as MigrationRunner).lockWait = { ms, hint: hints.statementLockTimeout };
      (this.runner as MigrationRunner).signal = this.guards.signal;
      const transaction =
        typeof options === 'object' && !Array.isArray(options) ? options.transaction : undefined;
      this.#changes.length = 0;
      const done = await super.runMigrations(method, {
        migrations: [...plan.names],
        ...(transaction && { transaction }),
      });
      if (!isNew)
        for (const { migration, change } of this.#changes) this.guards.changed(migration, change);
      return done;
    });
  }

  /**
   * Ends the run for a reason that its user can mend. The command line of MikroORM overrides it, to
   * show the message alone.
   */
  protected refuse(message: string, error: StartupError = new StartupError(message)): never {
    throw error;
  }

  /** The one name that is meant. */
  oneOf(names: readonly string[], given: string, otherwise: string): string {
    const found = oneName(names, given, otherwise);
    return 'name' in found ? found.name : this.refuse(found.problem);
  }

  #planUp(options: RunOptions, known: string[], executed: string[]): string[] {
    const { names, to, from } = this.#runOptions(options);
    if (to === 0 || to === '0')
      this.refuse('"up" cannot go to 0. To revert every migration, go down to 0.');
    const one = (name: string | number): string =>
      this.oneOf(known, String(name), 'There is no migration');
    const meant = names?.map(one);
    const last = to === undefined ? undefined : one(to);
    const first = from === undefined ? undefined : one(from);
    const pending = pendingOf(known, executed);
    const plan = meant
      ? pending.filter(name => meant.includes(name))
      : pending.filter(name => (!first || name > first) && (!last || name <= last));
    this.#refuseLate(plan, executed);
    return plan;
  }

  #planDown(options: RunOptions, known: string[], executed: string[]): string[] {
    const { names, to, from } = this.#runOptions(options);
    if (from !== undefined)
      this.refuse('"down" starts at the last applied migration: it has no "from".');
    if (executed.length === 0) this.refuse('No migration is applied, so there is none to revert.');
    const one = (name: string | number): string =>
      this.oneOf(executed, String(name), 'There is no applied migration');
    const meant = names?.map(one);
    const newestFirst = executed.toReversed();
    const plan = meant
      ? newestFirst.filter(name => meant.includes(name))
      : to === undefined
        ? newestFirst.slice(0, 1)
        : to === 0 || to === '0'
          ? newestFirst
          : newestFirst.slice(0, newestFirst.indexOf(one(to)));
    const unknown = plan.filter(name => !known.includes(name));
    if (unknown.length > 0)
      this.refuse(
        `This version of Weaver does not have ${unknown.join(', ')}, so it cannot revert ` +
          'it: use the version that applied it.',
      );
    return plan;
  }

  #refuseLate(plan: readonly string[], executed: readonly string[]): void {
    const late = plan.filter(name => executed.some(other => other > name));
    if (late.length === 0) return;
    const message =
      `${late.join(', ')} ${late.length === 1 ? 'is' : 'are'} older than migrations that ` +
      'are applied already.';
    if (this.guards.allowOutOfOrder) this.guards.warn(message);
    else this.refuse(`${message} Nothing was changed. ${this.guards.hints.allowOutOfOrder}`);
  }

  async #refuseEdited(): Promise<void> {
    const edited = await this.edited();
    if (edited.length === 0) return;
    const message =
      `${edited.join(', ')} ${edited.length === 1 ? 'was' : 'were'} edited after being ` +
      `applied: what ${edited.length === 1 ? 'it emits' : 'they emit'} is not what made ` +
      'this database.';
    if (!this.guards.acceptEdited)
      this.refuse(`${message} Nothing was changed. ${this.guards.hints.acceptEdited}`);
    this.guards.warn(message);
    for (const name of edited) await this.#log.storeHash(name);
  }

  async #refuseUnconfirmed({ removals }: RunPlan): Promise<void> {
    if (!removals.some(isLoss)) return;
    if (!this.guards.confirmed) this.refuse(`Nothing was changed. ${this.guards.hints.confirm}`);
  }

  async #warnOfGateways({ method, removals }: RunPlan): Promise<void> {
    if (
      (method === 'up' && removals.length === 0) ||
      !(this.driver.getConnection() instanceof PostgreSqlConnection)
    )
      return;
    const sessions = await gatewaySessions(this.driver.getConnection());
    if (sessions === 0) return;
    this.guards.warn(
      `Gateways or other commands of Weaver use this database (${sessions} ` +
        `session${sessions === 1 ? '' : 's'}): what this run takes away, they can no ` +
        'longer use.',
    );
  }

  get #log(): MigrationLog {
    return this.storage as unknown as MigrationLog;
  }

  async #emitted(names: readonly string[]): Promise<Map<string, EmittedSql>> {
    const emitted = new Map<string, EmittedSql>();
    const files = migrationFiles();
    for (const name of names) emitted.set(name, await emittedSql(files.get(name)!));
    return emitted;
  }

  #runOptions(options: RunOptions): {
    names?: string[];
    to?: string | number;
    from?: string | number;
  } {
    if (typeof options === 'string' || Array.isArray(options)) return { names: [options].flat() };
    const { migrations, to, from, schema } = options ?? {};
    if (schema !== undefined)
      this.refuse("Weaver's tables live in one schema: there is no --schema.");
    return {
      ...(migrations && { names: migrations }),
      ...(to !== undefined && { to }),
      ...(from !== undefined && { from }),
    };
  }
}

export type RunOptions =
  string | string[] | (MigrateOptions & { transaction?: Transaction }) | undefined;

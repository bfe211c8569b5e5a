import { pathToFileURL } from 'node:url';
import type { MigrateOptions, MigrationInfo, MikroORM } from '@mikro-orm/core';
import { Migrator as UnguardedMigrator, type Migration } from '@mikro-orm/migrations';
import { PostgreSqlConnection, type SqlEntityManager } from '@mikro-orm/postgresql';
import { StartupError } from '../base/startup-error.js';

/** Key of the advisory lock that whoever migrates holds for as long as it does. */
const MIGRATION_LOCK = 20_261_123;

/**
 * MikroORM's migrator with what it lacks. It reverts everything when `down --to` is mistyped, applies everything when `up --to` is,
 * and runs a migration twice when two processes start at once: names are checked here against what exists, and one process migrates
 * at a time.
 *
 * The class must be called `Migrator`: MikroORM puts its own beside an extension of any other name, and its command line uses that.
 */
export class Migrator extends UnguardedMigrator {
  static override register(orm: MikroORM): void {
    orm.config.registerExtension('@mikro-orm/migrator', () => new this(orm.em as unknown as SqlEntityManager));
  }

  override async logMigration(name: string): Promise<void> {
    await this.#alone(async () => {
      const { known, executed } = await this.#names();
      const meant = this.#oneOf(known, name, 'There is no migration');
      if (executed.includes(meant)) this.refuse(`${meant} is applied already.`);
      await super.logMigration(meant);
    });
  }

  override async unlogMigration(name: string): Promise<void> {
    await this.#alone(async () => {
      const { executed } = await this.#names();
      await super.unlogMigration(this.#oneOf(executed, name, 'There is no applied migration'));
    });
  }

  /** What reverting the last applied migration would run; undefined where nothing is applied. Nothing is changed. */
  async lastRevert(): Promise<{ name: string; statements: string[] } | undefined> {
    const { known, executed } = await this.#names();
    const name = executed.at(-1);
    if (name === undefined) return undefined;
    this.#refuseUnknownToThisVersion([name], known);
    const file = (await this.discoverMigrations()).find(migration => migration.name === name)!;
    const module = (await import(pathToFileURL(file.path!).href)) as Record<string, new (...parts: unknown[]) => Migration>;
    const migration = new (Object.values(module)[0]!)(this.driver, this.config);
    let statements: string[] = [];
    await this.driver.getConnection().transactional(async transaction => {
      migration.setTransactionContext(transaction);
      await migration.down();
      statements = migration.getQueries().map(String);
      // A migration may run statements of its own beside those that it hands over.
      throw ROLL_BACK;
    }).catch(error => {
      if (error !== ROLL_BACK) throw error;
    });
    return { name, statements };
  }

  protected override async runMigrations(method: 'up' | 'down', options?: string | string[] | MigrateOptions): Promise<MigrationInfo[]> {
    return this.#alone(async () => {
      const { known, executed } = await this.#names();
      const checked = method === 'up' ? this.#checkUp(options, known, executed) : this.#checkDown(options, known, executed);
      return super.runMigrations(method, checked);
    });
  }

  /** Ends the run for a reason that its user can mend. The command line of MikroORM overrides it, to show the message alone. */
  protected refuse(message: string): never {
    throw new StartupError(message);
  }

  #checkUp(options: RunOptions, known: string[], executed: string[]): RunOptions {
    const { names, to, from, rest } = asked(options);
    if (to === 0 || to === '0') this.refuse('"up" cannot go to 0. To revert every migration, go down to 0.');
    const one = (name: string): string => this.#oneOf(known, name, 'There is no migration');
    const late = known.filter(name => !executed.includes(name) && executed.some(other => other > name));
    if (late.length > 0) {
      const message = `${late.join(', ')} ${late.length === 1 ? 'is' : 'are'} older than migrations that are applied already: check that the order does not matter.`;
      this.config.getLogger().warn('migrator', message, { enabled: true });
    }
    return { ...rest, ...(names && { migrations: names.map(one) }), ...(to !== undefined && { to: one(String(to)) }), ...(from !== undefined && { from: one(String(from)) }) };
  }

  #checkDown(options: RunOptions, known: string[], executed: string[]): RunOptions {
    const { names, to, from, rest } = asked(options);
    if (from !== undefined) this.refuse('"down" starts at the last applied migration: it has no "from".');
    if (executed.length === 0) this.refuse('No migration is applied, so there is none to revert.');
    const one = (name: string): string => this.#oneOf(executed, name, 'There is no applied migration');
    const all = to === 0 || to === '0';
    const target = to === undefined || all ? undefined : one(String(to));
    const meant = names?.map(one);
    const reverted = meant ?? (all ? executed : target ? executed.slice(executed.indexOf(target) + 1) : executed.slice(-1));
    this.#refuseUnknownToThisVersion(reverted, known);
    return { ...rest, ...(meant && { migrations: meant }), ...(all ? { to: 0 } : target && { to: target }) };
  }

  #refuseUnknownToThisVersion(names: readonly string[], known: readonly string[]): void {
    const unknown = names.filter(name => !known.includes(name));
    if (unknown.length > 0) this.refuse(`This version of Weaver does not have ${unknown.join(', ')}, so it cannot revert it: use the version that applied it.`);
  }

  /** The one name that is meant: in full, or by its timestamp. */
  #oneOf(names: readonly string[], given: string, otherwise: string): string {
    const bare = given.replace(/\.[jt]s$/, '');
    const matches = names.filter(name => name === bare || name.startsWith(`Migration${bare}_`));
    if (matches.length === 1) return matches[0]!;
    return this.refuse(`${otherwise} ${given}. ${names.length === 0 ? 'There is none at all.' : `There ${names.length === 1 ? 'is' : 'are'}: ${names.join(', ')}.`}`);
  }

  async #names(): Promise<{ known: string[]; executed: string[] }> {
    await this.init();
    return { known: (await this.discoverMigrations()).map(migration => migration.name), executed: await this.storage.executed() };
  }

  /** Runs `work` while no other process migrates this database. The embedded one has a single process anyway. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const connection = this.driver.getConnection();
    if (!(connection instanceof PostgreSqlConnection)) return work();
    await connection.ensureConnection();
    const client = await (await connection.getNativeClient()).connect();
    try {
      const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [MIGRATION_LOCK]);
      if (!rows[0]!.taken) {
        this.config.getLogger().warn('migrator', 'Another process is migrating this database: waiting for it.', { enabled: true });
        await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
      }
      return await work();
    } finally {
      // The lock ends with the session.
      client.release(true);
    }
  }
}

type RunOptions = string | string[] | MigrateOptions | undefined;

const ROLL_BACK = new Error('Nothing is kept of a preview.');

function asked(options: RunOptions): { names?: string[]; to?: string | number; from?: string | number; rest: MigrateOptions } {
  if (typeof options === 'string' || Array.isArray(options)) return { names: [options].flat(), rest: {} };
  const { migrations, to, from, ...rest } = options ?? {};
  return { ...(migrations && { names: migrations }), ...(to !== undefined && { to }), ...(from !== undefined && { from }), rest };
}

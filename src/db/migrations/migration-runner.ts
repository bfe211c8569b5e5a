import type { Transaction } from '@mikro-orm/core';
import { MigrationRunner as UnguardedRunner, type Migration } from '@mikro-orm/migrations';
import { isDatabaseUnreachable } from '../database-errors.js';
import { firstLine, MigrationFailure } from './migration-failure.js';

const LOST = 'The connection was lost: the server rolls back what was not committed.';
const LOST_OUTSIDE = 'The connection was lost, outside a transaction: the server may still finish this statement, or leave an invalid index. See "npx weaver db doctor", then run it again.';

type AfterRun = (transaction?: Transaction) => Promise<void>;

/**
 * Runs a migration statement by statement, so that a failure can say which one it was. Outside a transaction it takes away the indexes
 * that a failed `create index concurrently` leaves behind: invalid, unused by queries, and paid for by every write.
 */
export class MigrationRunner extends UnguardedRunner {
  /** Set while all of a run is one transaction. */
  #around: Transaction | undefined;

  override setMasterMigration(transaction: Transaction): void {
    super.setMasterMigration(transaction);
    this.#around = transaction;
  }

  override unsetMasterMigration(): void {
    super.unsetMasterMigration();
    this.#around = undefined;
  }

  override async run(migration: Migration, method: 'up' | 'down', afterRun?: AfterRun): Promise<void> {
    migration.reset();
    if (!migration.isTransactional() && !this.#around) return this.#runOutside(migration, method, afterRun);
    await this.driver.getConnection().transactional(
      async transaction => {
        migration.setTransactionContext(transaction);
        await migration[method]();
        const statements = migration.getQueries();
        for (const [index, sql] of statements.entries()) {
          await this.driver.execute(this.#around ? notConcurrently(sql) : sql, undefined, 'all', transaction).catch(error => {
            if (isDatabaseUnreachable(error)) throw new MigrationFailure(whichOne(migration, method, index, statements), error, LOST);
            const left = this.#around ? 'Nothing of this run was kept: the database is as it was before.' : 'It was rolled back.';
            throw new MigrationFailure(whichOne(migration, method, index, statements), error, left);
          });
        }
        await afterRun?.(transaction);
      },
      { ctx: this.#around },
    );
  }

  async #runOutside(migration: Migration, method: 'up' | 'down', afterRun?: AfterRun): Promise<void> {
    await migration[method]();
    const statements = migration.getQueries();
    const before = await this.#invalidIndexes();
    for (const [index, sql] of statements.entries()) {
      await this.driver.execute(sql).catch(async error => {
        if (isDatabaseUnreachable(error)) throw new MigrationFailure(whichOne(migration, method, index, statements), error, LOST_OUTSIDE);
        const kept = index === 0 ? '' : ` It runs outside a transaction, so the ${index === 1 ? 'statement' : `${index} statements`} before this one cannot be undone: mend the cause and run it again, or undo by hand.`;
        const left = `${await this.#dropInvalidIndexes(before)}${kept}`.trim() || 'The database is as it was before this migration.';
        throw new MigrationFailure(whichOne(migration, method, index, statements), error, left);
      });
    }
    await afterRun?.();
  }

  async #invalidIndexes(): Promise<string[]> {
    const rows = await this.driver.execute<{ name: string }[]>(
      `select format('%I.%I', n.nspname, c.relname) as name from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
        where not i.indisvalid and n.nspname = current_schema()`,
    );
    return rows.map(row => row.name);
  }

  async #dropInvalidIndexes(before: readonly string[]): Promise<string> {
    const left = (await this.#invalidIndexes().catch(() => [])).filter(name => !before.includes(name));
    const told: string[] = [];
    for (const name of left) {
      // Not concurrently: nobody uses an invalid index, and a build that failed may have been stopped by what the other way waits for.
      await this.driver.execute(`drop index if exists ${name}`).then(
        () => told.push(`The invalid index ${name} that it left behind was dropped: the database is as it was before this statement.`),
        () => told.push(`It left the invalid index ${name} behind. Run: drop index concurrently ${name}.`),
      );
    }
    return told.join(' ');
  }
}

/** Within a transaction around all nobody else uses the tables, and a concurrent build would wait for that very transaction. */
function notConcurrently<Sql>(sql: Sql): Sql | string {
  return typeof sql === 'string' ? sql.replace(/^(\s*(?:create(?: unique)? index|drop index|reindex \w+)) concurrently\b/i, '$1') : sql;
}

function whichOne(migration: Migration, method: 'up' | 'down', index: number, statements: readonly unknown[]): string {
  const name = migration.name ?? migration.constructor.name;
  const doing = method === 'up' ? '' : 'Reverting ';
  return `${doing}${name} failed at statement ${index + 1} of ${statements.length} (${firstLine(String(statements[index]))})`;
}

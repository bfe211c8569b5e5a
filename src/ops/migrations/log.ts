import type { Transaction } from '@mikro-orm/core';
import { MigrationStorage } from '@mikro-orm/migrations';

export const LOG_TABLE = 'mikro_orm_migrations';

/**
 * Column of the log for the digest of what a migration emitted when it was applied
 * (`emitted-sql.ts`). Null: applied by somebody else.
 */
export const HASH_COLUMN = 'sql_hash';

/**
 * The log as MikroORM makes it, with our column: for scripts that run without MikroORM. May be run
 * again.
 */
export const CREATE_LOG = [
  `create table if not exists "${LOG_TABLE}" ("id" serial primary key, "name" ` +
    'varchar(255) not null, "executed_at" timestamptz(6) not null default ' +
    'current_timestamp(6))',
  `alter table "${LOG_TABLE}" add column if not exists "${HASH_COLUMN}" text`,
];

/**
 * MikroORM's log of what is applied, with a digest beside each name, so that a migration that was
 * edited afterwards is noticed.
 */
export class MigrationLog extends MigrationStorage {
  #hasColumn = false;
  /** Set while all of a run is one transaction: nobody else sees the table that it makes. */
  #around: Transaction | undefined;
  /** The digest of the migration of a name. */
  hashOf: (name: string) => Promise<string | undefined> = async () => undefined;

  override setMasterMigration(transaction: Transaction): void {
    super.setMasterMigration(transaction);
    this.#around = transaction;
  }

  override unsetMasterMigration(): void {
    super.unsetMasterMigration();
    this.#around = undefined;
  }

  override async ensureTable(): Promise<void> {
    await super.ensureTable();
    if (this.#hasColumn) return;
    const run = (sql: string): Promise<unknown[]> =>
      this.driver.execute(sql, [], 'all', this.#around);
    const [column] = await run(
      `select from pg_attribute where attrelid = to_regclass('${LOG_TABLE}') ` +
        `and attname = '${HASH_COLUMN}' and not attisdropped`,
    );
    if (!column)
      await run(`alter table "${LOG_TABLE}" add column if not exists "${HASH_COLUMN}" text`);
    this.#hasColumn = true;
  }

  override async logMigration(params: { name: string }, transaction?: Transaction): Promise<void> {
    await super.logMigration(params, transaction);
    await this.rememberHash(this.getMigrationName(params.name), transaction);
  }

  async rememberHash(name: string, transaction?: Transaction): Promise<void> {
    await this.driver.execute(
      `update "${LOG_TABLE}" set "${HASH_COLUMN}" = ? where name = ?`,
      [(await this.hashOf(name)) ?? null, name],
      'run',
      transaction,
    );
  }

  /** The stored digests by name. */
  async hashes(): Promise<Map<string, string | null>> {
    await this.ensureTable();
    const rows = await this.driver.execute<{ name: string; hash: string | null }[]>(
      `select name, "${HASH_COLUMN}" as hash from "${LOG_TABLE}"`,
    );
    return new Map(rows.map(row => [this.getMigrationName(row.name), row.hash]));
  }
}

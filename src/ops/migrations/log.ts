import type { Transaction } from '@mikro-orm/core';
import { MigrationStorage } from '@mikro-orm/migrations';
import { migrationFiles, sqlHash } from './emitted-sql.js';

export const LOG_TABLE = 'mikro_orm_migrations';

/**
 * Column of the log for the digest of what a migration emitted when it was applied
 * (`emitted-sql.ts`). Null: applied by somebody else.
 */
export const HASH_COLUMN = 'sql_hash';

/** A row of the log. */
export interface LoggedMigration {
  readonly name: string;
  readonly hash: string | null;
}

const ADD_HASH_COLUMN = `alter table "${LOG_TABLE}" add column if not exists "${HASH_COLUMN}" text`;

/**
 * The log as MikroORM makes it, with our column: for scripts that run without MikroORM. May be run
 * again.
 */
export const CREATE_LOG = [
  `create table if not exists "${LOG_TABLE}" ("id" serial primary key, "name" ` +
    'varchar(255) not null, "executed_at" timestamptz(6) not null default ' +
    'current_timestamp(6))',
  ADD_HASH_COLUMN,
];

/**
 * MikroORM's log of what is applied, with a digest beside each name, so that a migration that was
 * edited afterwards is noticed.
 */
export class MigrationLog extends MigrationStorage {
  #hasColumn = false;
  /** Set while all of a run is one transaction: nobody else sees the table that it makes. */
  #transaction: Transaction | undefined;

  override setMasterMigration(transaction: Transaction): void {
    super.setMasterMigration(transaction);
    this.#transaction = transaction;
  }

  override unsetMasterMigration(): void {
    super.unsetMasterMigration();
    this.#transaction = undefined;
  }

  override async ensureTable(): Promise<void> {
    await super.ensureTable();
    if (this.#hasColumn) return;
    const run = (sql: string): Promise<unknown[]> =>
      this.driver.execute(sql, [], 'all', this.#transaction);
    const [column] = await run(
      `select from pg_attribute where attrelid = to_regclass('${LOG_TABLE}') ` +
        `and attname = '${HASH_COLUMN}' and not attisdropped`,
    );
    if (!column) await run(ADD_HASH_COLUMN);
    this.#hasColumn = true;
  }

  override async logMigration(params: { name: string }, transaction?: Transaction): Promise<void> {
    await super.logMigration(params, transaction);
    await this.storeHash(this.getMigrationName(params.name), transaction);
  }

  async storeHash(name: string, transaction?: Transaction): Promise<void> {
    const file = migrationFiles().get(name);
    await this.driver.execute(
      `update "${LOG_TABLE}" set "${HASH_COLUMN}" = ? where name = ?`,
      [(file && (await sqlHash(file))) ?? null, name],
      'run',
      transaction,
    );
  }

  /** The applied migrations with their stored digests. */
  async logged(): Promise<LoggedMigration[]> {
    await this.ensureTable();
    const rows = await this.driver.execute<LoggedMigration[]>(
      `select name, "${HASH_COLUMN}" as hash from "${LOG_TABLE}"`,
    );
    return rows.map(({ name, hash }) => ({ name: this.getMigrationName(name), hash }));
  }
}

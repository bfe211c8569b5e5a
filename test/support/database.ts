import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { inject } from 'vitest';
import type { DatabaseConfig } from '../../src/config.js';
import { Database } from '../../src/db/database.js';
import { IN_MEMORY } from '../../src/db/open/database-options.js';
import { ENTITIES } from '../../src/entities.js';
import type { Pooler } from './pooler.js';
import { databaseUrl } from './template-database.js';
import { postgresAt } from './postgres-at.js';

export interface TestDatabase {
  readonly database: Database;
  /** Of a PostgreSQL database: how its superuser and the gateway's login reach it. */
  readonly urls: { readonly admin: string; readonly login: string } | undefined;
  /**
   * Runs SQL as the superuser, whom no policy holds. For looking behind the walls, never for the
   * code under test.
   */
  asSuperuser<R = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

export interface TestDatabaseOptions {
  readonly poolSize?: number;
  readonly writesAtOnce?: number;
  /** The gateway's login reaches the database through it. */
  readonly pooler?: Pooler;
  /** Of a PostgreSQL database: what new connections begin with, by setting. */
  readonly settings?: Record<string, string>;
}

let clones = 0;

/**
 * A migrated database of the test's own, empty. On PostgreSQL opened by a login that owns nothing
 * and inherits nothing.
 */
export async function openTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const template = inject('template');
  if (template.kind === 'embedded') {
    const image = new Blob([readFileSync(template.imageFile)]);
    const database = await Database.open(
      { kind: 'embedded', dataDir: IN_MEMORY },
      ENTITIES,
      'serve',
      image,
    );
    return {
      database,
      urls: undefined,
      asSuperuser: (sql, parameters = []) =>
        database.orm.em
          .getDriver()
          .getConnection()
          .execute(sql, parameters as never),
      close: () => database.close(),
    };
  }
  const name = `weaver_test_${process.pid}_${Date.now().toString(36)}_${clones++}`;
  const maintenance = new Client({ connectionString: template.adminUrl });
  await maintenance.connect();
  await maintenance.query(`create database ${name} template ${template.database}`);
  for (const [setting, value] of Object.entries(options.settings ?? {}))
    await maintenance.query(`alter database ${name} set ${setting} = '${value}'`);
  const adminUrl = databaseUrl(template.adminUrl, name);
  const directUrl = databaseUrl(template.adminUrl, name, {
    user: template.login,
    password: template.password,
  });
  const loginUrl = options.pooler?.urlOf(directUrl) ?? directUrl;
  const config: DatabaseConfig = postgresAt(loginUrl, {
    ownerUrl: adminUrl,
    pooler: options.pooler ? 'transaction' : 'none',
    poolSize: options.poolSize ?? 5,
    writesAtOnce: options.writesAtOnce,
  });
  const database = await Database.open(config, ENTITIES);
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  return {
    database,
    urls: { admin: adminUrl, login: loginUrl },
    asSuperuser: async (sql, parameters = []) =>
      (await admin.query(numbered(sql), parameters)).rows as never,
    async close() {
      await database.close();
      await admin.end();
      await maintenance.query(`drop database if exists ${name} with (force)`);
      await maintenance.end();
    },
  };
}

/** MikroORM's `?` placeholders as PostgreSQL's. */
function numbered(sql: string): string {
  let position = 0;
  return sql.replace(/\?/g, () => `$${++position}`);
}

import type { Client } from 'pg';
import { Database } from '../../src/db/database.js';
import { applyMigrations } from '../../src/db/migrations.js';
import { ENTITIES } from '../../src/entities.js';

/** Another database of a server, and another user of it. */
export function urlOf(serverUrl: string, database: string, user?: string, password?: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  if (user !== undefined && password !== undefined) Object.assign(url, { username: user, password });
  return url.href;
}

export async function migrate(adminUrl: string): Promise<void> {
  const database = await Database.open({ kind: 'postgres', url: adminUrl, migrationUrl: adminUrl, pooler: 'none', poolSize: 1 }, ENTITIES, 'migrate');
  await applyMigrations(database).finally(() => database.close());
}

/** Makes the login, or gives it a new password: NOINHERIT, a member of both roles, owner of nothing. */
export async function makeLogin(admin: Client, login: string, password: string): Promise<void> {
  const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [login]);
  await admin.query(`${rowCount ? 'alter' : 'create'} role ${login} login noinherit password '${password}'`);
  await admin.query(`grant weaver_tenant, weaver_operator to ${login}`);
}

/** A database's comment, where it begins with `mark`; undefined where there is no such database. Throws where it is not the bench's. */
export async function commentOf(admin: Client, database: string, mark: string): Promise<string | undefined> {
  const { rows } = await admin.query<{ comment: string | null }>(`select shobj_description(oid, 'pg_database') as comment from pg_database where datname = $1`, [database]);
  const [row] = rows;
  if (row && !row.comment?.startsWith(mark)) throw new Error(`There is a database ${database} that was not made by this bench. Rename or drop it.`);
  return row?.comment ?? undefined;
}

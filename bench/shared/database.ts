import { Client } from 'pg';
import { newKey } from '../../src/api-keys/key-format.js';
import { Database } from '../../src/db/database.js';
import { applyMigrations } from '../../src/ops/migrations/run.js';
import { migrationState } from '../../src/ops/migrations/state.js';
import { ENTITIES } from '../../src/entities.js';
import { postgresAt } from '../../test/support/postgres-at.js';

/** Another database of a server, and another user of it. */
export function urlOf(
  serverUrl: string,
  database: string,
  user?: string,
  password?: string,
): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  if (user !== undefined && password !== undefined)
    Object.assign(url, { username: user, password });
  return url.href;
}

export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export async function migrate(adminUrl: string): Promise<void> {
  const database = await openAsOwner(adminUrl);
  await applyMigrations(database).finally(() => database.close());
}

export async function isMigrated(adminUrl: string): Promise<boolean> {
  const database = await openAsOwner(adminUrl);
  const { pending } = await migrationState(database).finally(() => database.close());
  return pending.length === 0;
}

function openAsOwner(adminUrl: string): Promise<Database> {
  return Database.open(postgresAt(adminUrl, { poolSize: 1 }), ENTITIES, 'migrate');
}

/** A new key for each of the tenants, in place of all that were there: secrets are not stored. */
export async function newKeys(
  client: Client,
  tenantIds: readonly string[],
  scopes: readonly string[] = ['read', 'search'],
): Promise<Map<string, string>> {
  await client.query('delete from api_keys');
  const keys = tenantIds.map(id => ({ id, ...newKey() }));
  await client.query(
    `insert into api_keys (tenant_id, name, key_prefix, key_hash, scopes, rate_limit_rpm)
     select id, 'Bench', prefix, hash, $2, 2000000000
       from json_to_recordset($1) k(id uuid, prefix text, hash text)`,
    [JSON.stringify(keys.map(({ id, prefix, hash }) => ({ id, prefix, hash }))), scopes],
  );
  await client.query('vacuum (analyze) api_keys');
  return new Map(keys.map(({ id, secret }) => [id, secret]));
}

/**
 * Makes the login, or gives it a new password: NOINHERIT, a member of both roles, owner of nothing.
 */
export async function makeLogin(admin: Client, login: string, password: string): Promise<void> {
  const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [login]);
  await admin.query(
    `${rowCount ? 'alter' : 'create'} role ${login} login noinherit password '${password}'`,
  );
  await admin.query(`grant weaver_tenant, weaver_operator to ${login}`);
}

/**
 * A database's comment, where it begins with `mark`; undefined where there is no such database.
 * Throws where it is not the bench's.
 */
export async function commentOf(
  admin: Client,
  database: string,
  mark: string,
): Promise<string | undefined> {
  const { rows } = await admin.query<{ comment: string | null }>(
    `select shobj_description(oid, 'pg_database') as comment from pg_database where datname = $1`,
    [database],
  );
  const [row] = rows;
  if (row && !row.comment?.startsWith(mark))
    throw new Error(
      `There is a database ${database} that was not made by this bench. Rename or drop it.`,
    );
  return row?.comment ?? undefined;
}

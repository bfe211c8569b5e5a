import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { COMMAND_LINE } from '../auth/caller.js';
import type { Config } from '../config.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { runInWrite } from '../db/run-in-write.js';
import { createTenant as makeTenant } from '../tenants/tenant.service.js';
import { operatorDb } from '../writes/db.js';
import type { CommandIo } from './command-io.js';
import { findTenant } from './find-tenant.js';
import { mustExist, withReadyDatabase } from './open-database.js';

export interface NewTenantOptions {
  readonly plan: string;
}

/** A tenant with how much belongs to it. */
interface TenantRow {
  id: string;
  name: string;
  planTier: string;
  users: number;
  bots: number;
  documents: number;
  chunks: number;
  apiKeys: number;
  storageUsedBytes: number;
  createdAt: string;
}

/** Makes a tenant and writes its id, and nothing else, to standard output. */
export async function createTenant(
  config: Config,
  io: CommandIo,
  name: string,
  { plan }: NewTenantOptions,
): Promise<void> {
  mustExist(config.database);
  const { id } = await withReadyDatabase(config, database =>
    makeTenant(operatorDb(database), COMMAND_LINE, { name, planTier: plan }),
  );
  io.say(
    `The tenant "${name}" was created, with a bot. "npx weaver key create --tenant ${id} ` +
      '--name …" creates a key for it. Its id:',
  );
  io.out(id);
}

export async function listTenants(
  config: Config,
  io: CommandIo,
  { json }: { json?: boolean },
): Promise<void> {
  const tenants = await writeAsOperator(config, 'listTenants', em => rowsOf(em));
  if (tenants.length === 0)
    return io.say('There are no tenants. "npx weaver tenant create <name>" creates one.');
  if (!json) io.sayLines('id\tplan\tbots\tdocuments\tbytes\tcreated\tname');
  for (const tenant of tenants) {
    if (json) io.out(JSON.stringify(tenant));
    else
      io.out(
        tenant.id,
        tenant.planTier,
        String(tenant.bots),
        String(tenant.documents),
        String(tenant.storageUsedBytes),
        tenant.createdAt,
        tenant.name,
      );
  }
}

export async function showTenant(
  config: Config,
  io: CommandIo,
  tenantName: string,
  { json }: { json?: boolean },
): Promise<void> {
  const tenant = await writeAsOperator(
    config,
    'showTenant',
    async em => (await rowsOf(em, (await findTenant(em, tenantName)).id))[0]!,
  );
  if (json) return io.out(JSON.stringify(tenant));
  for (const [name, value] of Object.entries(tenant))
    io.out(`${LABELS[name as keyof TenantRow]}`.padEnd(12), String(value));
}

const LABELS: Readonly<Record<keyof TenantRow, string>> = {
  id: 'id',
  name: 'name',
  planTier: 'plan',
  users: 'users',
  bots: 'bots',
  documents: 'documents',
  chunks: 'chunks',
  apiKeys: 'keys',
  storageUsedBytes: 'bytes',
  createdAt: 'created',
};

function rowsOf(em: SqlEntityManager, id: string | null = null): Promise<TenantRow[]> {
  const count = (table: string): string =>
    `(select count(*)::int from ${table} c where c.tenant_id = t.id)`;
  return runInWrite<TenantRow>(
    em,
    `select id, name, plan_tier as "planTier", ${count('profiles')} as users,
            ${count('bots')} as bots, ${count('docs')} as documents,
            ${count('doc_chunks')} as chunks, ${count('api_keys')} as "apiKeys",
            storage_used_bytes::float8 as "storageUsedBytes",
            to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "createdAt"
       from tenants t
      where $1::uuid is null or id = $1::uuid
      order by created_at, id`,
    [id],
  );
}

function writeAsOperator<T>(
  config: Config,
  name: string,
  work: (em: SqlEntityManager) => Promise<T>,
): Promise<T> {
  mustExist(config.database);
  return withReadyDatabase(config, database => database.write(name, OPERATOR_SCOPE, work));
}

import type { Database } from '../../db/database.js';
import { NOBODY_SCOPE, OPERATOR_SCOPE, tenantScope } from '../../db/database-scope.js';
import { fail, ok, warn, type Finding } from './finding.js';
import { walledTables, type WalledTable } from './walls.js';
import { TENANT_ROLE } from '../../db/roles.js';
import { statement } from '../../db/statement.js';

/** Rows of a table that one probe looks at, so that it costs the same on a large database. */
const PROBED_ROWS = 1_000;
const NOT_ALLOWED = '42501';

/**
 * Tries the walls as a forgetful programmer would: without a role, without a tenant, and as one
 * tenant looking for others.
 */
export async function probeWalls(database: Database, production: boolean): Promise<Finding[]> {
  const tables = walledTables(database);
  return [
    await withoutRole(database, tables, production),
    await withoutTenant(database, tables),
    await asTenants(database, tables),
  ];
}

async function withoutRole(
  database: Database,
  tables: readonly WalledTable[],
  production: boolean,
): Promise<Finding> {
  if (database.kind === 'embedded')
    return ok('The embedded database has a superuser only; every scope takes its role');
  const connection = database.orm.em.getDriver().getConnection();
  const open: string[] = [];
  for (const { table } of tables) {
    const seen = await connection
      .execute<{ seen: boolean }[]>(`select exists (select from ${table}) as seen`)
      .catch(error => {
        if ((error as { code?: string }).code === NOT_ALLOWED) return [{ seen: false }];
        throw error;
      });
    if (seen[0]!.seen) open.push(table);
  }
  if (open.length === 0) return ok('Without a role the login sees no row');
  const message = `Without a role the login sees rows of ${open.join(', ')}.`;
  const hint = 'Use a login made by "npx weaver db bootstrap --login <name>" in DATABASE_URL.';
  return production ? fail(message, hint) : warn(message, hint);
}

async function withoutTenant(database: Database, tables: readonly WalledTable[]): Promise<Finding> {
  for (const { table } of tables) {
    const [row] = await database
      .reads(NOBODY_SCOPE)
      .query<{ seen: boolean }>(
        statement('doctorWithoutTenant', `select exists (select from ${table}) as seen`),
        [],
      );
    if (row!.seen)
      return fail(
        `The role ${TENANT_ROLE} sees rows of ${table} while no tenant is named.`,
        'Correct the policies that are named above.',
      );
  }
  return ok(`The role ${TENANT_ROLE} sees no row while no tenant is named`);
}

async function asTenants(database: Database, tables: readonly WalledTable[]): Promise<Finding> {
  const tenants = await database
    .reads(OPERATOR_SCOPE)
    .query<{ id: string }>(
      statement('doctorTenants', 'select id from tenants order by created_at, id limit 2'),
      [],
    );
  if (tenants.length === 0) return ok('There is no tenant yet whose wall could be tried');
  for (const { id } of tenants) {
    for (const { table, tenantColumn } of tables) {
      const text =
        `select count(*)::int as seen, count(*) filter (where ${tenantColumn} <> ` +
        `$1::uuid)::int as foreign from (select ${tenantColumn} from ${table} ` +
        `limit ${PROBED_ROWS}) as probed`;
      const [row] = await database
        .reads(tenantScope(id))
        .query<{ seen: number; foreign: number }>(statement('doctorAsTenant', text), [id]);
      if (row!.foreign > 0)
        return fail(
          `The role ${TENANT_ROLE} sees other tenants' rows of ${table}.`,
          'Correct the policies that are named above.',
        );
      if (table === 'tenants' && row!.seen !== 1)
        return fail(
          `The role ${TENANT_ROLE} does not see its own tenant.`,
          'Correct the policies that are named above.',
        );
    }
  }
  return ok(`The role ${TENANT_ROLE} sees its own tenant's rows only`);
}

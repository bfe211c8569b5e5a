import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { StartupError } from '../base/startup-error.js';
import { Tenant } from '../tenants/tenant.entity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Tenants that a message names. */
const MAX_LISTED = 5;
const NO_TENANTS =
  'There are no tenants yet. Create one with "npx weaver tenant create <name>", or the ' +
  'demo tenants with "npx weaver demo".';

/**
 * The tenant with this id or this exact name, as the operator finds it. Throws a `StartupError`
 * where there is none, or more than one.
 */
export async function findTenant(em: SqlEntityManager, idOrName: string): Promise<Tenant> {
  const where = UUID.test(idOrName)
    ? { $or: [{ id: idOrName }, { name: idOrName }] }
    : { name: idOrName };
  const found = await em.find(Tenant, where, {
    orderBy: { createdAt: 'asc' },
    limit: MAX_LISTED + 1,
  });
  if (found.length > 1) {
    const count = found.length > MAX_LISTED ? `More than ${MAX_LISTED}` : found.length;
    throw new StartupError(
      `${count} tenants are called ${idOrName}. Give the id of one: ${found
        .slice(0, MAX_LISTED)
        .map(tenant => tenant.id)
        .join(', ')}.`,
    );
  }
  const [tenant] = found;
  if (tenant) return tenant;
  const examples = await em.find(Tenant, {}, { orderBy: { name: 'asc' }, limit: MAX_LISTED });
  const hint =
    examples.length > 0
      ? `There is, for example, ${examples.map(example => `"${example.name}"`).join(', ')}.`
      : NO_TENANTS;
  throw new StartupError(`No tenant has the id or the exact name ${idOrName}. ${hint}`);
}

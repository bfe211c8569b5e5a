import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { StartupError } from '../base/startup-error.js';
import { Tenant } from '../tenants/tenant.entity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Tenants that a message names. */
const NAMED = 5;
const NONE_YET =
  'There is no tenant at all yet: make one with "npx weaver tenant create <name>", or ' +
  'the demo tenants with "npx weaver demo".';

/**
 * The tenant with this id or this exact name, as the operator finds it. Throws a `StartupError`
 * where there is none, or more than one.
 */
export async function namedTenant(em: SqlEntityManager, wanted: string): Promise<Tenant> {
  const where = UUID.test(wanted) ? { $or: [{ id: wanted }, { name: wanted }] } : { name: wanted };
  const found = await em.find(Tenant, where, { orderBy: { createdAt: 'asc' }, limit: NAMED + 1 });
  if (found.length > 1) {
    const count = found.length > NAMED ? `More than ${NAMED}` : found.length;
    throw new StartupError(
      `${count} tenants are called ${wanted}. Give the id of one: ${found
        .slice(0, NAMED)
        .map(one => one.id)
        .join(', ')}.`,
    );
  }
  const [one] = found;
  if (one) return one;
  const some = await em.find(Tenant, {}, { orderBy: { name: 'asc' }, limit: NAMED });
  const hint =
    some.length > 0
      ? `There is, for example, ${some.map(other => `"${other.name}"`).join(', ')}.`
      : NONE_YET;
  throw new StartupError(`No tenant has the id or the exact name ${wanted}. ${hint}`);
}

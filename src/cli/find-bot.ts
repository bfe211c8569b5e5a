import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { StartupError } from '../base/startup-error.js';
import { Bot } from '../bots/bot.entity.js';
import type { Tenant } from '../tenants/tenant.entity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Bots that a message names. */
const MAX_LISTED = 5;

/**
 * The bot of a tenant with this id or this exact name, as the operator finds it. Throws a
 * `StartupError` where there is none, or more than one.
 */
export async function findBot(
  em: SqlEntityManager,
  tenant: Pick<Tenant, 'id' | 'name'>,
  idOrName: string,
): Promise<Bot> {
  const found = await em.find(
    Bot,
    {
      tenant: tenant.id,
      ...(UUID.test(idOrName)
        ? { $or: [{ id: idOrName }, { name: idOrName }] }
        : { name: idOrName }),
    },
    { orderBy: { createdAt: 'asc' }, limit: MAX_LISTED + 1 },
  );
  if (found.length > 1) {
    const count = found.length > MAX_LISTED ? `More than ${MAX_LISTED}` : found.length;
    throw new StartupError(
      `${count} bots of ${tenant.name} are called ${idOrName}. Give the id of one: ` +
        `${found
          .slice(0, MAX_LISTED)
          .map(({ id }) => id)
          .join(', ')}.`,
    );
  }
  const [bot] = found;
  if (bot) return bot;
  const examples = await em.find(
    Bot,
    { tenant: tenant.id },
    { orderBy: { name: 'asc' }, limit: MAX_LISTED },
  );
  const hint =
    examples.length > 0
      ? `It has, for example, ${examples.map(({ name }) => `"${name}"`).join(', ')}.`
      : 'It has no bots. Create one with the mutation createBot.';
  throw new StartupError(
    `No bot of ${tenant.name} has the id or the exact name ${idOrName}. ${hint}`,
  );
}

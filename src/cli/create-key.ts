import { ApiKey } from '../api-keys/api-key.entity.js';
import { newKey } from '../api-keys/key-format.js';
import type { ApiKeyScope } from '../auth/principal.js';
import { StartupError } from '../base/startup-error.js';
import type { Config } from '../config.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { Tenant } from '../tenants/tenant.entity.js';
import type { CommandIo } from './command-io.js';
import { mustExist, withReadyDatabase } from './open-database.js';

export interface NewKeyOptions {
  readonly tenant: string;
  readonly name: string;
  readonly scopes: string[];
  readonly rateLimit: number;
  readonly expires?: Date;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Tenants that a message names. */
const NAMED = 5;

/** Makes an API key and writes its secret, and nothing else, to standard output. */
export async function createKey(config: Config, io: CommandIo, { tenant: wanted, name, scopes, rateLimit, expires }: NewKeyOptions): Promise<void> {
  mustExist(config.database);
  const { secret, prefix, hash } = newKey();
  const tenant = await withReadyDatabase(config, database =>
    database.write('createKey', OPERATOR_SCOPE, async em => {
      const where = UUID.test(wanted) ? { $or: [{ id: wanted }, { name: wanted }] } : { name: wanted };
      const found = await em.find(Tenant, where, { orderBy: { createdAt: 'asc' }, limit: NAMED + 1 });
      if (found.length > 1) {
        const count = found.length > NAMED ? `More than ${NAMED}` : found.length;
        throw new StartupError(`${count} tenants are called ${wanted}. Give the id of one: ${found.slice(0, NAMED).map(one => one.id).join(', ')}.`);
      }
      const [one] = found;
      if (!one) {
        const some = await em.find(Tenant, {}, { orderBy: { name: 'asc' }, limit: NAMED });
        const hint = some.length > 0 ? `There is, for example, ${some.map(other => `"${other.name}"`).join(', ')}.` : 'There is no tenant at all yet.';
        throw new StartupError(`No tenant has the id or the exact name ${wanted}. ${hint}`);
      }
      em.create(ApiKey, { tenant: one, name, prefix, keyHash: hash, scopes: scopes as ApiKeyScope[], rateLimitRpm: rateLimit, expiresAt: expires?.toISOString() ?? null });
      return one.name;
    }),
  );
  const end = expires ? `until ${expires.toISOString()}` : 'without an end';
  io.say(`A key for ${tenant}, which may ${scopes.join(', ')} with ${rateLimit} requests a minute, ${end}. It is shown this once:`);
  io.out(secret);
}

import { createApiKey } from '../api-keys/api-key.service.js';
import { COMMAND_LINE } from '../auth/caller.js';
import type { ApiKeyScope } from '../auth/principal.js';
import type { Config } from '../config.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { operatorDb } from '../writes/db.js';
import type { CommandIo } from './command-io.js';
import { findTenant } from './find-tenant.js';
import { mustExist, withReadyDatabase } from './open-database.js';

export interface NewKeyOptions {
  readonly tenant: string;
  readonly name: string;
  readonly scopes: string[];
  readonly rateLimit: number;
  readonly expires?: Date;
}

/** Makes an API key and writes its secret, and nothing else, to standard output. */
export async function createKey(
  config: Config,
  io: CommandIo,
  { tenant: wanted, name, scopes, rateLimit, expires }: NewKeyOptions,
): Promise<void> {
  mustExist(config.database);
  const { tenant, secret } = await withReadyDatabase(config, async database => {
    const one = await database.write('createKey', OPERATOR_SCOPE, em => findTenant(em, wanted));
    const made = await createApiKey(operatorDb(database), COMMAND_LINE, {
      tenantId: one.id,
      name,
      scopes: scopes as ApiKeyScope[],
      rateLimitRpm: rateLimit,
      expiresAt: expires?.toISOString() ?? null,
    });
    return { tenant: one.name, secret: made.secret! };
  });
  const end = expires ? `until ${expires.toISOString()}` : 'without an end';
  io.say(
    `A key for ${tenant}, which may ${scopes.join(', ')} with ${rateLimit} requests a ` +
      `minute, ${end}. It is shown only once:`,
  );
  io.out(secret);
}

import { ApiKey } from '../api-keys/api-key.entity.js';
import { revokeApiKey, revokeFormerSecret, rotateApiKey } from '../api-keys/api-key.service.js';
import { COMMAND_LINE } from '../auth/caller.js';
import { StartupError } from '../base/startup-error.js';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { operatorDb } from '../writes/db.js';
import type { CommandIo } from './command-io.js';
import { findTenant } from './find-tenant.js';
import { mustExist, withReadyDatabase } from './open-database.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const HOUR_SECONDS = 3_600;

/**
 * Lists a tenant's keys, one a line: id, prefix, state, scopes, limit, last use, former secret and
 * name, with tabs between.
 */
export async function listKeys(
  config: Config,
  io: CommandIo,
  { tenant, json }: { tenant: string; json?: boolean },
): Promise<void> {
  const keys = await inDatabase(config, database =>
    database.write('listKeys', OPERATOR_SCOPE, async em =>
      em.find(
        ApiKey,
        { tenant: (await findTenant(em, tenant)).id },
        { orderBy: { createdAt: 'asc', id: 'asc' }, populate: ['previousPrefix'] },
      ),
    ),
  );
  if (keys.length === 0) return io.say('There are no keys.');
  if (!json)
    io.sayLines('id\tprefix\tstate\tscopes\trequests a minute\tlast used\tformer secret\tname');
  for (const key of keys) {
    const {
      id,
      name,
      prefix = null,
      scopes,
      rateLimitRpm,
      expiresAt = null,
      lastUsedAt = null,
      previousPrefix = null,
      previousExpiresAt = null,
      createdAt,
    } = key;
    const state = stateOf(key);
    const previousEnd = hasPreviousSecret(key)
      ? `${previousPrefix} until ${previousExpiresAt}`
      : '-';
    if (json)
      io.out(
        JSON.stringify({
          id,
          name,
          prefix,
          state,
          scopes,
          rateLimitRpm,
          expiresAt,
          lastUsedAt,
          previousPrefix,
          previousExpiresAt,
          createdAt,
        }),
      );
    else
      io.out(
        id,
        prefix ?? '-',
        state,
        scopes.join(',') || '-',
        String(rateLimitRpm),
        lastUsedAt ?? 'never',
        previousEnd,
        name,
      );
  }
}

export async function revokeKeyCommand(
  config: Config,
  io: CommandIo,
  keyName: string,
): Promise<void> {
  const lines = await inDatabase(config, async database => {
    const { key, isPrevious } = await findKey(database, keyName);
    if (isPrevious) {
      const input = { id: key.id, formerPrefix: keyName };
      await revokeFormerSecret(operatorDb(database), COMMAND_LINE, input);
      return (
        `The former secret ${keyName} of the key "${key.name}" is revoked: the next ` +
        'request with it is refused. The new secret continues to work; "npx weaver key ' +
        `revoke ${key.prefix}" revokes the key.`
      );
    }
    if (!key.revoked) await revokeApiKey(operatorDb(database), COMMAND_LINE, { id: key.id });
    return `The key "${key.name}" is revoked: the next request with it is refused.`;
  });
  io.say(lines);
}

/** Writes the new secret, and nothing else, to standard output. */
export async function rotateKeyCommand(
  config: Config,
  io: CommandIo,
  keyName: string,
  overlapHours: number,
): Promise<void> {
  const { name, secret } = await inDatabase(config, async database => {
    const { key } = await findKey(database, keyName);
    if (stateOf(key) !== 'active')
      throw new StartupError(`The key "${key.name}" is ${stateOf(key)}. Create a new one.`);
    if (key.prefix == null && overlapHours > 0)
      throw new StartupError(
        `The key "${key.name}" is from an older Weaver and has not been used since. ` +
          'Rotate it with --overlap 0.',
      );
    const made = await rotateApiKey(operatorDb(database), COMMAND_LINE, {
      id: key.id,
      overlapSeconds: overlapHours * HOUR_SECONDS,
    });
    return { name: key.name, secret: made.secret! };
  });
  const fate =
    overlapHours === 0
      ? 'is refused from now on'
      : `continues to work for ${overlapHours} hour${overlapHours === 1 ? '' : 's'}`;
  io.say(
    `A new secret for the key "${name}". The old one ${fate}. The new secret is shown only once:`,
  );
  io.out(secret);
}

function inDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  mustExist(config.database);
  return withReadyDatabase(config, work);
}

/**
 * The key with this id or prefix. `isPrevious`: it is the prefix of the secret from before the last
 * rotation, which goes on.
 */
function findKey(
  database: Database,
  keyName: string,
): Promise<{ key: ApiKey; isPrevious: boolean }> {
  return database.write('namedKey', OPERATOR_SCOPE, async em => {
    const key = await em.findOne(
      ApiKey,
      UUID.test(keyName) ? { id: keyName } : { prefix: keyName },
    );
    if (key) return { key, isPrevious: false };
    const rotated = await em.findOne(ApiKey, { previousPrefix: keyName });
    if (rotated && hasPreviousSecret(rotated)) return { key: rotated, isPrevious: true };
    throw new StartupError(
      'No key has this id or prefix. "npx weaver key list --tenant …" shows them.',
    );
  });
}

function hasPreviousSecret({ revoked, previousExpiresAt }: ApiKey): boolean {
  return !revoked && previousExpiresAt != null && Date.parse(previousExpiresAt) > Date.now();
}

function stateOf({ revoked, expiresAt }: ApiKey): 'active' | 'revoked' | 'expired' {
  if (revoked) return 'revoked';
  return expiresAt != null && Date.parse(expiresAt) <= Date.now() ? 'expired' : 'active';
}

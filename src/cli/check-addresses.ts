import type { DatabaseConfig } from '../config.js';
import { isSameAddress, serverName, type DatabaseAddress } from '../config/database-address.js';
import { databaseIdentity } from '../ops/database-identity.js';
import { Database } from '../db/database.js';
import { ENTITIES } from '../entities.js';
import { openingError } from './open-database.js';

/**
 * What is wrong with `WEAVER_MIGRATION_URL` beside `DATABASE_URL`, as a sentence, found by opening
 * the one that is not open yet. Undefined where both lead to one database, where only one is set,
 * or where a server does not tell which it is.
 */
export async function addressesProblem(
  config: DatabaseConfig,
  openDatabase: Database,
  purpose: 'serve' | 'migrate',
): Promise<string | undefined> {
  if (config.kind === 'embedded' || isSameAddress(config.ownerAddress, config.address))
    return undefined;
  const other = purpose === 'serve' ? 'migrate' : 'serve';
  let otherDatabase: Database;
  try {
    otherDatabase = await Database.open(config, ENTITIES, other);
  } catch (error) {
    // The gateway's login may be still to come when its database is migrated.
    if (other === 'serve') return undefined;
    return (openingError(error, config, other) as Error).message;
  }
  try {
    const [openIdentity, otherIdentity] = [
      await databaseIdentity(openDatabase),
      await databaseIdentity(otherDatabase),
    ];
    if (openIdentity === undefined || otherIdentity === undefined || openIdentity === otherIdentity)
      return undefined;
    return (
      'DATABASE_URL and WEAVER_MIGRATION_URL lead to two databases, ' +
      `${addressName(config.address)} and ${addressName(config.ownerAddress)}: the gateway ` +
      'would not see what is migrated.'
    );
  } finally {
    await otherDatabase.close();
  }
}

function addressName(address: DatabaseAddress): string {
  return `${address.database} of ${serverName(address)}`;
}

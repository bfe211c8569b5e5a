import type { Options } from '@mikro-orm/core';
import { StartupError } from '../base/startup-error.js';
import { ConfigError, readConfig, type DatabaseConfig } from '../config.js';
import { Database } from '../db/database.js';
import { databaseOptions } from '../db/database-options.js';
import { Migrator as GuardedMigrator } from '../db/migrator.js';
import { ENTITIES } from '../entities.js';
import { openingError } from './open-database.js';

/** The one command that wants a database which is not there. */
const CREATES_DATABASE = 'database:create';

/**
 * What the command line of MikroORM works with: whichever database the environment names, as the owner of its tables. A failure to open it
 * ends the process here, with one sentence: that command line would print its help and a stack instead.
 */
export async function mikroOrmOptions(env: NodeJS.ProcessEnv, argv: readonly string[]): Promise<Partial<Options>> {
  try {
    const { database } = readConfig(env);
    const { orm } = databaseOptions(database, 'migrate', ENTITIES);
    if (database.kind === 'embedded') orm.driverOptions = orDie(orm.driverOptions as () => object);
    else if (!argv.includes(CREATES_DATABASE)) await tryOpening(database);
    return {
      ...orm,
      extensions: [Migrator],
      migrations: { ...orm.migrations, silent: false },
      logger: line => void process.stdout.write(`${line}\n`),
      colors: process.stdout.isTTY === true,
    };
  } catch (error) {
    return die(error);
  }
}

async function tryOpening(config: DatabaseConfig): Promise<void> {
  const database = await Database.open(config, ENTITIES, 'migrate').catch(error => {
    throw openingError(error, config, 'migrate');
  });
  await database.close();
}

function orDie<T>(make: () => T): () => T {
  return () => {
    try {
      return make();
    } catch (error) {
      return die(error);
    }
  };
}

/** Named like its parent: MikroORM would put its own beside an extension of any other name. */
class Migrator extends GuardedMigrator {
  protected override refuse(message: string): never {
    return die(new StartupError(message));
  }
}

function die(error: unknown): never {
  if (!(error instanceof StartupError || error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

import type { MigrationInfo, Options } from '@mikro-orm/core';
import { escapeLine, escapeLines } from '../base/control-characters.js';
import { StartupError } from '../base/startup-error.js';
import { ConfigError, readConfig, type Config, type DatabaseConfig } from '../config.js';
import { Database } from '../db/database.js';
import { databaseOptions } from '../db/open/database-options.js';
import { SCRATCH } from '../ops/migrations/drift.js';
import { asMigrationFailure } from '../ops/migrations/failure.js';
import type { MigrationGuards } from '../ops/migrations/guards.js';
import { NamingStrategy } from '../ops/migrations/new-migration-name.js';
import { removalText } from '../ops/migrations/removals.js';
import { changeText } from '../ops/migrations/rows-of-owner.js';
import { registerGuardedGenerator } from '../ops/migrations/schema-generator.js';
import {
  MIGRATIONS,
  Migrator as GuardedMigrator,
  type RunOptions,
} from '../ops/migrations/migrator.js';
import { ENTITIES } from '../entities.js';
import { loadEnvFile } from './env-file.js';
import { Interrupted, untilInterrupted } from './interruption.js';
import { openingError } from './open-database.js';

/** The one command that wants a database which is not there. */
const CREATES_DATABASE = 'database:create';
/** Compares the entities with what the migrations make, in a database in memory. */
const CREATES_MIGRATION = 'migration:create';

/**
 * What the command line of MikroORM works with: whichever database the environment and the file
 * `.env` name, as the owner of its tables. A failure to open it ends the process here, with one
 * sentence: that command line would print its help and a stack instead.
 */
export async function mikroOrmOptions(
  env: NodeJS.ProcessEnv,
  argv: readonly string[],
): Promise<Partial<Options>> {
  try {
    loadEnvFile(env);
    const config = readConfig(env);
    const createsMigration = argv.includes(CREATES_MIGRATION);
    const database = createsMigration ? SCRATCH : config.database;
    const guards = guardsOf(config, env);
    const { orm } = await databaseOptions(database, 'migrate', ENTITIES).catch(error => {
      throw openingError(error, database, 'migrate');
    });
    if (database.kind === 'embedded') orm.driverOptions = orExit(orm.driverOptions as () => object);
    else if (!argv.includes(CREATES_DATABASE)) await tryOpening(database);
    return {
      ...orm,
      extensions: [migratorWith(guards), registerGuardedGenerator(guards, exitWithError)],
      migrations: { ...MIGRATIONS, silent: createsMigration },
      namingStrategy: NamingStrategy,
      logger: text => void process.stdout.write(`${escapeLines(text)}\n`),
    };
  } catch (error) {
    return exitWithError(error);
  }
}

async function tryOpening(config: DatabaseConfig): Promise<void> {
  const database = await Database.open(config, ENTITIES, 'migrate').catch(error => {
    throw openingError(error, config, 'migrate');
  });
  await database.close();
}

function orExit<T>(make: () => T): () => T {
  return () => {
    try {
      return make();
    } catch (error) {
      return exitWithError(error);
    }
  };
}

/** What the environment agrees to, for commands that take no option of ours. */
function guardsOf(
  { database, migrationLockMs, statementLockMs }: Config,
  env: NodeJS.ProcessEnv,
): MigrationGuards {
  const name = database.kind === 'embedded' ? database.dataDir : database.ownerAddress.database;
  const isSet = (variable: string): boolean => /^(1|true|yes)$/i.test(env[variable] ?? '');
  const print = (line: string): void => void process.stdout.write(`${escapeLine(line)}\n`);
  return {
    lockTimeoutMs: migrationLockMs,
    statementLockTimeoutMs: statementLockMs,
    allowOutOfOrder: isSet('WEAVER_ALLOW_OUT_OF_ORDER'),
    acceptEdited: isSet('WEAVER_ACCEPT_EDITED'),
    confirmed: env.WEAVER_CONFIRM === name,
    hints: {
      confirm: `Set WEAVER_CONFIRM=${name} for this one command to lose these rows.`,
      allowOutOfOrder:
        'Give it a later timestamp, or, where the order does not matter, set ' +
        'WEAVER_ALLOW_OUT_OF_ORDER=1 for this one command.',
      acceptEdited:
        'Undo the edit and put the change into a new migration, or, where the database ' +
        'is right as it is, set WEAVER_ACCEPT_EDITED=1 for this one command.',
      lockTimeout: 'Try again later, or set WEAVER_MIGRATION_LOCK_TIMEOUT to more seconds.',
      statementLockTimeout:
        'Let that session end, then run it again, or set WEAVER_STATEMENT_LOCK_TIMEOUT ' +
        'to more seconds.',
    },
    announce({ removals }) {
      for (const removal of removals) print(`[weaver] ${removalText(removal)}`);
    },
    changed: (migration, change) => print(`[weaver] ${migration} ${changeText(change)}.`),
    warn: line => void process.stderr.write(`${escapeLine(line)}\n`),
  };
}

function migratorWith(guards: MigrationGuards): typeof GuardedMigrator {
  /** Named like its parent: MikroORM would put its own beside an extension of any other name. */
  return class Migrator extends GuardedMigrator {
    override guards = guards;

    protected override refuse(message: string): never {
      const error = new StartupError(message);
      // What fails because it was interrupted is told as that.
      if (this.guards.signal?.aborted) throw error;
      return exitWithError(error);
    }

    protected override async runMigrations(
      method: 'up' | 'down',
      options?: RunOptions,
    ): Promise<MigrationInfo[]> {
      return untilInterrupted(
        'what was not committed is rolled back. "npx weaver db current" says where the database is',
        signal => {
          this.guards = { ...guards, signal };
          return super.runMigrations(method, options);
        },
      ).catch(error => exitWithError(asMigrationFailure(error)));
    }
  };
}

function exitWithError(error: unknown): never {
  if (!(error instanceof StartupError || error instanceof ConfigError)) throw error;
  process.stderr.write(
    `${error instanceof ConfigError ? escapeLines(error.message) : escapeLine(error.message)}\n`,
  );
  process.exit(error instanceof Interrupted ? error.exitCode : 1);
}

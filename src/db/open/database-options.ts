import { join } from 'node:path';
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin';
import { vector } from '@electric-sql/pglite-pgvector';
import type { Options } from '@mikro-orm/core';
import { ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';
import { PgliteDriver } from '@mikro-orm/pglite';
import type { ClientBase, Pool, TypeOverrides } from 'pg';
import { escapeLines } from '../../base/control-characters.js';
import { parseJsonExactly } from '../../base/json.js';
import { StartupError } from '../../base/startup-error.js';
import type { DatabaseConfig } from '../../config.js';
import { isSameAddress } from '../../config/database-address.js';
import { LEGACY_PREFIX } from '../legacy-names.js';
import { EmbeddedFolder } from './embedded-folder.js';
import { connectionOptions } from './connection-options.js';
import type { LockFile } from '../../base/lock-file.js';
import { lockDataFolder } from './data-folder-lock.js';
import { PostgreSqlDriver } from './postgres-driver.js';
import { useSchema } from '../weavers-schema.js';

/** `dataDir` of an embedded database that lives in memory and ends with the process. */
export const IN_MEMORY = 'memory://';

export type EntityClasses = NonNullable<Options['entities']>;

export interface DatabaseOptions {
  /** Ready for `MikroORM.init`. Whoever migrates brings the migrations. */
  orm: Partial<Options>;
  /** At the same time, at most. */
  connections: number;
  /** Frees the embedded database's folder for other processes; nothing for PostgreSQL. */
  release(): void;
}

/**
 * The one place that knows both databases. `purpose` chooses between the gateway's own login and
 * the schema's owner. The embedded database's folder is locked when its first connection opens,
 * whoever opens it. Throws a `StartupError` where the owner would have to migrate through a pooler
 * or a certificate cannot be read, and the network's error where a server has to be asked whether
 * it encrypts.
 */
export async function databaseOptions(
  config: DatabaseConfig,
  purpose: 'serve' | 'migrate',
  entities: EntityClasses,
  image?: Blob,
): Promise<DatabaseOptions> {
  const { orm, ...rest } =
    config.kind === 'embedded'
      ? embeddedOptions(config.dataDir, image)
      : await postgresOptions(config, purpose);
  return { orm: { ...SHARED_OPTIONS, ...orm, entities }, ...rest };
}

/** Tables that only statements know. */
const TABLES_WITHOUT_ENTITY = ['rate_limits'];

const SHARED_OPTIONS: Partial<Options> = {
  metadataProvider: ReflectMetadataProvider,
  // A mistyped name must not make a new database.
  ensureDatabase: false,
  // Standard output belongs to results, and to colour are the same characters as to do harm.
  colors: false,
  logger: text => void process.stderr.write(`${escapeLines(text)}\n`),
  discovery: { checkDuplicateFieldNames: false },
  schemaGenerator: {
    // The functions behind triggers are written in migrations by hand; the comparison would drop
    // them.
    ignoreRoutines: true,
    // What an older Weaver left, until "adopt --finish": no entity's, and not to be dropped in
    // passing.
    skipTables: [new RegExp(`^${LEGACY_PREFIX}`), ...TABLES_WITHOUT_ENTITY],
  },
};

const EXTENSIONS = { vector, btree_gin };

/**
 * PostgreSQL's numbers of the types json and jsonb, whose values both drivers would read with
 * `JSON.parse` alone.
 */
const JSON_PARSERS = { 114: parseJsonExactly, 3802: parseJsonExactly };

function embeddedOptions(dataDir: string, image: Blob | undefined): DatabaseOptions {
  let lock: LockFile | undefined;
  return {
    orm: {
      driver: PgliteDriver,
      dbName: dataDir === IN_MEMORY ? IN_MEMORY : join(dataDir, 'pg'),
      driverOptions: () => {
        if (dataDir === IN_MEMORY)
          return {
            extensions: EXTENSIONS,
            parsers: JSON_PARSERS,
            ...(image && { loadDataDir: image }),
          };
        lock ??= lockDataFolder(dataDir);
        return {
          extensions: EXTENSIONS,
          parsers: JSON_PARSERS,
          fs: new EmbeddedFolder(join(dataDir, 'pg'), EXTENSIONS, image),
        };
      },
    },
    connections: 1,
    release() {
      lock?.release();
      lock = undefined;
    },
  };
}

/** What to do if a command needs sessions of its own, which a pooler does not provide. */
export const POOLER_HINT =
  'Set WEAVER_MIGRATION_URL to an address that leads to the server itself.';

/** One holds the lock of `Migrator`, one runs the migration, one is spare. */
const MIGRATION_CONNECTIONS = 3;
/**
 * Networks cut connections that are idle for minutes, and the one with the lock is idle while
 * another works.
 */
const KEEP_ALIVE_AFTER_MS = 30_000;

async function postgresOptions(
  config: Extract<DatabaseConfig, { kind: 'postgres' }>,
  purpose: 'serve' | 'migrate',
): Promise<DatabaseOptions> {
  if (
    purpose === 'migrate' &&
    config.pooler === 'transaction' &&
    isSameAddress(config.ownerAddress, config.address)
  )
    throw new StartupError(
      'DATABASE_URL leads to a pooler in transaction mode (DATABASE_POOLER), through which ' +
        'this command cannot work, and WEAVER_MIGRATION_URL is not set or has the same ' +
        `address. ${POOLER_HINT}`,
    );
  const {
    driverOptions: { onConnect, ...driverOptions },
    ...connection
  } = await (purpose === 'serve'
    ? connectionOptions(config.address)
    : connectionOptions(config.ownerAddress, 'weaver-migrate'));
  const connections = purpose === 'migrate' ? MIGRATION_CONNECTIONS : config.poolSize;
  return {
    orm: {
      driver: PostgreSqlDriver,
      ...connection,
      pool: { min: 0, max: connections },
      // A read scope sends its settings and its first statement in one turn
      // (`db/operation-reads.ts`).
      driverOptions: {
        ...(purpose === 'migrate' && { keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS }),
        ...driverOptions,
        onConnect: useSchemaOnConnect(purpose, onConnect),
        pipeline: true,
        onPoolCreated: readJsonExactly,
      },
    },
    connections,
    release() {},
  };
}

type OnConnect = (client: ClientBase) => Promise<void>;

/**
 * The owner's sessions work in Weaver's schema; the gateway's have what their login has, which the
 * start checks.
 */
function useSchemaOnConnect(
  purpose: 'serve' | 'migrate',
  onConnect: OnConnect | undefined,
): OnConnect | undefined {
  if (purpose === 'serve') return onConnect;
  return async client => {
    await onConnect?.(client);
    await useSchema(client);
  };
}

function readJsonExactly(pool: Pool): void {
  const types = pool.options.types as TypeOverrides;
  for (const [type, parser] of Object.entries(JSON_PARSERS))
    types.setTypeParser(Number(type), parser);
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { MikroORM, type EntityManager } from '@mikro-orm/core';
import type { PgliteConnection } from '@mikro-orm/pglite';
import type { PostgreSqlConnection, SqlEntityManager } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { DatabaseConfig } from '../config.js';
import {
  ConnectionScheduler,
  ScheduledReadConnections,
  type ReadScheduler,
} from './connection-scheduler.js';
import {
  databaseOptions,
  type DatabaseOptions,
  type EntityClasses,
} from './open/database-options.js';
import { EmbeddedReadConnections } from './embedded-reads.js';
import {
  GATEWAY_SCOPE,
  scopeSettings,
  timeSettings,
  type DatabaseScope,
  type OperationBounds,
} from './database-scope.js';
import { OperationReads } from './operation-reads.js';
import { PostgresReadConnections } from './postgres-reads.js';
import { fixedStatement, type Statement } from './statement.js';
import { pipelineWrites } from './write-pipeline.js';

const currentWrite = new AsyncLocalStorage<string>();
const PING = fixedStatement('ping', 'select 1');

/** Runs `work` in one transaction of a scope that is settled, as `Database.write` does. */
export type Write = <T>(name: string, work: (em: SqlEntityManager) => Promise<T>) => Promise<T>;

/** An open database. Tenants' data are reached only through its scopes: `reads` and `write`. */
export class Database {
  /**
   * Called for each statement of a read scope, before it is sent; for counting in tests and
   * metrics.
   */
  onStatement: (statement: Statement, parameters: readonly unknown[]) => void = () => {};

  private constructor(
    readonly kind: DatabaseConfig['kind'],
    /** A statement of a read may be sent before the one in front of it is answered. */
    readonly pipelinesReads: boolean,
    readonly orm: MikroORM,
    private readonly connections: ReadScheduler,
    private readonly scheduler: ConnectionScheduler,
    private readonly options: DatabaseOptions,
  ) {}

  readonly #readConnections: ReadScheduler = {
    begin: async (scope, bounds) => {
      refuseInsideWrite('Reads');
      return this.connections.begin(scope, bounds);
    },
  };

  /**
   * Connects, and takes the embedded database's lock. Throws `DataFolderInUseError`, or the
   * driver's error when the server cannot be reached. `image` fills a new in-memory database from a
   * dump of another.
   */
  static async open(
    config: DatabaseConfig,
    entities: EntityClasses,
    purpose: 'serve' | 'migrate' = 'serve',
    image?: Blob,
  ): Promise<Database> {
    const options = await databaseOptions(config, purpose, entities, image);
    const orm = await MikroORM.init(options.orm);
    try {
      const connection = orm.em.getDriver().getConnection();
      await connection.connect();
      const connections =
        config.kind === 'embedded'
          ? new EmbeddedReadConnections(await (connection as PgliteConnection).getNativeClient())
          : postgresConnections(
              await (connection as PostgreSqlConnection).getNativeClient(),
              { behindPooler: config.pooler !== 'none' },
              purpose,
            );
      await connection.execute('select 1');
      const scheduler = new ConnectionScheduler({
        connections: options.connections,
        concurrentWrites: config.kind === 'postgres' ? config.concurrentWrites : undefined,
      });
      return new Database(
        config.kind,
        config.kind === 'postgres' && config.pooler === 'none',
        orm,
        new ScheduledReadConnections(connections, scheduler),
        scheduler,
        options,
      );
    } catch (error) {
      await orm.close(true).catch(() => {});
      options.release();
      throw error;
    }
  }

  /** The reads of one operation under `scope`. */
  reads(scope: DatabaseScope, bounds?: OperationBounds): OperationReads {
    return new OperationReads(
      scope,
      this.#readConnections,
      (sent, parameters) => this.onStatement(sent, parameters),
      bounds,
    );
  }

  /**
   * Runs `work` in one read-write transaction under `scope` and commits what it did; an error rolls
   * all of it back. It waits for its turn to have a connection, of those of its scope
   * (`ConnectionScheduler`), until `bounds` end it. `work` must not use the network and must not
   * open another scope: on the embedded database that would wait for itself for ever.
   */
  async write<T>(
    name: string,
    scope: DatabaseScope,
    work: (em: SqlEntityManager) => Promise<T>,
    bounds?: OperationBounds,
  ): Promise<T> {
    refuseInsideWrite(`"${name}"`);
    bounds?.signal.throwIfAborted();
    const em = this.orm.em.fork() as EntityManager as SqlEntityManager;
    const { role, ...variables } = scopeSettings(scope);
    const timeouts: Record<string, string> =
      bounds && this.kind === 'postgres' ? timeSettings(bounds) : {};
    em.setSessionContext({ variables: { ...variables, ...timeouts }, role });
    const permit = await this.scheduler.write(scope, bounds?.signal);
    try {
      bounds?.signal.throwIfAborted();
      return await currentWrite.run(name, () =>
        em.transactional(transactionEm => work(transactionEm as SqlEntityManager)),
      );
    } finally {
      permit.end();
    }
  }

  /** Succeeds when the database answers and the login may take its roles. */
  async ping(): Promise<void> {
    await this.reads(GATEWAY_SCOPE).query(PING, []);
  }

  /** Closes all connections and frees the embedded database's folder. Statements in flight fail. */
  async close(): Promise<void> {
    try {
      await this.orm.close(true);
    } finally {
      this.options.release();
    }
  }
}

function postgresConnections(
  pool: Pool,
  options: { readonly behindPooler: boolean },
  purpose: 'serve' | 'migrate',
): PostgresReadConnections {
  if (purpose === 'serve') pipelineWrites(pool, options);
  return new PostgresReadConnections(pool, options);
}

/**
 * A scope inside a write would wait for ever on the embedded database, and take a second
 * connection, which sees nothing of the write, on PostgreSQL.
 */
function refuseInsideWrite(scope: string): void {
  const outer = currentWrite.getStore();
  if (outer !== undefined)
    throw new Error(`${scope} opened inside the write "${outer}": use its entity manager instead.`);
}

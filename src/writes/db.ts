import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Pause } from '../base/compute-scheduler.js';
import type { Quotas } from '../config/quotas.js';
import type { Database, Write } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { ReadModels } from '../db/read-model.js';
import type { OperationReads } from '../db/operation-reads.js';
import { runInWrite, type WriteParameter } from '../db/run-in-write.js';
import type { Embedder } from '../embedders/embedder.js';

/** The database as use cases see it: reads and writes under the caller's role. */
export interface Db {
  readonly reads: Pick<OperationReads, 'query'>;
  readonly write: Write;
  readonly models: ReadModels;
}

/** The same for use cases that embed texts. */
export interface EmbeddingDb extends Db {
  readonly embedder: Pick<Embedder, 'model' | 'dimensions'>;
  /** Embeds texts. Must not be called while a transaction is open. */
  readonly embed: (texts: readonly string[]) => Promise<number[][]>;
  /** Await it before each step of a computation that takes more than a millisecond or two. */
  readonly pause: Pause;
  /** The most characters of a chunk that a text is split into: `WEAVER_CHUNK_SIZE`. */
  readonly chunkSize: number;
  readonly quotas: Quotas;
}

/** The database under the operator's role, for the command line. */
export function operatorDb(database: Database): Db {
  return {
    reads: database.reads(OPERATOR_SCOPE),
    write: (name, work) => database.write(name, OPERATOR_SCOPE, work),
    models: new ReadModels(database.orm),
  };
}

/**
 * The database inside an open write: what several verbs change is stored together or not at all.
 * Each verb is a savepoint, so that it can be repeated alone after a conflict.
 */
export function transactionDb(em: SqlEntityManager, models: ReadModels): Db {
  return {
    reads: {
      query: (statement, parameters) =>
        runInWrite(em, statement.text, parameters as readonly WriteParameter[]),
    },
    write: (_name, work) => em.transactional(nested => work(nested as SqlEntityManager)),
    models,
  };
}

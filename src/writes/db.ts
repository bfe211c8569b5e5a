import type { Pause } from '../base/compute-scheduler.js';
import type { Database, Write } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { ReadModels } from '../db/read-model.js';
import type { OperationReads } from '../db/operation-reads.js';
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
}

/** The database under the operator's role, for the command line. */
export function operatorDb(database: Database): Db {
  return {
    reads: database.reads(OPERATOR_SCOPE),
    write: (name, work) => database.write(name, OPERATOR_SCOPE, work),
    models: new ReadModels(database.orm),
  };
}

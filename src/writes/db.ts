import type { Pause } from '../base/compute-scheduler.js';
import type { Database, Write } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { ReadModels } from '../db/read-model.js';
import type { OperationReads } from '../db/operation-reads.js';
import type { Embedder } from '../embedders/embedder.js';

/** What a use case needs of the database: reads and writes under its caller's role. */
export interface Db {
  readonly reads: Pick<OperationReads, 'query'>;
  readonly write: Write;
  readonly models: ReadModels;
}

/** The same for a use case that embeds texts. */
export interface EmbeddingDb extends Db {
  readonly embedder: Pick<Embedder, 'model' | 'dimensions'>;
  /** What the embedder makes of texts. Never to be called while a transaction is open. */
  readonly embed: (texts: readonly string[]) => Promise<number[][]>;
  /** To be asked before each step of what computes for more than a millisecond or two. */
  readonly pause: Pause;
}

/** A database as the operator reaches it, for the command line. */
export function operatorDb(database: Database): Db {
  return {
    reads: database.reads(OPERATOR_SCOPE),
    write: (name, work) => database.write(name, OPERATOR_SCOPE, work),
    models: new ReadModels(database.orm),
  };
}

import type { Logger } from 'pino';
import type { Caller } from '../auth/caller.js';
import type { Principal } from '../auth/principal.js';
import type { Pause } from '../base/compute-scheduler.js';
import type { Quotas } from '../config/quotas.js';
import type { ReadModels } from '../db/read-model.js';
import type { OperationReads } from '../db/operation-reads.js';
import type { Write } from '../db/database.js';
import type { Embed, Embedder } from '../embedders/embedder.js';
import type { Pauses } from './execution/pauses.js';
import type { OperationBytes } from './limits/byte-budget.js';
import type { OperationSlot } from './limits/operation-slots.js';
import type { OperationRows } from './limits/row-budget.js';

/**
 * The context of one GraphQL operation. Features add their own members to it in their folder
 * (`declare module`).
 */
export interface RequestContext {
  readonly requestId: string;
  readonly principal: Principal;
  /** The same principal for use cases, which know nothing of requests. */
  readonly caller: Caller;
  /** The request is a GET, which changes nothing. */
  readonly onlyQueries: boolean;
  /**
   * The HTTP status of an answer that says why the operation cannot be run: 200 for clients that go
   * by the body alone.
   */
  readonly requestErrorStatus: 200 | 400;
  /**
   * The request's parameters as JSON text, once, where reading them may have changed the numbers of
   * variables.
   */
  readonly takeParametersText: () => string | undefined;
  /**
   * The operation's reads, under the principal's database role. Without a principal, they see no
   * rows.
   */
  readonly reads: OperationReads;
  /**
   * Runs one read-write transaction under the principal's database role. Afterwards the operation's
   * loaders are empty, so that later reads see what was written.
   */
  readonly write: Write;
  /** The operation's dataloaders, by what declared them: see `defineLoader`. */
  readonly loaders: Map<unknown, unknown>;
  /** The operation's lists, by their definitions: arguments are checked once for all parents. */
  readonly lists: Map<unknown, unknown>;
  /** Counts the rows of lists, which answers hold in memory. */
  readonly rows: OperationRows;
  /** Counts the bytes of rows and of the answer. */
  readonly bytes: OperationBytes;
  readonly models: ReadModels;
  /** Which embedder there is. Vectors are asked for by `embed`. */
  readonly embedder: Pick<Embedder, 'model' | 'dimensions' | 'vectorWeight'>;
  /**
   * Embeds texts, as `Embedder.embed` does. While it waits for a service, another operation may use
   * the slot. Must not be called while a transaction is open.
   */
  readonly embed: Embed;
  /** The most characters of a chunk that a text is split into. */
  readonly chunkSize: number;
  /** How much a tenant may have, by its plan. */
  readonly quotas: Quotas;
  /** To be asked before each step of what computes for more than a millisecond or two. */
  readonly pause: Pause;
  /** Those of its execution. */
  readonly pauses: Pauses;
  readonly log: Logger;
  /** The operation's slot among those that run at the same time. */
  readonly slot: OperationSlot;
  /** Aborted when the caller has gone or the operation's time is over. */
  readonly signal: AbortSignal;
}

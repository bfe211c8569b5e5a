import type { DatabaseScope } from './database-scope.js';
import type { ReadConnections, ReadTransaction } from './read-connection.js';
import type { Row, Statement } from './statement.js';

/**
 * The reads of one GraphQL operation: one read-only transaction under the caller's role, opened by the first statement.
 *
 * It ends by itself in the first turn of the event loop in which nothing is asked: levels of an operation follow each other within
 * a turn and share it, while an operation that waits for anything else, such as an embedding service, holds no connection.
 * A later statement opens the next one. So it needs no closing, cannot leak, and cannot nest.
 */
export class ReadScope {
  #transaction: Promise<ReadTransaction> | undefined;
  #inFlight = 0;

  constructor(
    readonly scope: DatabaseScope,
    private readonly connections: ReadConnections,
    private readonly observe: (statement: Statement) => void,
  ) {}

  /** The tenant that every statement must filter by; undefined for the operator, who names tenants in the statement. */
  get tenantId(): string | undefined {
    return 'tenantId' in this.scope ? this.scope.tenantId : undefined;
  }

  /** Rows of one statement. Values of `timestamptz` are text in UTC with microseconds, of `bigint` text or number. */
  async query<R = Row>(statement: Statement, parameters: readonly unknown[]): Promise<R[]> {
    this.#inFlight += 1;
    const transaction = (this.#transaction ??= this.connections.begin(this.scope));
    try {
      this.observe(statement);
      return (await (await transaction).query(statement, parameters)) as R[];
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0) setImmediate(() => this.#endWhenIdle(transaction));
    }
  }

  #endWhenIdle(transaction: Promise<ReadTransaction>): void {
    if (this.#inFlight > 0 || this.#transaction !== transaction) return;
    this.#transaction = undefined;
    transaction.then(
      open => open.end(),
      () => {}, // Whoever asked has the error already.
    );
  }
}

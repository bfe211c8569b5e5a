import type { DatabaseScope } from './database-scope.js';
import type { ReadConnections, ReadTransaction } from './read-connection.js';
import type { Row, Statement } from './statement.js';

/** A transaction that the scope has asked for, and how many statements it still has to answer. */
interface OpenTransaction {
  readonly begun: Promise<ReadTransaction>;
  inFlight: number;
  ended: boolean;
}

/**
 * The reads of one GraphQL operation: one read-only transaction under the caller's role, opened by the first statement.
 *
 * It ends by itself in the first turn of the event loop in which nothing is asked: levels of an operation follow each other within
 * a turn and share it, while an operation that waits for anything else, such as an embedding service, holds no connection.
 * A later statement opens the next one, and so does the first statement after one that failed, since PostgreSQL refuses everything
 * else in that transaction. So it needs no closing, cannot leak, and cannot nest.
 */
export class ReadScope {
  #open: OpenTransaction | undefined;

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
    const open = (this.#open ??= { begun: this.connections.begin(this.scope), inFlight: 0, ended: false });
    open.inFlight += 1;
    try {
      this.observe(statement);
      return (await (await open.begun).query(statement, parameters)) as R[];
    } catch (error) {
      if (this.#open === open) this.#open = undefined;
      throw error;
    } finally {
      open.inFlight -= 1;
      if (open.inFlight === 0) setImmediate(() => this.#endWhenIdle(open));
    }
  }

  #endWhenIdle(open: OpenTransaction): void {
    if (open.inFlight > 0 || open.ended) return;
    open.ended = true;
    if (this.#open === open) this.#open = undefined;
    open.begun.then(
      transaction => transaction.end(),
      () => {}, // Whoever asked has the error already.
    );
  }
}

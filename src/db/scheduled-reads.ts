import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConnectionPermit, ConnectionScheduler } from './connection-scheduler.js';
import type { DatabaseScope, OperationBounds } from './database-scope.js';
import type {
  QueryBounds,
  ReadConnections,
  ReadTransaction,
  ReceivedRows,
} from './read-connection.js';
import type { Statement } from './statement.js';

/** A read transaction whose connection was taken in turn. */
export interface ScheduledRead extends ReadTransaction, Pick<ConnectionPermit, 'transferTo'> {}

/** Opens read-only transactions in turn. */
export interface ReadScheduler {
  begin(scope: DatabaseScope, bounds?: OperationBounds): Promise<ScheduledRead>;
}

export class ScheduledReadConnections implements ReadScheduler {
  constructor(
    private readonly connections: ReadConnections,
    private readonly scheduler: ConnectionScheduler,
  ) {}

  async begin(scope: DatabaseScope, bounds?: OperationBounds): Promise<ScheduledRead> {
    const turn = await this.#turn(scope, bounds, bounds?.signal);
    if (!this.scheduler.isShared) return turn;
    return new SharedConnectionRead(turn, scope, this.connections, (current, signal) =>
      this.#turn(current, bounds, signal),
    );
  }

  async #turn(
    scope: DatabaseScope,
    bounds: OperationBounds | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Turn> {
    const permit = await this.scheduler.read(scope, signal);
    try {
      return new Turn(await this.connections.begin(scope, bounds), permit);
    } catch (error) {
      permit.end();
      throw error;
    }
  }
}

/** A transaction, and the permit to hold its connection. */
class Turn implements ScheduledRead {
  constructor(
    private readonly transaction: ReadTransaction,
    private readonly permit: ConnectionPermit,
  ) {}

  transferTo(scope: DatabaseScope): boolean {
    return this.permit.transferTo(scope);
  }

  isWanted(): boolean {
    return this.permit.isWanted();
  }

  enter(scope: DatabaseScope): Promise<void> {
    return this.transaction.enter(scope);
  }

  query(...args: Parameters<ReadTransaction['query']>): Promise<ReceivedRows> {
    return this.transaction.query(...args);
  }

  async end(): Promise<void> {
    try {
      await this.transaction.end();
    } finally {
      this.permit.end();
    }
  }
}

/**
 * Reads through the only connection, which whoever waits for it has after each statement: an
 * operation may ask for a hundred. It reads on in a transaction of its own, and so may see a later
 * state of the data.
 */
class SharedConnectionRead implements ScheduledRead {
  #turn: Turn | undefined;
  /** Whether a statement has run since the connection was taken: else it was taken for nothing. */
  #isUsed = false;
  /** The statements that were asked for before. */
  #previous: Promise<unknown> = Promise.resolve();

  constructor(
    turn: Turn,
    private scope: DatabaseScope,
    private readonly connections: ReadConnections,
    private readonly takeTurn: (scope: DatabaseScope, signal?: AbortSignal) => Promise<Turn>,
  ) {
    this.#turn = turn;
  }

  transferTo(scope: DatabaseScope): boolean {
    this.scope = scope;
    return this.#turn?.transferTo(scope) ?? false;
  }

  async enter(scope: DatabaseScope): Promise<void> {
    await this.#turn?.enter(scope);
  }

  /**
   * A statement of the embedded database keeps this process from everything else while it runs.
   * Before each, the process hears of what has come meanwhile: other requests, the end of the
   * operation's time, or that its caller has gone.
   */
  query(
    statement: Statement,
    parameters: readonly unknown[],
    bounds?: QueryBounds,
    maxRows?: number,
  ): Promise<ReceivedRows> {
    // Reads that go on as a tenant are asked for while the look-up, which is not of that scope,
    // still waits.
    const { scope } = this;
    const answer = this.#previous.then(async () => {
      if (this.connections.blocksProcess) await nextTurn();
      bounds?.signal.throwIfAborted();
      if (this.#isUsed && this.#turn?.isWanted()) await this.end();
      this.#turn ??= await this.takeTurn(scope, bounds?.signal);
      this.#isUsed = true;
      return this.#turn.query(statement, parameters, bounds, maxRows);
    });
    this.#previous = answer.catch(() => {});
    return answer;
  }

  async end(): Promise<void> {
    const turn = this.#turn;
    this.#turn = undefined;
    this.#isUsed = false;
    await turn?.end();
  }
}

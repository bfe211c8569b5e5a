import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { Pool, PoolClient } from 'pg';
import { bytesWhenParsed } from '../base/json-size.js';
import { cancelStatements } from './cancel-statements.js';
import {
  boundTimeSql,
  enterScopeSql,
  type DatabaseScope,
  type OperationBounds,
} from './database-scope.js';
import { discardLostConnections } from './lost-connections.js';
import { parameterText } from './parameter-text.js';
import type { Row, Statement } from './statement.js';

type OnReceived = OperationBounds['onReceived'];
type QueryBounds = Pick<OperationBounds, 'signal' | 'onReceived'>;

/** One read-only transaction in a scope, from the first statement to `end`. */
export interface ReadTransaction {
  /**
   * Goes on in another scope. The next statement may be sent when this is done, and fails if this
   * did.
   */
  enter(scope: DatabaseScope): Promise<void>;
  /**
   * Ends with the reason of `bounds.signal` once that is aborted, and with what `bounds.onReceived`
   * throws (see `OperationBounds`) before all rows are in memory. `maxRows`: how many there may be,
   * if more than a few.
   */
  query(
    statement: Statement,
    parameters: readonly unknown[],
    bounds?: QueryBounds,
    maxRows?: number,
  ): Promise<Row[]>;
  /** Commits and gives the connection back. Call it once, when no query is in flight. */
  end(): Promise<void>;
}

/** Opens read-only transactions: the same promise from both databases. */
export interface ReadConnections {
  /**
   * `bounds` hold on PostgreSQL: the embedded database runs in this process, where nothing can
   * interrupt a statement.
   */
  begin(scope: DatabaseScope, bounds?: OperationBounds): Promise<ReadTransaction>;
}

// Repeatable read: all statements of a transaction see one state of the data, at no cost for
// readers.
const BEGIN = 'begin isolation level repeatable read read only';

/**
 * Reads through the pool that MikroORM uses too. Statements are prepared by name, once on each
 * connection. `begin`, the settings and the first statement travel in one packet, and so does the
 * `commit` of the transaction before, when the next one comes soon: the pool's connections pipeline
 * (https://node-postgres.com/features/pipelining).
 *
 * Where a pooler in transaction mode stands between (`behindPooler`), nothing is prepared, and a
 * transaction is over before the next is sent: the pooler lends a connection of the server's to
 * others only when nothing is under way on ours, so that a busy gateway would never give it back.
 */
export class PostgresReadConnections implements ReadConnections {
  readonly #pool: Pool;
  readonly #behindPooler: boolean;

  constructor(pool: Pool, options: { behindPooler: boolean }) {
    this.#pool = pool;
    this.#behindPooler = options.behindPooler;
    discardLostConnections(pool);
    pool.on('acquire', commitNow);
  }

  async begin(scope: DatabaseScope, bounds?: OperationBounds): Promise<ReadTransaction> {
    return new PostgresReadTransaction(
      this.#pool,
      await this.#pool.connect(),
      scope,
      bounds,
      this.#behindPooler,
    );
  }
}

/**
 * How long a transaction that has only read may stay open, idle, for its `commit` to travel with
 * the next one's `begin`.
 */
const COMMIT_DELAY_MS = 2;

/** Connections whose last transaction is to be committed, at this time at the latest. */
const commitTimers = new WeakMap<PoolClient, NodeJS.Timeout>();

/** Whoever takes a connection from the pool finds it between transactions. */
function commitNow(client: PoolClient): void {
  const timer = commitTimers.get(client);
  if (!timer) return;
  clearTimeout(timer);
  commitTimers.delete(client);
  cork(client);
  // Nothing that was only read can fail to be committed; a connection that breaks meanwhile breaks
  // for whoever has it next.
  client.query('commit').catch(() => {});
}

const corkedClients = new WeakSet<PoolClient>();

/**
 * Lets everything that is sent in this turn of the event loop travel together: a write to a socket
 * costs more than what is written.
 */
function cork(client: PoolClient): void {
  if (corkedClients.has(client)) return;
  corkedClients.add(client);
  const { stream } = connectionOfClient(client);
  stream.cork();
  const flush = (): void => {
    corkedClients.delete(client);
    stream.uncork();
  };
  // Behind whatever is done as soon as promises that are settled by now have been heard of.
  queueMicrotask(() => process.nextTick(flush));
}

/** A row as it came: its length in bytes, and the text of each value. */
interface DataRow {
  readonly length: number;
  readonly fields: readonly (string | null)[];
}

/** Beyond what the types say: the connection of a client, and what it is sent. */
interface ClientConnection {
  readonly connection: {
    readonly stream: Socket;
    on(event: 'dataRow', listener: (row: DataRow) => void): void;
    off(event: 'dataRow', listener: (row: DataRow) => void): void;
  };
}

function connectionOfClient(client: PoolClient): ClientConnection['connection'] {
  return (client as PoolClient & ClientConnection).connection;
}

class PostgresReadTransaction implements ReadTransaction {
  #entering: Promise<unknown>;
  /** Why the connection was cut while statements were in flight. */
  #cutError: unknown;
  #onReceived: OnReceived;
  #signal: AbortSignal | undefined;
  #inFlight = 0;

  constructor(
    private readonly pool: Pool,
    private readonly client: PoolClient,
    scope: DatabaseScope,
    bounds: OperationBounds | undefined,
    private readonly behindPooler: boolean,
  ) {
    this.#entering = this.#send(
      `${BEGIN}; ${bounds ? `${boundTimeSql(bounds)}; ` : ''}${enterScopeSql(scope)}`,
    );
  }

  async enter(scope: DatabaseScope): Promise<void> {
    this.#entering = this.#send(enterScopeSql(scope));
  }

  /**
   * Sends statements that others follow at once, in the same packet. Not awaited: if they fail, the
   * server refuses what comes behind them in the broken transaction, `query` throws why, and `end`
   * drops the connection.
   */
  #send(text: string): Promise<unknown> {
    cork(this.client);
    const answer = this.client.query(text);
    answer.catch(() => {});
    return answer;
  }

  async query(
    statement: Statement,
    parameters: readonly unknown[],
    { signal, onReceived }: Partial<QueryBounds> = {},
  ): Promise<Row[]> {
    signal?.throwIfAborted();
    this.#watch(signal);
    if (onReceived && !this.#onReceived)
      connectionOfClient(this.client).on('dataRow', this.#countRow);
    this.#onReceived ??= onReceived;
    cork(this.client);
    const name = this.behindPooler ? undefined : statement.preparedName;
    const answer = this.client.query<Row>({
      name,
      text: statement.text,
      values: parameters.map(parameterText),
    });
    answer.catch(() => {});
    this.#inFlight += 1;
    try {
      // Answers come in order, so this one is already there. Whatever a statement outside its scope
      // should find, nobody gets to see it.
      await this.#entering;
      return (await answer).rows;
    } catch (error) {
      throw this.#cutError ?? error;
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** The operation's, or that of the look-up whose transaction it goes on with. */
  #watch(signal: AbortSignal | undefined): void {
    if (signal === this.#signal) return;
    this.#signal?.removeEventListener('abort', this.#stop);
    signal?.addEventListener('abort', this.#stop);
    this.#signal = signal;
  }

  /**
   * Each statement has a time of its own, but those that were sent ahead wait for each other:
   * together they might take many times as long. The server is told to stop the one that runs, and
   * refuses those behind it, which are in the same transaction.
   */
  readonly #stop = (): void => {
    if (this.#inFlight === 0 || this.#cutError !== undefined) return;
    this.#cutError = this.#signal!.reason;
    void cancelStatements(this.pool, this.client).then(() => this.#hangUp());
  };

  #hangUp(): void {
    this.client.once('error', () => {});
    connectionOfClient(this.client).stream.destroy();
  }

  /**
   * Nothing else keeps a server from sending what it was asked for but to hang up: the statement
   * ends there when it notices.
   */
  readonly #countRow = ({ length, fields }: DataRow): void => {
    if (this.#cutError !== undefined) return;
    try {
      this.#onReceived!(
        length +
          fields.reduce((sum, text) => (text === null ? sum : sum + bytesWhenParsed(text)), 0),
      );
    } catch (error) {
      this.#cutError = error;
      this.#hangUp();
    }
  };

  async end(): Promise<void> {
    this.#watch(undefined);
    if (this.#onReceived) connectionOfClient(this.client).off('dataRow', this.#countRow);
    if (this.#cutError !== undefined) return this.client.release(true);
    try {
      await this.#entering;
      if (this.behindPooler) await this.client.query('commit');
    } catch (error) {
      return this.client.release(error instanceof Error ? error : true);
    }
    if (!this.behindPooler)
      commitTimers.set(this.client, setTimeout(commitNow, COMMIT_DELAY_MS, this.client));
    this.client.release();
  }
}

/**
 * Rows of the embedded database that come in one piece, which is in memory before it can be
 * counted; and bytes, about.
 */
const FETCH_ROWS = 100;
const FETCH_BYTES = 1_048_576;

/**
 * Reads through the embedded database's only session, in its exclusive transactions: others wait
 * their turn.
 */
export class EmbeddedReadConnections implements ReadConnections {
  constructor(private readonly pglite: PGlite) {}

  begin(scope: DatabaseScope): Promise<ReadTransaction> {
    return new Promise((resolve, reject) => {
      const ended = Promise.withResolvers<void>();
      const closed = this.pglite.transaction(async transaction => {
        await transaction.exec(
          `set transaction isolation level repeatable read read only; ${enterScopeSql(scope)}`,
        );
        resolve(new EmbeddedReadTransaction(transaction, () => (ended.resolve(), closed)));
        await ended.promise;
      });
      closed.catch(reject);
    });
  }
}

class EmbeddedReadTransaction implements ReadTransaction {
  #cursors = 0;
  /** The statements that were asked for before: PGlite would run them all without a pause. */
  #previous: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly transaction: Transaction,
    private readonly close: () => Promise<void>,
  ) {}

  async enter(scope: DatabaseScope): Promise<void> {
    await this.transaction.exec(enterScopeSql(scope));
  }

  /**
   * A statement keeps this process from everything else while it runs. Before each, the process
   * hears of what has come meanwhile: other requests, the end of the operation's time, or that its
   * caller has gone.
   */
  query(
    statement: Statement,
    parameters: readonly unknown[],
    { signal, onReceived }: Partial<QueryBounds> = {},
    maxRows = 0,
  ): Promise<Row[]> {
    const answer = this.#previous.then(async () => {
      await nextTurn();
      signal?.throwIfAborted();
      if (onReceived && maxRows > FETCH_ROWS)
        return this.#fetchInPieces(statement, parameters, onReceived);
      return this.#rows(statement.text, parameters, onReceived);
    });
    this.#previous = answer.catch(() => {});
    return answer;
  }

  async #fetchInPieces(
    statement: Statement,
    parameters: readonly unknown[],
    onReceived: NonNullable<OnReceived>,
  ): Promise<Row[]> {
    const cursor = `weaver_${(this.#cursors += 1)}`;
    await this.transaction.query(
      `declare ${cursor} no scroll cursor for ${statement.text}`,
      parameters as unknown[],
    );
    const rows: Row[] = [];
    let size = FETCH_ROWS / 4;
    for (let bytes = 0; ;) {
      const piece = await this.#rows(`fetch ${size} from ${cursor}`, [], count => {
        bytes += count;
        onReceived(count);
      });
      for (const row of piece) rows.push(row);
      if (piece.length < size) break;
      size = Math.ceil(Math.min(10 * FETCH_ROWS, (FETCH_BYTES * rows.length) / bytes));
      await nextTurn();
    }
    await this.transaction.exec(`close ${cursor}`);
    return rows;
  }

  async #rows(
    text: string,
    parameters: readonly unknown[],
    onReceived: OnReceived,
  ): Promise<Row[]> {
    const { rows } = await this.transaction.query<Row>(text, parameters as unknown[]);
    if (onReceived)
      for (const row of rows)
        onReceived(Object.values(row).reduce<number>((sum, value) => sum + bytesOf(value), 0));
    return rows;
  }

  async end(): Promise<void> {
    await this.close().catch(() => {});
  }
}

function bytesOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 8;
  const text = JSON.stringify(value);
  return text.length + bytesWhenParsed(text);
}

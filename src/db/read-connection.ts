import type { Socket } from 'node:net';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { Pool, PoolClient } from 'pg';
import { boundTimeSql, enterScopeSql, type DatabaseScope, type TimeBounds } from './database-scope.js';
import { takeBackLostConnections } from './lost-connections.js';
import { parameterText } from './parameter-text.js';
import type { Row, Statement } from './statement.js';

/** One read-only transaction in a scope, from the first statement to `end`. */
export interface ReadTransaction {
  /** Goes on in another scope. The next statement may be sent when this is done, and fails if this did. */
  enter(scope: DatabaseScope): Promise<void>;
  query(statement: Statement, parameters: readonly unknown[]): Promise<Row[]>;
  /** Commits and gives the connection back. Call it once, when no query is in flight. */
  end(): Promise<void>;
}

/** Opens read-only transactions: the same promise from both databases. */
export interface ReadConnections {
  /** `bounds` hold on PostgreSQL: the embedded database runs in this process, where nothing can interrupt it. */
  begin(scope: DatabaseScope, bounds?: TimeBounds): Promise<ReadTransaction>;
}

// Repeatable read: all statements of a transaction see one state of the data, at no cost for readers.
const BEGIN = 'begin isolation level repeatable read read only';

/**
 * Reads through the pool that MikroORM uses too. Statements are prepared by name, once on each connection. `begin`, the settings and the
 * first statement travel in one packet, and so does the `commit` of the transaction before, when the next one comes soon: the pool's
 * connections pipeline (https://node-postgres.com/features/pipelining).
 *
 * Where a pooler in transaction mode stands between (`pooled`), nothing is prepared, and a transaction is over before the next is sent:
 * the pooler lends a connection of the server's to others only when nothing is under way on ours, so that a busy gateway would never
 * give it back.
 */
export class PostgresReadConnections implements ReadConnections {
  readonly #pool: Pool;
  readonly #pooled: boolean;

  constructor(pool: Pool, options: { pooled: boolean }) {
    this.#pool = pool;
    this.#pooled = options.pooled;
    takeBackLostConnections(pool);
    pool.on('acquire', commitOverdue);
  }

  async begin(scope: DatabaseScope, bounds?: TimeBounds): Promise<ReadTransaction> {
    return new PostgresReadTransaction(await this.#pool.connect(), scope, bounds, this.#pooled);
  }
}

/** How long a transaction that has only read may stay open, idle, for its `commit` to travel with the next one's `begin`. */
const COMMIT_WITHIN_MS = 2;

/** Connections whose last transaction is to be committed, at this time at the latest. */
const overdue = new WeakMap<PoolClient, NodeJS.Timeout>();

/** Whoever takes a connection from the pool finds it between transactions. */
function commitOverdue(client: PoolClient): void {
  const timer = overdue.get(client);
  if (!timer) return;
  clearTimeout(timer);
  overdue.delete(client);
  holdBack(client);
  // Nothing that was only read can fail to be committed; a connection that breaks meanwhile breaks for whoever has it next.
  client.query('commit').catch(() => {});
}

const heldBack = new WeakSet<PoolClient>();

/** Lets everything that is sent in this turn of the event loop travel together: a write to a socket costs more than what is written. */
function holdBack(client: PoolClient): void {
  if (heldBack.has(client)) return;
  heldBack.add(client);
  const { stream } = (client as PoolClient & { readonly connection: { readonly stream: Socket } }).connection;
  stream.cork();
  const letGo = (): void => {
    heldBack.delete(client);
    stream.uncork();
  };
  // Behind whatever is done as soon as promises that are settled by now have been heard of.
  queueMicrotask(() => process.nextTick(letGo));
}

class PostgresReadTransaction implements ReadTransaction {
  #entered: Promise<unknown>;

  constructor(
    private readonly client: PoolClient,
    scope: DatabaseScope,
    bounds: TimeBounds | undefined,
    private readonly pooled: boolean,
  ) {
    this.#entered = this.#send(`${BEGIN}; ${bounds ? `${boundTimeSql(bounds)}; ` : ''}${enterScopeSql(scope)}`);
  }

  async enter(scope: DatabaseScope): Promise<void> {
    this.#entered = this.#send(enterScopeSql(scope));
  }

  /**
   * Sends statements that others follow at once, in the same packet. Not awaited: if they fail, the server refuses what comes behind
   * them in the broken transaction, `query` throws why, and `end` drops the connection.
   */
  #send(text: string): Promise<unknown> {
    holdBack(this.client);
    const answer = this.client.query(text);
    answer.catch(() => {});
    return answer;
  }

  async query(statement: Statement, parameters: readonly unknown[]): Promise<Row[]> {
    holdBack(this.client);
    const name = this.pooled ? undefined : statement.preparedName;
    const answer = this.client.query<Row>({ name, text: statement.text, values: parameters.map(parameterText) });
    answer.catch(() => {});
    // Answers come in order, so this one is already there. Whatever a statement outside its scope should find, nobody gets to see it.
    await this.#entered;
    return (await answer).rows;
  }

  async end(): Promise<void> {
    try {
      await this.#entered;
      if (this.pooled) await this.client.query('commit');
    } catch (error) {
      return this.client.release(error instanceof Error ? error : true);
    }
    if (!this.pooled) overdue.set(this.client, setTimeout(commitOverdue, COMMIT_WITHIN_MS, this.client));
    this.client.release();
  }
}

/** Reads through the embedded database's only session, in its exclusive transactions: others wait their turn. */
export class EmbeddedReadConnections implements ReadConnections {
  constructor(private readonly pglite: PGlite) {}

  begin(scope: DatabaseScope): Promise<ReadTransaction> {
    return new Promise((resolve, reject) => {
      const ended = Promise.withResolvers<void>();
      const closed = this.pglite.transaction(async transaction => {
        await transaction.exec(`set transaction isolation level repeatable read read only; ${enterScopeSql(scope)}`);
        resolve(new EmbeddedReadTransaction(transaction, () => (ended.resolve(), closed)));
        await ended.promise;
      });
      closed.catch(reject);
    });
  }
}

class EmbeddedReadTransaction implements ReadTransaction {
  constructor(
    private readonly transaction: Transaction,
    private readonly close: () => Promise<void>,
  ) {}

  async enter(scope: DatabaseScope): Promise<void> {
    await this.transaction.exec(enterScopeSql(scope));
  }

  async query(statement: Statement, parameters: readonly unknown[]): Promise<Row[]> {
    return (await this.transaction.query<Row>(statement.text, parameters as unknown[])).rows;
  }

  async end(): Promise<void> {
    await this.close().catch(() => {});
  }
}

import type { Socket } from 'node:net';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { Pool, PoolClient } from 'pg';
import { enterScopeSql, type DatabaseScope } from './database-scope.js';
import { takeBackLostConnections } from './lost-connections.js';
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
  begin(scope: DatabaseScope): Promise<ReadTransaction>;
}

// Repeatable read: all statements of a transaction see one state of the data, at no cost for readers.
const BEGIN = 'begin isolation level repeatable read read only';

/**
 * Reads through the pool that MikroORM uses too. Statements are prepared by name, once on each connection, unless a pooler in
 * transaction mode stands between. `begin`, the settings and the first statement travel in one packet, and nothing waits for `commit`:
 * the pool's connections pipeline (https://node-postgres.com/features/pipelining).
 */
export class PostgresReadConnections implements ReadConnections {
  readonly #pool: Pool;
  readonly #named: boolean;

  constructor(pool: Pool, options: { named: boolean }) {
    this.#pool = pool;
    takeBackLostConnections(pool);
    this.#named = options.named;
  }

  async begin(scope: DatabaseScope): Promise<ReadTransaction> {
    return new PostgresReadTransaction(await this.#pool.connect(), scope, this.#named);
  }
}

class PostgresReadTransaction implements ReadTransaction {
  #entered: Promise<unknown>;
  #isHeldBack = false;

  constructor(
    private readonly client: PoolClient,
    scope: DatabaseScope,
    private readonly named: boolean,
  ) {
    this.#entered = this.#send(`${BEGIN}; ${enterScopeSql(scope)}`);
  }

  async enter(scope: DatabaseScope): Promise<void> {
    this.#entered = this.#send(enterScopeSql(scope));
  }

  /**
   * Sends statements that others follow at once, in the same packet. Not awaited: if they fail, the server refuses what comes behind
   * them in the broken transaction, `query` throws why, and `end` drops the connection.
   */
  #send(text: string): Promise<unknown> {
    this.#holdBack();
    const answer = this.client.query(text);
    answer.catch(() => {});
    return answer;
  }

  /** Lets everything that is sent in this turn of the event loop travel together: a write to a socket costs more than what is written. */
  #holdBack(): void {
    if (this.#isHeldBack) return;
    this.#isHeldBack = true;
    const { stream } = (this.client as PoolClient & { readonly connection: { readonly stream: Socket } }).connection;
    stream.cork();
    process.nextTick(() => {
      this.#isHeldBack = false;
      stream.uncork();
    });
  }

  async query(statement: Statement, parameters: readonly unknown[]): Promise<Row[]> {
    const values = parameters as unknown[];
    this.#holdBack();
    const answer = this.client.query<Row>(
      this.named && statement.preparedName ? { name: statement.preparedName, text: statement.text, values } : { text: statement.text, values },
    );
    answer.catch(() => {});
    // Answers come in order, so this one is already there. Whatever a statement outside its scope should find, nobody gets to see it.
    await this.#entered;
    return (await answer).rows;
  }

  async end(): Promise<void> {
    try {
      await this.#entered;
    } catch (error) {
      return this.client.release(error instanceof Error ? error : true);
    }
    // Nothing that was only read can fail to be committed; a connection that breaks meanwhile breaks for whoever has it next.
    this.#holdBack();
    this.client.query('commit').catch(() => {});
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

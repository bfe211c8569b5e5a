import type { Pool, PoolClient } from 'pg';
import { AppError } from '../base/app-error.js';
import { cancelStatements } from './cancel-statements.js';
import {
  NOBODY_SCOPE,
  scopeSettings,
  timeSettings,
  type DatabaseScope,
  type OperationBounds,
} from './database-scope.js';
import { sqlState } from './database-errors.js';
import { discardLostConnections } from './lost-connections.js';
import { parameterText } from './parameter-text.js';
import { PostgresSession } from './postgres-session.js';
import { PreparedStatements, unprepared, type PreparedStatement } from './prepared-statements.js';
import type {
  QueryBounds,
  ReadConnections,
  ReadTransaction,
  ReceivedRows,
} from './read-connection.js';
import { Command, RowQuery } from './row-query.js';
import { rowReader, type ResultColumn, type RowReader } from './row-reader.js';
import { statement as toStatement, type Statement } from './statement.js';
import { VectorReader } from './vector-reader.js';

// Repeatable read: all statements of a transaction see one state of the data, at no cost for
// readers.
const BEGIN = toStatement('begin', 'begin isolation level repeatable read read only');

const COMMIT = toStatement('commit', 'commit');

/**
 * Sets what lasts as long as the transaction. A tenant is a parameter, so that pg_stat_statements
 * keeps one statement for all. It is prepared when it comes again, as `begin` and `commit` are: a
 * command that has just found a pooler in its way leaves nothing there.
 */
function setLocal(settings: Record<string, string>): Statement {
  const calls = Object.keys(settings).map(
    (name, index) => `set_config('${name}', $${index + 1}, true)`,
  );
  return toStatement('enterScope', `select ${calls.join(', ')}`);
}

const ENTER_SCOPE = setLocal(scopeSettings(NOBODY_SCOPE));
const ENTER_SCOPE_IN_TIME = setLocal({
  ...timeSettings({ statementMs: 0, lockMs: 0 }),
  ...scopeSettings(NOBODY_SCOPE),
});

/**
 * SQLSTATE with which the server refuses a statement that it knows, once a migration has given its
 * result other columns or types, though it be a longer `varchar`: it does so as long as the
 * connection lives. Statements of ours ask for nothing else that is not supported.
 */
const RESULT_CHANGED = '0A000';

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
  readonly #sessions = new Map<PoolClient, PostgresSession>();
  readonly #prepared = new PreparedStatements();
  readonly #vectors = new VectorReader();

  constructor(
    readonly pool: Pool,
    private readonly options: { behindPooler: boolean },
  ) {
    discardLostConnections(pool);
    // Whoever takes a connection from the pool finds it between transactions. What reads send goes
    // on in the packet of the `commit`; they know of it before others can send anything.
    pool.on('acquire', client => {
      const session = this.#sessions.get(client);
      session?.commitNow();
      queueMicrotask(() => session?.isLent || session?.closePacket());
    });
    pool.on('release', (_error, client) => {
      const session = this.#sessions.get(client);
      if (session) session.isLent = false;
    });
    pool.on('remove', client => void this.#sessions.delete(client));
  }

  async begin(scope: DatabaseScope, bounds?: OperationBounds): Promise<ReadTransaction> {
    return new PostgresReadTransaction(this, await this.#session(), scope, bounds);
  }

  async #session(): Promise<PostgresSession> {
    for (;;) {
      const session = await this.#nextSession();
      if (!session.isStale) return session;
      session.client.release(true);
    }
  }

  #nextSession(): Promise<PostgresSession> {
    return new Promise((resolve, reject) => {
      // As `acquire` is told, not when a promise is heard of.
      this.pool.connect((error, client) => {
        if (error || !client) return reject(error ?? new Error('The pool has lent nothing.'));
        let session = this.#sessions.get(client);
        if (!session) this.#sessions.set(client, (session = new PostgresSession(client)));
        session.isLent = true;
        resolve(session);
      });
    });
  }

  /** Where one connection knows a statement with columns of before, the others may too. */
  discardSessions(): void {
    for (const session of this.#sessions.values()) session.isStale = true;
  }

  get behindPooler(): boolean {
    return this.options.behindPooler;
  }

  /** Sends a statement that gives no rows, with the values of `settings`. */
  run(
    session: PostgresSession,
    statement: Statement,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const command = new Command(this.#prepare(statement), Object.values(settings));
    session.send(command);
    return command.outcome;
  }

  toQuery(
    statement: Statement,
    parameters: readonly unknown[],
    onReceived: ((bytes: number) => boolean) | undefined,
  ): RowQuery {
    const values = parameters.map(parameterText);
    return new RowQuery(this.#prepare(statement), values, this.#readerOf, onReceived);
  }

  #prepare(statement: Statement): PreparedStatement {
    return this.behindPooler ? unprepared(statement.text) : this.#prepared.use(statement);
  }

  readonly #readerOf = (columns: readonly ResultColumn[]): RowReader =>
    rowReader(columns, type => this.pool.options.types!.getTypeParser(type, 'text'), this.#vectors);
}

class PostgresReadTransaction implements ReadTransaction {
  #entering: Promise<void>;
  /** Why the connection was cut while statements were in flight. */
  #cutError: unknown;
  #signal: AbortSignal | undefined;
  #inFlight = 0;

  constructor(
    private readonly connections: PostgresReadConnections,
    private readonly session: PostgresSession,
    scope: DatabaseScope,
    bounds: OperationBounds | undefined,
  ) {
    void connections.run(session, BEGIN);
    const settings = scopeSettings(scope);
    this.#entering = bounds
      ? connections.run(session, ENTER_SCOPE_IN_TIME, { ...timeSettings(bounds), ...settings })
      : connections.run(session, ENTER_SCOPE, settings);
  }

  /**
   * Not awaited: if it fails, the server refuses what comes behind it in the broken transaction,
   * `query` throws why, and `end` drops the connection.
   */
  async enter(scope: DatabaseScope): Promise<void> {
    this.#entering = this.connections.run(this.session, ENTER_SCOPE, scopeSettings(scope));
  }

  async query(
    statement: Statement,
    parameters: readonly unknown[],
    { signal, onReceived, pause }: Partial<QueryBounds> = {},
  ): Promise<ReceivedRows> {
    signal?.throwIfAborted();
    this.#watch(signal);
    const query = this.connections.toQuery(
      statement,
      parameters,
      (onReceived ?? pause) && (bytes => this.#isWanted(bytes, onReceived, pause)),
    );
    this.session.send(query);
    this.#inFlight += 1;
    try {
      // Answers come in order, so this one is already there. Whatever a statement outside its scope
      // should find, nobody gets to see it.
      await this.#entering;
      return await query.outcome;
    } catch (error) {
      if (this.#cutError === undefined && sqlState(error) === RESULT_CHANGED) {
        this.connections.discardSessions();
        throw databaseChanged(error);
      }
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
    const { session } = this;
    void cancelStatements(this.connections.pool, session.client).then(() => session.hangUp());
  };

  /**
   * Nothing else keeps a server from sending what it was asked for but to hang up: the statement
   * ends there when it notices.
   */
  #isWanted(
    bytes: number,
    onReceived: QueryBounds['onReceived'],
    pause: QueryBounds['pause'],
  ): boolean {
    if (this.#cutError !== undefined) return false;
    try {
      onReceived?.(bytes);
      this.session.received(bytes, pause);
      return true;
    } catch (error) {
      this.#cutError = error;
      this.session.hangUp();
      return false;
    }
  }

  async end(): Promise<void> {
    this.#watch(undefined);
    const { client } = this.session;
    if (this.#cutError !== undefined || this.session.isStale) return client.release(true);
    try {
      await this.#entering;
      if (this.connections.behindPooler) await this.connections.run(this.session, COMMIT);
    } catch (error) {
      return client.release(error instanceof Error ? error : true);
    }
    if (!this.connections.behindPooler)
      this.session.commitSoon(() => this.connections.run(this.session, COMMIT));
    client.release();
  }
}

function databaseChanged(cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'The database has just been migrated. Try again shortly.', {
    cause,
    retryAfterMs: 1_000,
  });
}

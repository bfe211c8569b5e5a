import {
  isSameScope,
  tenantScope,
  type DatabaseScope,
  type EnteringRow,
  type OperationBounds,
} from './database-scope.js';
import type { ScheduledRead, ReadScheduler } from './connection-scheduler.js';
import { sqlState } from './database-errors.js';
import type { ReceivedRows } from './read-connection.js';
import type { Row, Statement } from './statement.js';

/** A transaction that the scope has asked for, and how many statements it still has to answer. */
interface OpenTransaction {
  readonly opening: Promise<ScheduledRead>;
  /** Under which its next statement will run. */
  scope: DatabaseScope;
  inFlight: number;
  ended: boolean;
  /** The statement that was asked for last. */
  last?: Promise<unknown>;
  /** Why its first statement failed that did. */
  failure?: unknown;
}

/**
 * SQLSTATEs of a statement that was refused because one before it had failed: its transaction has,
 * or it would have been prepared behind that one.
 */
const AFTER_FAILURE = new Set(['25P02', '26000']);

/**
 * The reads of one GraphQL operation: one read-only transaction under the caller's role, opened by
 * the first statement.
 *
 * It ends by itself in the first turn of the event loop in which nothing is asked: levels of an
 * operation follow each other within a turn and share it, while an operation that waits for
 * anything else, such as an embedding service, holds no connection. A later statement opens the
 * next one, and so does the first statement after one that failed, since PostgreSQL refuses
 * everything else in that transaction. So it needs no closing, cannot leak, and cannot nest.
 */
export class OperationReads {
  #open: OpenTransaction | undefined;
  #isConfirmed = false;

  constructor(
    readonly scope: DatabaseScope,
    private readonly connections: ReadScheduler,
    private readonly onStatement: (statement: Statement, parameters: readonly unknown[]) => void,
    private readonly bounds?: OperationBounds,
    private previous?: OperationReads,
  ) {}

  /**
   * The reads of another scope, in this one's transaction where that is still open when the first
   * of them comes: what was looked up to know whose an operation is and the operation itself cost
   * one transaction, unless its connection is another's turn. This scope may be used no more.
   */
  continueAs(scope: DatabaseScope, bounds = this.bounds): OperationReads {
    return new OperationReads(scope, this.connections, this.onStatement, bounds, this);
  }

  /**
   * The tenant that every statement must filter by; undefined for the operator, who names tenants
   * in the statement.
   */
  get tenantId(): string | undefined {
    return 'tenantId' in this.scope ? this.scope.tenantId : undefined;
  }

  /**
   * Rows of one statement. Values of `timestamptz` are text in UTC with microseconds, of `bigint`
   * text or number. `maxRows` is how many there may be, where these are more than a hundred: see
   * `ReadTransaction.query`.
   */
  async query<R = Row>(
    statement: Statement,
    parameters: readonly unknown[],
    maxRows?: number,
  ): Promise<R[]> {
    // Before a transaction is opened or used: while it waits, it holds none.
    const ready = this.bounds?.untilReady?.();
    if (ready) await ready;
    this.bounds?.signal.throwIfAborted();
    this.bounds?.onReceived?.(0);
    const open = (this.#open ??= {
      opening: this.#begin(),
      scope: this.scope,
      inFlight: 0,
      ended: false,
    });
    const asked = (open.last = this.#ask(open, statement, parameters, maxRows));
    if (this.bounds?.confirmed && !this.#isConfirmed) {
      asked.catch(() => {});
      await this.bounds.confirmed;
      this.#isConfirmed = true;
      // All that one operation reads is of one moment.
      if (open.ended) return this.query(statement, parameters, maxRows);
    }
    return (await asked).read(this.bounds?.pause) as R[] | Promise<R[]>;
  }

  async #ask(
    open: OpenTransaction,
    statement: Statement,
    parameters: readonly unknown[],
    maxRows: number | undefined,
  ): Promise<ReceivedRows> {
    open.inFlight += 1;
    try {
      this.onStatement(statement, parameters);
      return await (await open.opening).query(statement, parameters, this.bounds, maxRows);
    } catch (error) {
      if (this.#open === open) this.#open = undefined;
      open.failure ??= error;
      throw AFTER_FAILURE.has(sqlState(error) ?? '') ? open.failure : error;
    } finally {
      open.inFlight -= 1;
      if (open.inFlight === 0) setImmediate(() => this.#endIfIdle(open));
    }
  }

  /**
   * Rows of a statement that itself goes on as the tenant that one of its rows names
   * (`enterTenantOfRowSql`). Nothing more may be asked of this scope then, only of the one that
   * continues it.
   */
  async queryAndEnterTenant<R extends EnteringRow>(
    statement: Statement,
    parameters: readonly unknown[],
  ): Promise<R[]> {
    const rows = await this.query<R>(statement, parameters);
    const tenantId = rows.findLast(({ entered }) => entered !== null)?.entered;
    if (tenantId && this.#open) this.#open.scope = tenantScope(tenantId);
    return rows;
  }

  /**
   * The same of a statement that goes on as this tenant, whatever its rows are (`enterTenantSql`).
   * Reads that continue this scope may be asked for at once, to be sent with it.
   */
  queryAndEnter<R = Row>(
    statement: Statement,
    parameters: readonly unknown[],
    tenantId: string,
  ): Promise<R[]> {
    const rows = this.query<R>(statement, parameters);
    this.#open!.scope = tenantScope(tenantId);
    return rows;
  }

  #begin(): Promise<ScheduledRead> {
    const inherited =
      this.previous && this.previous.#handOver(this.bounds?.confirmed !== undefined);
    this.previous = undefined;
    return inherited ? this.#resume(inherited) : this.connections.begin(this.scope, this.bounds);
  }

  /** The open transaction, if any, to be ended by who takes it. */
  #handOver(withStatementInFlight: boolean): OpenTransaction | undefined {
    const open = this.#open;
    if (!open || open.ended || (open.inFlight > 0 && !withStatementInFlight)) return undefined;
    open.ended = true;
    this.#open = undefined;
    return open;
  }

  async #resume({ opening, scope, last }: OpenTransaction): Promise<ScheduledRead> {
    const transaction = await opening;
    if (!transaction.transferTo(this.scope)) {
      await last?.catch(() => {});
      await transaction.end();
      return this.connections.begin(this.scope, this.bounds);
    }
    if (isSameScope(scope, this.scope)) return transaction;
    try {
      await transaction.enter(this.scope);
      return transaction;
    } catch (error) {
      // Nobody else has it: left open, the embedded database would wait for it for ever.
      await transaction.end();
      throw error;
    }
  }

  #endIfIdle(open: OpenTransaction): void {
    if (open.inFlight > 0 || open.ended) return;
    open.ended = true;
    if (this.#open === open) this.#open = undefined;
    // Whoever asked has the errors already, and an end that fails, as that of a database which is
    // being closed, takes nothing from what was read.
    open.opening.then(transaction => transaction.end()).catch(() => {});
  }
}

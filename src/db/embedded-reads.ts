import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import { bytesWhenParsed } from '../base/json-size.js';
import { enterScopeSql, type DatabaseScope } from './database-scope.js';
import type {
  QueryBounds,
  ReadConnections,
  ReadTransaction,
  ReceivedRows,
} from './read-connection.js';
import { BYTEA } from './row-reader.js';
import type { Row, Statement } from './statement.js';
import { VectorReader } from './vector-reader.js';

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
  readonly #vectors = new VectorReader();

  constructor(private readonly pglite: PGlite) {}

  begin(scope: DatabaseScope): Promise<ReadTransaction> {
    return new Promise((resolve, reject) => {
      const ended = Promise.withResolvers<void>();
      const closed = this.pglite.transaction(async transaction => {
        await transaction.exec(
          `set transaction isolation level repeatable read read only; ${enterScopeSql(scope)}`,
        );
        resolve(
          new EmbeddedReadTransaction(transaction, this.#vectors, () => (ended.resolve(), closed)),
        );
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
    private readonly vectors: VectorReader,
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
  ): Promise<ReceivedRows> {
    const answer = this.#previous.then(async () => {
      await nextTurn();
      signal?.throwIfAborted();
      if (onReceived && maxRows > FETCH_ROWS)
        return this.#fetchInPieces(statement, parameters, onReceived);
      return this.#rows(statement.text, parameters, onReceived);
    });
    this.#previous = answer.catch(() => {});
    return answer.then(rows => ({ read: () => rows }));
  }

  async #fetchInPieces(
    statement: Statement,
    parameters: readonly unknown[],
    onReceived: NonNullable<QueryBounds['onReceived']>,
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
    onReceived: QueryBounds['onReceived'],
  ): Promise<Row[]> {
    const { rows } = await this.transaction.query<Row>(text, parameters as unknown[], {
      parsers: { [BYTEA]: this.vectors.read },
    });
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
  if (Array.isArray(value) && typeof value[0] === 'number') return 8 * value.length;
  const text = JSON.stringify(value);
  return text.length + bytesWhenParsed(text);
}

import type { Pause } from '../base/compute-scheduler.js';
import type { DatabaseScope, OperationBounds } from './database-scope.js';
import type { RowReader, RowTexts } from './row-reader.js';
import type { Row, Statement } from './statement.js';

export type QueryBounds = Pick<OperationBounds, 'signal' | 'onReceived' | 'pause'>;

/** Rows that have arrived. To make values of them takes time, but no connection. */
export interface ReceivedRows {
  /** Others are served in between, where `pause` says so. */
  read(pause?: Pause): Row[] | Promise<Row[]>;
}

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
  ): Promise<ReceivedRows>;
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

/** Rows between two looks at the clock, where a row takes some microseconds. */
const ROWS_AT_ONCE = 64;

/** Rows as texts. */
export class ReceivedTexts implements ReceivedRows {
  constructor(
    private readonly reader: RowReader | undefined,
    private readonly texts: (RowTexts | undefined)[],
  ) {}

  read(pause?: Pause): Row[] | Promise<Row[]> {
    const rows: Row[] = [];
    const others = this.#readInto(rows, pause);
    return others ? this.#readLater(rows, others, pause) : rows;
  }

  async #readLater(rows: Row[], first: Promise<void>, pause: Pause | undefined): Promise<Row[]> {
    for (let others: Promise<void> | undefined = first; others;) {
      await others;
      others = this.#readInto(rows, pause);
    }
    return rows;
  }

  /** Until all are read, or others are first. */
  #readInto(rows: Row[], pause: Pause | undefined): Promise<void> | undefined {
    const rowsAtOnce = this.reader?.isSlow ? 1 : ROWS_AT_ONCE;
    for (let index = rows.length; index < this.texts.length; index += 1) {
      if (index > 0 && index % rowsAtOnce === 0) {
        const others = pause?.();
        if (others) return others;
      }
      rows.push(this.reader!.read(this.texts[index]!));
      // Memory has either the text or the value.
      this.texts[index] = undefined;
    }
    return undefined;
  }
}

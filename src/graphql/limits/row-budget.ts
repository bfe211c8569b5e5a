import { AppError } from '../../base/app-error.js';

const RETRY_AFTER_MS = 1_000;

/** The rows that one operation may still read. */
export interface OperationRows {
  readonly remaining: number;
  /**
   * Notes rows that were read. Throws `QUERY_TOO_COMPLEX` or, where other operations hold too many,
   * `UNAVAILABLE`.
   */
  add(count: number): void;
  /** Releases all rows, when the answer has been sent. */
  release(): void;
}

/**
 * Limits the rows in memory: an operation reads all rows before its answer is sent. An operation
 * may hold `perOperation` of them, and all operations of this process together `inFlight`.
 */
export class RowBudget {
  /** Rows that operations hold at the moment. */
  reserved = 0;

  constructor(
    readonly perOperation: number,
    readonly inFlight: number,
  ) {}

  operation(): OperationRows {
    return new RowReservation(this);
  }
}

class RowReservation implements OperationRows {
  #reserved = 0;
  #isReleased = false;

  constructor(private readonly budget: RowBudget) {}

  get remaining(): number {
    const { perOperation, inFlight, reserved } = this.budget;
    return Math.max(0, Math.min(perOperation - this.#reserved, inFlight - reserved));
  }

  add(count: number): void {
    const { perOperation, inFlight, reserved } = this.budget;
    if (this.#reserved + count > perOperation)
      throw new AppError(
        'QUERY_TOO_COMPLEX',
        `The operation reads more than ${perOperation} rows. Ask for fewer levels or ` +
          'smaller pages.',
      );
    if (reserved + count > inFlight) {
      throw new AppError(
        'UNAVAILABLE',
        'Other operations are reading too many rows at the moment. Try again shortly, or ' +
          'request fewer rows.',
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    // An operation may be answered while rows for what it has lost still arrive.
    if (this.#isReleased) return;
    this.#reserved += count;
    this.budget.reserved += count;
  }

  release(): void {
    this.#isReleased = true;
    this.budget.reserved -= this.#reserved;
    this.#reserved = 0;
  }
}

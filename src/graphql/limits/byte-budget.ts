import { AppError } from '../../base/app-error.js';

const RETRY_AFTER_MS = 1_000;

/**
 * The bytes of an operation that do not count among those in flight, so that small operations are
 * always served.
 */
const FREE_BYTES = 524_288;

/** The bytes of one operation: of the rows that it reads and of its answer. */
export interface OperationBytes {
  /** Why the operation has no answer: it had too many bytes, or there was no room for them. */
  readonly problem: AppError | undefined;
  /**
   * Notes bytes that rows take in memory, as they are received. Throws `problem`, that of an
   * earlier call too.
   */
  read(bytes: number): void;
  /** Counts bytes of the answer while it is written. Throws as `read` does. */
  write(bytes: number): void;
  /**
   * For an answer of at least this many bytes: throws as `write` would, before the answer is
   * written.
   */
  expectAtLeast(bytes: number): void;
  /** How many bytes the answer may take. */
  readonly max: number;
  /** Gives all back: the answer was sent, or never will be. */
  release(): void;
}

/**
 * Bytes in memory. Each operation may read `perOperation` of them and answer with as many. All
 * operations of this process may hold `inFlight`, and those of one tenant no more than half of
 * that, so that there is room for others. An operation holds what it has read or what it answers
 * with, whichever is more: texts of rows are in memory once, however often they are shown.
 */
export class ByteBudget {
  readonly #perOwner: number;
  readonly #reservedByOwner = new Map<string, number>();
  #reserved = 0;

  constructor(
    readonly perOperation: number,
    private readonly inFlight: number,
  ) {
    this.#perOwner = Math.max(perOperation, Math.floor(inFlight / 2));
  }

  /** `owner`: the tenant, or another name that has a share of its own. */
  operation(owner: string): OperationBytes {
    return new ByteReservation(this, owner);
  }

  reserve(owner: string, bytes: number): void {
    const ownBytes = this.#reservedByOwner.get(owner) ?? 0;
    if (ownBytes + bytes > this.#perOwner) throw tooMany('Your operations hold');
    if (this.#reserved + bytes > this.inFlight) throw tooMany('The operations of others hold');
    this.#reserved += bytes;
    this.#reservedByOwner.set(owner, ownBytes + bytes);
  }

  release(owner: string, bytes: number): void {
    if (bytes === 0) return;
    this.#reserved -= bytes;
    const ownBytes = this.#reservedByOwner.get(owner)! - bytes;
    if (ownBytes > 0) this.#reservedByOwner.set(owner, ownBytes);
    else this.#reservedByOwner.delete(owner);
  }
}

function tooMany(holder: string): AppError {
  return new AppError(
    'UNAVAILABLE',
    `${holder} too many bytes in memory at the moment. Try again shortly, or request less data.`,
    { retryAfterMs: RETRY_AFTER_MS },
  );
}

class ByteReservation implements OperationBytes {
  problem: AppError | undefined;
  #read = 0;
  #written = 0;
  #reserved = 0;
  #isReleased = false;

  constructor(
    private readonly budget: ByteBudget,
    private readonly owner: string,
  ) {}

  read(bytes: number): void {
    this.#read += bytes;
    this.#check(this.#read, 'The rows of the operation take');
  }

  write(bytes: number): void {
    this.#written += bytes;
    this.#check(this.#written, 'The answer takes');
  }

  expectAtLeast(bytes: number): void {
    this.#check(Math.max(this.#written, bytes), 'The answer takes');
  }

  get max(): number {
    return this.budget.perOperation;
  }

  release(): void {
    this.#isReleased = true;
    this.budget.release(this.owner, this.#reserved);
    this.#reserved = 0;
  }

  #check(bytes: number, what: string): void {
    if (this.problem) throw this.problem;
    const { perOperation } = this.budget;
    if (bytes > perOperation) {
      throw (this.problem = new AppError(
        'QUERY_TOO_COMPLEX',
        `${what} more than ${perOperation} bytes. Ask for fewer fields or smaller pages.`,
      ));
    }
    const more = bytes - FREE_BYTES - this.#reserved;
    // Of an operation whose caller has gone, what still arrives is dropped at once.
    if (more <= 0 || this.#isReleased) return;
    try {
      this.budget.reserve(this.owner, more);
    } catch (error) {
      throw (this.problem = error as AppError);
    }
    this.#reserved += more;
  }
}

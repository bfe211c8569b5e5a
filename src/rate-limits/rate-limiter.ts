import { AppError } from '../base/app-error.js';
import type { Database } from '../db/database.js';
import { isDatabaseUnreachable } from '../db/database-errors.js';
import { cleanLeases, takeLease } from './lease.js';

/**
 * The number of parts into which the requests of a minute are divided: few enough for the database,
 * many enough that what an idle process reserves does not matter.
 */
const SLICES = 10;

/** Subjects that a process remembers. Beyond, the oldest is forgotten, with what it still held. */
const MAX_SUBJECTS = 20_000;

const MINUTE_MS = 60_000;

/** Whose requests are counted together, and how many a minute they may make. */
export interface Subject {
  readonly name: string;
  readonly rpm: number;
  /** Counted by this process alone while there is no database, where others get an error. */
  readonly worksWithoutDatabase?: boolean;
}

/** The state of a subject's limit after one more request. */
export interface RateLimitStatus {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** What this process may still serve of a subject's minute. */
interface Allowance {
  remaining: number;
  /** Of the whole minute when this was taken, over all processes. */
  used: number;
  endsAt: number;
  isExhausted: boolean;
}

/**
 * Counts requests a minute over all gateways on a database: each takes a slice of the minute in one
 * statement and serves from memory, so that most requests cost no statement, and all together never
 * get more than the limit within a minute of the database's clock.
 */
export class RateLimiter {
  readonly #allowance = new Map<string, Allowance>();
  readonly #pendingLease = new Map<string, Promise<void>>();
  #cleanedAt = performance.now();

  constructor(private readonly database: Database) {}

  /**
   * Counts one request. Throws `RATE_LIMITED` when there is nothing left, and what the database
   * throws.
   */
  async consume(subject: Subject): Promise<RateLimitStatus> {
    for (;;) {
      const allowance = this.#currentAllowance(subject.name);
      if (allowance && allowance.remaining > 0) {
        allowance.remaining -= 1;
        return {
          limit: subject.rpm,
          remaining: Math.max(0, subject.rpm - allowance.used) + allowance.remaining,
          resetMs: allowance.endsAt - performance.now(),
        };
      }
      if (allowance?.isExhausted) throw rateLimitError(subject, allowance);
      await this.#acquireLease(subject);
    }
  }

  /** Whether `consume` would find something left without asking the database. */
  hasSome({ name }: Subject): boolean {
    return (this.#currentAllowance(name)?.remaining ?? 0) > 0;
  }

  #currentAllowance(name: string): Allowance | undefined {
    const allowance = this.#allowance.get(name);
    return allowance && performance.now() < allowance.endsAt ? allowance : undefined;
  }

  /** One at a time for each subject: concurrent requests wait for the same lease. */
  #acquireLease(subject: Subject): Promise<void> {
    let pendingLease = this.#pendingLease.get(subject.name);
    if (!pendingLease) {
      pendingLease = this.#leaseSlice(subject).finally(() =>
        this.#pendingLease.delete(subject.name),
      );
      this.#pendingLease.set(subject.name, pendingLease);
    }
    return pendingLease;
  }

  async #leaseSlice(subject: Subject): Promise<void> {
    const slice = Math.ceil(subject.rpm / SLICES);
    try {
      const { granted, used, msLeft } = await takeLease(
        this.database,
        subject.name,
        subject.rpm,
        slice,
      );
      this.#store(subject.name, {
        remaining: granted,
        used,
        endsAt: performance.now() + msLeft,
        isExhausted: granted < slice,
      });
    } catch (error) {
      if (!subject.worksWithoutDatabase || !isDatabaseUnreachable(error)) throw error;
      this.#store(subject.name, {
        remaining: subject.rpm,
        used: subject.rpm,
        endsAt: performance.now() + MINUTE_MS,
        isExhausted: true,
      });
    }
    this.#cleanPeriodically();
  }

  #store(name: string, allowance: Allowance): void {
    // Set again, it becomes the last entry of the map; the first one is the oldest.
    this.#allowance.delete(name);
    if (this.#allowance.size >= MAX_SUBJECTS)
      this.#allowance.delete(this.#allowance.keys().next().value!);
    this.#allowance.set(name, allowance);
  }

  #cleanPeriodically(): void {
    if (performance.now() - this.#cleanedAt < MINUTE_MS) return;
    this.#cleanedAt = performance.now();
    // A failure does not affect requests, and the next minute tries again.
    cleanLeases(this.database).catch(() => {});
  }
}

function rateLimitError({ rpm }: Subject, { endsAt }: Allowance): AppError {
  const retryAfterMs = Math.max(1, Math.ceil(endsAt - performance.now()));
  return new AppError(
    'RATE_LIMITED',
    `The limit of ${rpm} requests a minute is reached. Try again in the next minute.`,
    { retryAfterMs },
  );
}

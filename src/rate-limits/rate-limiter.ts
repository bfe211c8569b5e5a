import { AppError } from '../base/app-error.js';
import type { Database } from '../db/database.js';
import { isDatabaseUnreachable } from '../db/database-errors.js';
import { cleanLeases, takeLease } from './lease.js';

/**
 * Parts that a minute is handed out in: few enough for the database, many enough that what an idle
 * process holds is missed by nobody.
 */
const SLICES = 10;

/** Subjects that a process remembers. Beyond, the oldest is forgotten, with what it still held. */
const MAX_REMEMBERED = 20_000;

const MINUTE_MS = 60_000;

/** Whose requests are counted together, and how many a minute they may make. */
export interface Subject {
  readonly name: string;
  readonly rpm: number;
  /** Counted by this process alone while there is no database, where others get an error. */
  readonly withoutDatabase?: boolean;
}

/** How a subject stands after one more request. */
export interface Standing {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** What this process may still serve of a subject's minute. */
interface Held {
  left: number;
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
  readonly #held = new Map<string, Held>();
  readonly #leasing = new Map<string, Promise<void>>();
  #cleanedAt = performance.now();

  constructor(private readonly database: Database) {}

  /**
   * Counts one request. Throws `RATE_LIMITED` when there is nothing left, and what the database
   * throws.
   */
  async take(subject: Subject): Promise<Standing> {
    for (;;) {
      const held = this.#current(subject.name);
      if (held && held.left > 0) {
        held.left -= 1;
        return {
          limit: subject.rpm,
          remaining: Math.max(0, subject.rpm - held.used) + held.left,
          resetMs: held.endsAt - performance.now(),
        };
      }
      if (held?.isExhausted) throw rateLimited(subject, held);
      await this.#lease(subject);
    }
  }

  #current(name: string): Held | undefined {
    const held = this.#held.get(name);
    return held && performance.now() < held.endsAt ? held : undefined;
  }

  /** One at a time for each subject: whoever comes meanwhile waits for the same. */
  #lease(subject: Subject): Promise<void> {
    let leasing = this.#leasing.get(subject.name);
    if (!leasing) {
      leasing = this.#takeSlice(subject).finally(() => this.#leasing.delete(subject.name));
      this.#leasing.set(subject.name, leasing);
    }
    return leasing;
  }

  async #takeSlice(subject: Subject): Promise<void> {
    const slice = Math.ceil(subject.rpm / SLICES);
    try {
      const { granted, used, msLeft } = await takeLease(
        this.database,
        subject.name,
        subject.rpm,
        slice,
      );
      this.#remember(subject.name, {
        left: granted,
        used,
        endsAt: performance.now() + msLeft,
        isExhausted: granted < slice,
      });
    } catch (error) {
      if (!subject.withoutDatabase || !isDatabaseUnreachable(error)) throw error;
      this.#remember(subject.name, {
        left: subject.rpm,
        used: subject.rpm,
        endsAt: performance.now() + MINUTE_MS,
        isExhausted: true,
      });
    }
    this.#cleanNowAndThen();
  }

  #remember(name: string, held: Held): void {
    // Set anew, it is the youngest; the first in the map's order is the oldest.
    this.#held.delete(name);
    if (this.#held.size >= MAX_REMEMBERED) this.#held.delete(this.#held.keys().next().value!);
    this.#held.set(name, held);
  }

  #cleanNowAndThen(): void {
    if (performance.now() - this.#cleanedAt < MINUTE_MS) return;
    this.#cleanedAt = performance.now();
    // Whatever keeps it from being done keeps requests from nothing, and the next minute tries
    // again.
    cleanLeases(this.database).catch(() => {});
  }
}

function rateLimited({ rpm }: Subject, { endsAt }: Held): AppError {
  const retryAfterMs = Math.max(1, Math.ceil(endsAt - performance.now()));
  return new AppError(
    'RATE_LIMITED',
    `There is a limit of ${rpm} requests a minute, and it is used up. Try again when the ` +
      'minute is over.',
    { retryAfterMs },
  );
}

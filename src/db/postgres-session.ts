import type { PoolClient } from 'pg';
import type { Pause } from '../base/compute-scheduler.js';
import { Packet, streamOf, type Command, type RowQuery } from './row-query.js';

/**
 * How long a transaction that has only read may stay open, idle, for its `commit` to travel with
 * the next one's `begin`.
 */
const COMMIT_DELAY_MS = 2;

/** Between two looks at the clock: they take a fraction of a millisecond. */
const BYTES_AT_ONCE = 65_536;

/** A connection of the pool's as reads use it, for as long as it lives. */
export class PostgresSession {
  /** Knows statements with columns that tables have no longer: nobody is to have it again. */
  isStale = false;
  /** Reads have it from the pool. */
  isLent = false;
  #commitTimer: NodeJS.Timeout | undefined;
  #commit: () => unknown = () => {};
  /** Of this turn of the event loop. */
  #packet: Packet | undefined;
  #isCorked = false;
  #isReading = true;
  #bytesAtOnce = 0;

  constructor(readonly client: PoolClient) {}

  /**
   * Everything that is sent in this turn of the event loop travels together, as one packet: a write
   * to a socket costs more than what is written, and so does each answer.
   */
  send(statement: Command | RowQuery): void {
    this.#cork();
    if (!this.#packet) this.client.query((this.#packet = new Packet()));
    this.#packet.add(statement);
  }

  /** Before anybody else sends something. */
  closePacket(): void {
    this.#packet?.close();
    this.#packet = undefined;
  }

  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    const stream = streamOf(this.client);
    stream.cork();
    const flush = (): void => {
      this.closePacket();
      this.#isCorked = false;
      stream.uncork();
    };
    // Behind whatever is done as soon as promises that are settled by now have been heard of.
    queueMicrotask(() => process.nextTick(flush));
  }

  /** The last transaction is to be committed: with the next one, or soon. */
  commitSoon(commit: () => unknown): void {
    this.#commit = commit;
    this.#commitTimer = setTimeout(() => this.commitNow(), COMMIT_DELAY_MS);
  }

  commitNow(): void {
    if (!this.#commitTimer) return;
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    // Nothing that was only read can fail to be committed; a connection that breaks meanwhile
    // breaks for whoever has it next.
    this.#commit();
  }

  /**
   * Notes bytes of rows. Where others are first, nothing is read until they have been: what the
   * system has room for the server sends ahead, and then it waits.
   */
  received(bytes: number, pause: Pause | undefined): void {
    this.#bytesAtOnce += bytes;
    if (this.#bytesAtOnce < BYTES_AT_ONCE) return;
    this.#bytesAtOnce = 0;
    const others = this.#isReading ? pause?.() : undefined;
    if (!others) return;
    const stream = streamOf(this.client);
    this.#isReading = false;
    stream.pause();
    const goOn = (): void => {
      this.#isReading = true;
      stream.resume();
    };
    others.then(goOn, goOn);
  }

  hangUp(): void {
    this.client.once('error', () => {});
    streamOf(this.client).destroy();
  }
}

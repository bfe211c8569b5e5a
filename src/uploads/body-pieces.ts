import type { Readable } from 'node:stream';
import { httpError } from '../http/error-responses.js';
import { PART_BYTES } from './stored-parts.js';

/** Why no more of a body comes. */
export type BodyEnd = 'complete' | 'cut' | 'idle';

/**
 * A body in pieces that end where a part ends. While a piece is at work nothing more is read, so
 * that a sender who is faster than the database waits. `next` is given at most `limit` bytes of
 * pieces; of a longer body `isTooLong` says so.
 */
export class BodyPieces {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #offset: number;
  #end: BodyEnd | undefined;
  isTooLong = false;
  readonly #chunks: AsyncIterator<Buffer>;

  constructor(
    private readonly body: Readable,
    start: number,
    private readonly limit: number,
    private readonly idleMs: number,
    private readonly onBytes: (bytes: Buffer) => void,
  ) {
    this.#offset = start;
    // Errors come by the iterator, and after it has ended to nobody.
    body.on('error', () => {});
    this.#chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  /** Where the next piece begins. */
  get offset(): number {
    return this.#offset;
  }

  get end(): BodyEnd | undefined {
    return this.#end;
  }

  /**
   * The next piece that is full and not the last one that the limit allows; undefined at the end of
   * the body, where `rest` has what is left.
   */
  async next(): Promise<{ offset: number; bytes: Buffer } | undefined> {
    for (;;) {
      const full = PART_BYTES - (this.#offset % PART_BYTES);
      if (this.#pendingBytes >= full && this.#offset + full < this.limit) return this.#take(full);
      if (this.#end !== undefined || this.isTooLong) return undefined;
      const chunk = await this.#read();
      if (chunk === undefined) continue;
      this.onBytes(chunk);
      this.#pending.push(chunk);
      this.#pendingBytes += chunk.length;
      this.isTooLong = this.#offset + this.#pendingBytes > this.limit;
    }
  }

  rest(): { offset: number; bytes: Buffer } {
    return this.#take(this.#pendingBytes);
  }

  /** Drops what still comes. */
  drain(): void {
    void Promise.resolve(this.#chunks.return?.()).then(
      () => this.body.resume(),
      () => {},
    );
  }

  #take(length: number): { offset: number; bytes: Buffer } {
    const all = Buffer.concat(this.#pending, this.#pendingBytes);
    const piece = { offset: this.#offset, bytes: all.subarray(0, length) };
    this.#pending = length === all.length ? [] : [all.subarray(length)];
    this.#pendingBytes -= length;
    this.#offset += length;
    return piece;
  }

  async #read(): Promise<Buffer | undefined> {
    const timer = Promise.withResolvers<'idle'>();
    const timeout = setTimeout(() => timer.resolve('idle'), this.idleMs);
    try {
      const result = await Promise.race([this.#chunks.next(), timer.promise]);
      if (result === 'idle') this.#end = 'idle';
      else if (result.done) this.#end = 'complete';
      else return result.value;
    } catch {
      this.#end = 'cut';
    } finally {
      clearTimeout(timeout);
    }
    return undefined;
  }
}

export function idleBody(): Error {
  return httpError(408, 'Nothing more of the file has come in time. Resume where it ended.');
}

import { unitVector } from '../embedders/check-vector.js';
import { HalfVector } from '../embedders/half-vector.js';
import { STORED_DIMENSIONS } from '../embedders/pad-vector.js';

/** The vector that a search compares with, as the parameter of a statement. */
export class QueryVector extends HalfVector {
  /**
   * The direction of `vector`, which is finite, not all zero, and at most as long as vectors are
   * stored. Its magnitude does not matter.
   */
  static of(vector: readonly number[]): QueryVector {
    return new QueryVector(unitVector(vector));
  }

  /** The very vector whose `token` this is; undefined where it is none. */
  static fromToken(token: string): QueryVector | undefined {
    const bytes = Buffer.from(token, 'base64url');
    if (
      bytes.length === 0 ||
      bytes.length % 2 !== 0 ||
      bytes.length > 2 * STORED_DIMENSIONS ||
      bytes.toString('base64url') !== token
    )
      return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const numbers = Array.from({ length: bytes.length / 2 }, (_, index) =>
      view.getFloat16(2 * index),
    );
    const isDirection =
      numbers.every(number => Number.isFinite(number)) && numbers.some(number => number !== 0);
    return isDirection ? new QueryVector(numbers) : undefined;
  }

  /**
   * All of it as text, to compare with the same numbers again: an embedding service may give the
   * same text others the next time.
   */
  get token(): string {
    return this.bytes.toString('base64url');
  }
}

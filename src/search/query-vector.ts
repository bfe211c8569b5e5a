import { padVector, toVectorLiteral } from '../embedders/pad-vector.js';

/**
 * The vector that a search compares with, as the parameter of a statement. Each database's driver takes the form that it is best at:
 * node-postgres asks for `toPostgres` and sends a `Buffer` in binary, the embedded database sends `toString` as text. Text takes
 * the server longer to read than a hundred chunks take to compare.
 */
export class QueryVector {
  readonly #values: readonly number[];

  /** The direction of `vector`, padded to the stored length. `vector` is finite and not all zero; its magnitude does not matter. */
  constructor(vector: readonly number[]) {
    this.#values = padVector(unitVector(vector));
  }

  /** pgvector's binary form of `halfvec`: the count, two unused bytes, the numbers. https://github.com/pgvector/pgvector/blob/v0.8.0/src/halfvec.c (`halfvec_recv`) */
  toPostgres(): Buffer {
    const bytes = Buffer.allocUnsafe(4 + 2 * this.#values.length);
    bytes.writeUInt16BE(this.#values.length, 0);
    bytes.writeUInt16BE(0, 2);
    this.#values.forEach((value, index) => bytes.writeUInt16BE(halfBits(value), 4 + 2 * index));
    return bytes;
  }

  toString(): string {
    return toVectorLiteral(this.#values);
  }
}

/** Scaled by the largest number first, so that squares can neither overflow nor vanish: half precision would make infinities or zeros of them. */
function unitVector(vector: readonly number[]): number[] {
  const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scaled = vector.map(value => value / largest);
  const length = Math.sqrt(scaled.reduce((sum, value) => sum + value * value, 0));
  return scaled.map(value => value / length);
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The bits of the half-precision number (IEEE 754 binary16) nearest to a number from -1 to 1. */
function halfBits(value: number): number {
  single[0] = value;
  const bits = singleBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Below 2^-14 there are only multiples of 2^-24.
  if (magnitude < 0x38800000) return sign | Math.round(Math.abs(value) * 2 ** 24);
  // The exponent's bias is 15 instead of 127, and 13 of the fraction's 23 bits go: to the nearest, to the even one of two.
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

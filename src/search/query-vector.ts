import { unitVector } from '../embedders/given-vector.js';
import { padVector, STORED_DIMENSIONS, toVectorLiteral } from '../embedders/pad-vector.js';

/**
 * The vector that a search compares with, as the parameter of a statement. Each database's driver takes the form that it is best at:
 * node-postgres asks for `toPostgres` and sends a `Buffer` in binary, the embedded database sends `toString` as text. Text takes
 * the server longer to read than a hundred chunks take to compare.
 */
export class QueryVector {
  /** Numbers of half precision as they are stored, without the zeros at their end. */
  readonly #halves: Uint16Array;

  private constructor(halves: Uint16Array) {
    this.#halves = halves;
  }

  /** The direction of `vector`, which is finite, not all zero, and at most as long as vectors are stored. Its magnitude does not matter. */
  static of(vector: readonly number[]): QueryVector {
    return new QueryVector(Uint16Array.from(unitVector(vector), halfBits));
  }

  /** The very vector whose `token` this is; undefined where it is none. */
  static fromToken(token: string): QueryVector | undefined {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length === 0 || bytes.length % 2 !== 0 || bytes.length > 2 * STORED_DIMENSIONS || bytes.toString('base64url') !== token) return undefined;
    const halves = Uint16Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(2 * index));
    const isDirection = halves.every(half => (half & 0x7c00) !== 0x7c00) && halves.some(half => (half & 0x7fff) !== 0);
    return isDirection ? new QueryVector(halves) : undefined;
  }

  /** All of it as text, to compare with the same numbers again: an embedding service may give the same text others the next time. */
  get token(): string {
    const bytes = Buffer.alloc(2 * this.#halves.length);
    this.#halves.forEach((half, index) => bytes.writeUInt16BE(half, 2 * index));
    return bytes.toString('base64url');
  }

  get byteLength(): number {
    return this.#halves.byteLength;
  }

  /** pgvector's binary form of `halfvec`: the count, two unused bytes, the numbers. https://github.com/pgvector/pgvector/blob/v0.8.0/src/halfvec.c (`halfvec_recv`) */
  toPostgres(): Buffer {
    const bytes = Buffer.alloc(4 + 2 * STORED_DIMENSIONS);
    bytes.writeUInt16BE(STORED_DIMENSIONS, 0);
    this.#halves.forEach((half, index) => bytes.writeUInt16BE(half, 4 + 2 * index));
    return bytes;
  }

  toString(): string {
    return toVectorLiteral(padVector(Array.from(this.#halves, halfValue)));
  }
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

/** The number that the bits stand for. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

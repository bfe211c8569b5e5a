import { padVector, STORED_DIMENSIONS, toVectorLiteral } from './pad-vector.js';

/**
 * A vector as it is stored, in half precision, as the parameter of a statement. Each database's
 * driver takes the form that it is best at: node-postgres asks for `toPostgres` and sends a
 * `Buffer` in binary, the embedded database sends `toString` as text. Text is five times as long,
 * and takes the server longer to read than a hundred chunks take to compare.
 */
export class HalfVector {
  /** Without the zeros at its end. */
  readonly #numbers: Float16Array<ArrayBuffer>;

  /**
   * Throws a `RangeError` for more numbers than are stored, and for one that half precision cannot
   * hold: PostgreSQL would refuse it later.
   */
  constructor(numbers: ArrayLike<number>) {
    if (numbers.length > STORED_DIMENSIONS)
      throw new RangeError(
        `A vector of ${numbers.length} numbers does not fit into ${STORED_DIMENSIONS} dimensions.`,
      );
    this.#numbers = new Float16Array(numbers);
    const wrongIndex = firstNotFinite(this.#numbers);
    if (wrongIndex >= 0) throw new RangeError(`A vector cannot hold ${numbers[wrongIndex]}.`);
  }

  /** The numbers themselves, in the byte order of networks. */
  get bytes(): Buffer {
    const bytes = Buffer.from(this.#numbers.slice().buffer);
    return IS_LITTLE_ENDIAN ? bytes.swap16() : bytes;
  }

  get byteLength(): number {
    return this.#numbers.byteLength;
  }

  /**
   * pgvector's binary form of `halfvec`: the count, two unused bytes, the numbers.
   * https://github.com/pgvector/pgvector/blob/v0.8.0/src/halfvec.c (`halfvec_recv`)
   */
  toPostgres(): Buffer {
    const bytes = Buffer.alloc(4 + 2 * STORED_DIMENSIONS);
    bytes.writeUInt16BE(STORED_DIMENSIONS, 0);
    this.bytes.copy(bytes, 4);
    return bytes;
  }

  toString(): string {
    return toVectorLiteral(padVector(Array.from(this.#numbers)));
  }
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * The bits of half precision's exponent (IEEE 754 binary16): infinities and NaN have all of them.
 */
const EXPONENT = 0x7c00;

/**
 * Bits in a loop take a twentieth of what `Number.isFinite` in `findIndex` takes: every search does
 * this to some thousand numbers.
 */
function firstNotFinite(numbers: Float16Array<ArrayBuffer>): number {
  const bits = new Uint16Array(numbers.buffer);
  for (let index = 0; index < bits.length; index += 1)
    if ((bits[index]! & EXPONENT) === EXPONENT) return index;
  return -1;
}

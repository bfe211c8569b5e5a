/** The numbers of half precision (IEEE 754 binary16) that are finite and not negative. */
const FINITE_HALVES = 0x7c00;
const SIGN = 0x8000;
/** pgvector's binary form of `halfvec` begins with the count and two unused bytes. */
const HEADER_BYTES = 4;
const PREFIX = String.raw`\x`;

/** What the numbers of a vector of 1536 take in memory. */
export const VECTOR_BYTES = 12_288;

/**
 * Reads vectors in their binary form, as hexadecimal text: a third of the length of their numbers
 * written out, which neither PostgreSQL has to write nor `JSON.parse` to read. Numbers are those
 * that pgvector would write.
 */
export class VectorReader {
  readonly #numbers = Float64Array.from({ length: FINITE_HALVES }, (_, bits) => shortest(bits));

  /** Of `halfvec_send`, as the text of a `bytea`. */
  readonly read = (text: string): number[] =>
    this.ofBytes(Buffer.from(text.slice(PREFIX.length), 'hex'));

  ofBytes(bytes: Uint8Array): number[] {
    const numbers = new Array<number>((bytes.length - HEADER_BYTES) / 2);
    for (let index = 0, at = HEADER_BYTES; index < numbers.length; index += 1, at += 2) {
      const bits = (bytes[at]! << 8) | bytes[at + 1]!;
      const number = this.#numbers[bits & ~SIGN]!;
      numbers[index] = bits & SIGN ? -number : number;
    }
    return numbers;
  }
}

/**
 * pgvector writes the shortest text that single precision reads as the same number, which six
 * digits may do and nine always do. Of two that are as near it takes the even one.
 */
function shortest(bits: number): number {
  const exponent = bits >> 10;
  const fraction = bits & 0x3ff;
  const exact = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  for (let digits = 6; ; digits += 1) {
    const longer = exact.toPrecision(digits + 1);
    const isBetween = ENDS_BETWEEN.test(longer) && Number(longer) === exact;
    const number = Number(
      isBetween ? longer.replace(ENDS_BETWEEN, '$1') : exact.toPrecision(digits),
    );
    if (Math.fround(number) === exact) return number;
  }
}

/** As near to the even digit that comes first as to the odd one above it. */
const ENDS_BETWEEN = /([02468])5(?=e|$)/;

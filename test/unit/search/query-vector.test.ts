import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { QueryVector } from '../../../src/search/query-vector.js';

/** The numbers that pgvector reads from the binary form. */
function fromBinary(bytes: Buffer): number[] {
  return Array.from({ length: bytes.readUInt16BE(0) }, (_, index) =>
    halfValue(bytes.readUInt16BE(4 + 2 * index)),
  );
}

/** IEEE 754 binary16: https://en.wikipedia.org/wiki/Half-precision_floating-point_format */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

describe('QueryVector', () => {
  test('has the stored length and the length 1 in space, in both forms', () => {
    const vector = QueryVector.of([3, -4]);
    const text = JSON.parse(vector.toString()) as number[];
    expect(text.slice(0, 3)).toEqual([0.60009766, -0.79980469, 0]);
    expect(text).toHaveLength(1536);
    const binary = fromBinary(vector.toPostgres());
    expect(binary[0]).toBeCloseTo(0.6, 3);
    expect(binary[1]).toBeCloseTo(-0.8, 3);
    expect(binary.slice(2).every(value => value === 0)).toBe(true);
    expect(vector.toPostgres()).toHaveLength(4 + 2 * 1536);
  });

  test.each([1e308, 1e-300, 5e-324, 65_504])(
    'keeps the direction of numbers around %d',
    magnitude => {
      expect(JSON.parse(QueryVector.of([magnitude, magnitude, 0]).toString()).slice(0, 3)).toEqual([
        0.70703125, 0.70703125, 0,
      ]);
    },
  );

  test('of powers of two is exact', () => {
    expect(fromBinary(QueryVector.of([0.5, 0.5, -0.5, 0.5]).toPostgres()).slice(0, 5)).toEqual([
      0.5, 0.5, -0.5, 0.5, 0,
    ]);
    expect(fromBinary(QueryVector.of([0, -1]).toPostgres()).slice(0, 2)).toEqual([0, -1]);
  });

  test('is rounded to the nearest number of half precision', () => {
    fc.assert(
      fc.property(fc.double({ min: -1, max: 1, noNaN: true }), value => {
        const direction = [value, Math.sqrt(1 - value * value)];
        const [half] = fromBinary(QueryVector.of(direction).toPostgres());
        // Half a unit in the last place: 2^-11 of the value, or 2^-25 where there are only
        // multiples of 2^-24.
        expect(Math.abs(half! - value)).toBeLessThanOrEqual(
          Math.max(Math.abs(value) * 2 ** -11, 2 ** -25) * (1 + 1e-6),
        );
      }),
    );
  });

  test('is the same in binary, as text, and made again of its token', () => {
    fc.assert(
      fc.property(
        fc
          .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 8 })
          .filter(vector => vector.some(value => Math.abs(value) > 1e-3)),
        vector => {
          const made = QueryVector.of(vector);
          const again = QueryVector.fromToken(made.token)!;
          const binary = fromBinary(made.toPostgres());
          expect(again.toPostgres()).toEqual(made.toPostgres());
          expect(again.toString()).toBe(made.toString());
          // Eight decimals name each number of half precision. Adding 0 leaves out the sign of a
          // zero.
          expect(
            Array.from(
              new Float16Array(JSON.parse(made.toString()) as number[]),
              value => value + 0,
            ),
          ).toEqual(binary.map(value => value + 0));
        },
      ),
    );
  });

  test.each([
    ['nothing', ''],
    ['half a number', 'AA'],
    ['other characters', '****'],
    ['zeros', 'AAAA'],
    ['an infinity', Buffer.from([0x7c, 0]).toString('base64url')],
    ['NaN', Buffer.from([0xfe, 0]).toString('base64url')],
    ['too many numbers', Buffer.alloc(2 * 1537, 1).toString('base64url')],
  ])('is not made of a token that is %s', (_, token) => {
    expect(QueryVector.fromToken(token)).toBeUndefined();
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { QueryVector } from '../../../src/search/query-vector.js';

/** The numbers that pgvector reads from the binary form. */
function fromBinary(bytes: Buffer): number[] {
  return Array.from({ length: bytes.readUInt16BE(0) }, (_, index) => halfValue(bytes.readUInt16BE(4 + 2 * index)));
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
    const vector = new QueryVector([3, -4]);
    const text = JSON.parse(vector.toString()) as number[];
    expect(text.slice(0, 3)).toEqual([0.6, -0.8, 0]);
    expect(text).toHaveLength(1536);
    const binary = fromBinary(vector.toPostgres());
    expect(binary[0]).toBeCloseTo(0.6, 3);
    expect(binary[1]).toBeCloseTo(-0.8, 3);
    expect(binary.slice(2).every(value => value === 0)).toBe(true);
    expect(vector.toPostgres()).toHaveLength(4 + 2 * 1536);
  });

  test.each([1e308, 1e-300, 5e-324, 65_504])('keeps the direction of numbers around %d', magnitude => {
    expect(JSON.parse(new QueryVector([magnitude, magnitude, 0]).toString()).slice(0, 3)).toEqual([0.70710678, 0.70710678, 0]);
  });

  test('of powers of two is exact', () => {
    expect(fromBinary(new QueryVector([0.5, 0.5, -0.5, 0.5]).toPostgres()).slice(0, 5)).toEqual([0.5, 0.5, -0.5, 0.5, 0]);
    expect(fromBinary(new QueryVector([0, -1]).toPostgres()).slice(0, 2)).toEqual([0, -1]);
  });

  test('is rounded to the nearest number of half precision', () => {
    fc.assert(
      fc.property(fc.double({ min: -1, max: 1, noNaN: true }), value => {
        const direction = [value, Math.sqrt(1 - value * value)];
        const [half] = fromBinary(new QueryVector(direction).toPostgres());
        // Half a unit in the last place: 2^-11 of the value, or 2^-25 where there are only multiples of 2^-24.
        expect(Math.abs(half! - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -11, 2 ** -25) * (1 + 1e-6));
      }),
    );
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  padVector,
  STORED_DIMENSIONS,
  toVectorLiteral,
} from '../../../src/embedders/pad-vector.js';

describe('padVector', () => {
  test('puts zeros at the end, up to 1536 numbers', () => {
    const padded = padVector([1, 2, 3]);
    expect(padded).toHaveLength(STORED_DIMENSIONS);
    expect(padded.slice(0, 5)).toEqual([1, 2, 3, 0, 0]);
    expect(padded.slice(3).every(value => value === 0)).toBe(true);
  });

  test('leaves a vector of the right length as it is, and the original untouched', () => {
    const original = [0.5, -0.5];
    const same = padVector(original, 2);
    expect(same).toEqual([0.5, -0.5]);
    expect(same).not.toBe(original);
    expect(padVector(original, 3)).toEqual([0.5, -0.5, 0]);
    expect(original).toEqual([0.5, -0.5]);
  });

  test('does not change the similarity of two vectors', () => {
    const vector = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
      minLength: 8,
      maxLength: 8,
    });
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    fc.assert(
      fc.property(vector, vector, (a, b) => {
        expect(dot(padVector(a), padVector(b))).toBe(dot(a, b));
      }),
    );
  });

  test('refuses a vector that is too long, with both lengths', () => {
    expect(() => padVector(new Array<number>(3072).fill(0))).toThrow(RangeError);
    expect(() => padVector(new Array<number>(3072).fill(0))).toThrow(
      '3072 numbers does not fit into 1536',
    );
    expect(() => padVector([1, 2], 1)).toThrow(RangeError);
  });
});

describe('toVectorLiteral', () => {
  test('writes numbers as pgvector reads them, without spaces', () => {
    expect(toVectorLiteral([0.5, -0.25, 0, 1])).toBe('[0.50000000,-0.25000000,0,1.00000000]');
    expect(toVectorLiteral([-0, 1e-9])).toBe('[0,0.00000000]');
  });

  test('keeps each number within what halfvec can tell apart', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1 }),
        vector => {
          const read = JSON.parse(toVectorLiteral(vector)) as number[];
          expect(read).toHaveLength(vector.length);
          expect(read.filter((value, i) => Math.abs(value - vector[i]!) > 5.001e-9)).toEqual([]);
        },
      ),
    );
  });

  test.each([Number.NaN, Infinity, -Infinity])('refuses %d', value => {
    expect(() => toVectorLiteral([0.5, value])).toThrow(RangeError);
  });
});

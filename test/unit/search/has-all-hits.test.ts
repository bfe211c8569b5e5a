import { describe, expect, test } from 'vitest';
import { hasAllHits } from '../../../src/search/has-all-hits.js';

describe('hasAllHits', () => {
  test('asks for as many spreads as it is told to', () => {
    expect(hasAllHits({ similarity: 0.2, spread: 0.05, points: 400 }, 0.4, 3.5)).toBe(true);
    expect(hasAllHits({ similarity: 0.2, spread: 0.05, points: 400 }, 0.4, 5)).toBe(false);
  });

  test('is sure when the last hit lies far above what is left out', () => {
    expect(hasAllHits({ similarity: 0.2, spread: 0.02, points: 400 }, 0.4, 3.5)).toBe(true);
  });

  test('is not sure when what is left out reaches up to the last hit', () => {
    expect(hasAllHits({ similarity: 0.35, spread: 0.02, points: 400 }, 0.4, 3.5)).toBe(false);
  });

  test('is not sure where there are fewer hits than asked for and no least similarity', () => {
    expect(hasAllHits({ similarity: 0.2, spread: 0.02, points: 400 }, undefined, 3.5)).toBe(false);
  });

  test('is not sure when all candidates differ in the same number of bits', () => {
    expect(hasAllHits({ similarity: null, spread: null, points: 400 }, 0.9, 3.5)).toBe(false);
  });

  test('is not sure when most candidates are copies of each other', () => {
    expect(hasAllHits({ similarity: 0.2, spread: 0, points: 29 }, 0.4, 3.5)).toBe(false);
  });
});

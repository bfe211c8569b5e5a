import { describe, expect, test } from 'vitest';
import { compareVersions } from '../../../src/ops/server-checks.js';

describe('compareVersions', () => {
  test.each([
    ['0.8.0', '0.8.0', 0],
    ['0.8', '0.8.0', 0],
    ['0.8.2', '0.8.10', -1],
    ['0.10.0', '0.9.9', 1],
    ['1.0', '0.99.99', 1],
  ])('%s against %s', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });
});

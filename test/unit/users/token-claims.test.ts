import { describe, expect, test } from 'vitest';
import { claimsProblem } from '../../../src/users/token-claims.js';

const GOOD = {
  iss: 'https://login.example.com',
  aud: 'weaver',
  sub: '0198c0de-0000-7000-8000-00000000000a',
  exp: 2_000_000_000,
};

describe('claimsProblem', () => {
  test('is nothing for claims of the types of RFC 7519', () => {
    expect(claimsProblem({}, GOOD)).toBeUndefined();
    expect(
      claimsProblem(
        { typ: 'JWT' },
        { ...GOOD, aud: ['weaver'], nbf: 0, iat: 1.5, jti: 'x', other: { any: [1] } },
      ),
    ).toBeUndefined();
  });

  test.each(['sub', 'exp', 'nbf', 'iat', 'aud', 'iss', 'jti'])(
    'names the claim %s, and not its value',
    claim => {
      for (const value of [null, {}, [], ['secret'], true, Infinity, -Infinity, Number.NaN, -1]) {
        if (claim === 'aud' && Array.isArray(value)) continue;
        const problem = claimsProblem({}, { ...GOOD, [claim]: value });
        expect(problem, JSON.stringify(value)).toContain(`the claim ${claim} `);
        expect(problem).not.toContain('secret');
      }
    },
  );

  test('is the type of a token that lets nobody in', () => {
    for (const typ of ['logout+jwt', 'dpop+jwt', '', 'JWT at+jwt'])
      expect(claimsProblem({ typ }, GOOD)).toContain('typ');
  });
});

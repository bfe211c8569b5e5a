import { describe, expect, test } from 'vitest';
import { isDatabaseUnreachable } from '../../../src/db/database-errors.js';

const coded = (code: string): Error => Object.assign(new Error('Something'), { code });

describe('isDatabaseUnreachable', () => {
  test.each([
    '08006',
    '57P01',
    '57P03',
    '57P04',
    '25P03',
    '53300',
    '28P01',
    '3D000',
    'ECONNREFUSED',
    'ECONNRESET',
    'ENOTFOUND',
    'ETIMEDOUT',
    'EPIPE',
  ])('is true for %s', code => {
    expect(isDatabaseUnreachable(coded(code))).toBe(true);
  });

  test.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
    'Cannot use a pool after calling end on the pool',
    'PGlite is closed',
  ])('is true for "%s"', message => {
    expect(isDatabaseUnreachable(new Error(message))).toBe(true);
  });

  test('is true for what was caused by it, and for several attempts', () => {
    expect(
      isDatabaseUnreachable(
        new Error('Outer', { cause: new Error('Inner', { cause: coded('ECONNREFUSED') }) }),
      ),
    ).toBe(true);
    expect(
      isDatabaseUnreachable(new AggregateError([coded('ENETUNREACH'), coded('ECONNREFUSED')])),
    ).toBe(true);
  });

  test.each(['23505', '42501', '22P02', '57014', '25P02', '40001'])(
    'is false for %s, of which a database had to be there',
    code => {
      expect(isDatabaseUnreachable(coded(code))).toBe(false);
    },
  );

  test('is false for anything else', () => {
    const itself = new Error('Round');
    itself.cause = itself;
    for (const other of [
      undefined,
      null,
      'ECONNREFUSED',
      new Error('The Connection terminated'),
      {},
      itself,
    ])
      expect(isDatabaseUnreachable(other)).toBe(false);
  });
});

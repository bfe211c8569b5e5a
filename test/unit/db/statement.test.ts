import { describe, expect, test } from 'vitest';
import { fixedStatement, statement } from '../../../src/db/statement.js';

describe('a statement', () => {
  test('is prepared when its text comes for the third time, by a name that fits PostgreSQL', () => {
    const names = Array.from(
      { length: 4 },
      () =>
        statement('aRatherLongNameOfAStatementThatGoesOnAndOn', 'select 1 as again').preparedName,
    );
    expect(names.slice(0, 2)).toEqual([undefined, undefined]);
    expect(names[2]).toMatch(/^aRatherLong.*_[0-9a-f]{16}$/);
    expect(names[2]!.length).toBeLessThanOrEqual(63);
    expect(names[3]).toBe(names[2]);
  });

  test('of the program itself is prepared at once, however much else is', () => {
    expect(fixedStatement('fixed', 'select 1 as fixed').preparedName).toMatch(
      /^fixed_[0-9a-f]{16}$/,
    );
  });

  test('is never prepared when its text is huge', () => {
    const text = `select '${'x'.repeat(10_000)}'`;
    const names = Array.from({ length: 5 }, () => statement('huge', text).preparedName);
    expect(names).toEqual(Array.from({ length: 5 }));
  });

  test('is still prepared after a flood of others that come once', () => {
    for (let nth = 0; nth < 5_000; nth += 1) statement('flood', `select ${nth} as flood`);
    const names = Array.from(
      { length: 3 },
      () => statement('afterwards', 'select 1 as afterwards').preparedName,
    );
    expect(names[2]).toMatch(/^afterwards_/);
  });

  test('is forgotten when two thousand others came since', () => {
    const count = (): string | undefined =>
      statement('forgotten', 'select 1 as forgotten').preparedName;
    expect([count(), count()]).toEqual([undefined, undefined]);
    for (let nth = 0; nth < 2_000; nth += 1) statement('others', `select ${nth} as others`);
    expect([count(), count()]).toEqual([undefined, undefined]);
    expect(count()).toBeDefined();
  });

  // The last test: nothing more is prepared in this process.
  test('is one of five hundred at most that are prepared, however many come again', () => {
    const texts = Array.from({ length: 700 }, (_, nth) => `select ${nth} as again_and_again`);
    const names = new Set(
      texts.flatMap(text => Array.from({ length: 4 }, () => statement('many', text).preparedName)),
    );
    names.delete(undefined);
    expect(names.size).toBeGreaterThan(450);
    expect(names.size).toBeLessThanOrEqual(500);
    expect(fixedStatement('fixed', 'select 2 as fixed').preparedName).toBeDefined();
  });
});

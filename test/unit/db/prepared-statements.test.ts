import { beforeEach, describe, expect, test } from 'vitest';
import { PreparedStatements } from '../../../src/db/prepared-statements.js';
import { fixedStatement, statement } from '../../../src/db/statement.js';

let prepared: PreparedStatements;

beforeEach(() => {
  prepared = new PreparedStatements();
});

const nameOf = (text: string, name = 'a'): string | undefined =>
  prepared.use(statement(name, text)).name;
const namesOf = (times: number, text: string, name?: string): (string | undefined)[] =>
  Array.from({ length: times }, () => nameOf(text, name));

describe('a statement', () => {
  test('is prepared when its text comes for the third time, by a name that fits PostgreSQL', () => {
    const names = namesOf(4, 'select 1', 'aRatherLongNameOfAStatementThatGoesOnAndOn');
    expect(names.slice(0, 2)).toEqual([undefined, undefined]);
    expect(names[2]).toMatch(/^aRatherLong.*_[0-9a-f]{16}$/);
    expect(names[2]!.length).toBeLessThanOrEqual(63);
    expect(names[3]).toBe(names[2]);
  });

  test('is sent with its name in a comment, whether or not it is prepared', () => {
    const texts = Array.from({ length: 3 }, () => prepared.use(statement('bots', 'select 1')).text);
    expect(new Set(texts)).toEqual(new Set(['/* bots */ select 1']));
  });

  test('of the program itself is prepared at once, however much else is', () => {
    for (let nth = 0; nth < 700; nth += 1) namesOf(4, `select ${nth}`);
    expect(prepared.use(fixedStatement('fixed', 'select 1')).name).toMatch(/^fixed_[0-9a-f]{16}$/);
  });

  test('is never prepared when its text is huge', () => {
    expect(namesOf(5, `select '${'x'.repeat(10_000)}'`)).toEqual(Array.from({ length: 5 }));
  });

  test('is still prepared after a flood of others that come once', () => {
    for (let nth = 0; nth < 5_000; nth += 1) nameOf(`select ${nth}`);
    expect(namesOf(3, 'select again')[2]).toBeDefined();
  });

  test('is forgotten when two thousand others came since', () => {
    expect(namesOf(2, 'select again')).toEqual([undefined, undefined]);
    for (let nth = 0; nth < 2_000; nth += 1) nameOf(`select ${nth}`);
    expect(namesOf(2, 'select again')).toEqual([undefined, undefined]);
    expect(nameOf('select again')).toBeDefined();
  });

  test('is one of five hundred at most that are prepared, however many come again', () => {
    const names = new Set(Array.from({ length: 700 }, (_, nth) => namesOf(4, `select ${nth}`)[3]));
    names.delete(undefined);
    expect(names.size).toBe(500);
  });
});

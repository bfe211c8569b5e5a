import fc from 'fast-check';
import { GraphQLError, parseValue } from 'graphql';
import { describe, expect, test } from 'vitest';
import {
  BigIntScalar,
  DateTimeScalar,
  JSONObjectScalar,
  VectorScalar,
} from '../../../src/graphql/scalars.js';

/** What a scalar makes of a literal as it stands in an operation. */
const literal = (
  scalar: { parseLiteral(node: never, variables: never): unknown },
  text: string,
  variables: object = {},
) => scalar.parseLiteral(parseValue(text) as never, variables as never);

function expectRefusal(work: () => unknown, message: RegExp): void {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(GraphQLError);
    expect((error as GraphQLError).extensions.code).toBe('BAD_USER_INPUT');
    expect((error as GraphQLError).message).toMatch(message);
    return;
  }
  throw new Error('It was taken.');
}

describe('DateTime', () => {
  test.each([
    '2026-01-31T09:30:00Z',
    '2026-01-31T09:30:00.1Z',
    '2026-01-31T09:30:00.123456Z',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999Z',
  ])('takes %s as it is written', text => {
    expect(DateTimeScalar.parseValue(text)).toBe(text);
    expect(literal(DateTimeScalar, JSON.stringify(text))).toBe(text);
  });

  test.each([
    ['2024-02-29T23:59:59.999999+05:30', '2024-02-29T18:29:59.999999Z'],
    ['2026-01-31T09:30:00-15:59', '2026-02-01T01:29:00Z'],
    ['2026-01-31T09:30:00.5+16:00', '2026-01-30T17:30:00.5Z'],
    ['2026-01-31T09:30:00-23:59', '2026-02-01T09:29:00Z'],
    ['0001-01-01T23:59:00+23:59', '0001-01-01T00:00:00Z'],
    ['9999-12-31T00:00:59.999999-23:59', '9999-12-31T23:59:59.999999Z'],
    ['2026-01-31T09:30:00-00:00', '2026-01-31T09:30:00Z'],
    ['2026-01-31t09:30:00.1z', '2026-01-31T09:30:00.1Z'],
    ['2026-01-31t09:30:00+01:00', '2026-01-31T08:30:00Z'],
  ])('takes %s as %s', (text, utc) => {
    expect(DateTimeScalar.parseValue(text)).toBe(utc);
    expect(literal(DateTimeScalar, JSON.stringify(text))).toBe(utc);
  });

  test.each([
    ['a day that the month does not have', '2026-02-30T00:00:00Z'],
    ['the leap day of a common year', '2025-02-29T00:00:00Z'],
    ['month 13', '2026-13-01T00:00:00Z'],
    ['month 0', '2026-00-10T00:00:00Z'],
    ['day 0', '2026-01-00T00:00:00Z'],
    ['hour 24', '2026-01-31T24:00:00Z'],
    ['minute 60', '2026-01-31T09:60:00Z'],
    ['a leap second', '2016-12-31T23:59:60Z'],
    ['year 0', '0000-01-01T00:00:00Z'],
  ])('refuses %s, which no calendar has', (_, text) => {
    expectRefusal(() => DateTimeScalar.parseValue(text), /does not exist/);
  });

  test.each([
    ['no zone', '2026-01-31T09:30:00'],
    ['seven digits of a second', '2026-01-31T09:30:00.1234567Z'],
    ['a point without digits', '2026-01-31T09:30:00.Z'],
    ['a date alone', '2026-01-31'],
    ['a space for the T', '2026-01-31 09:30:00Z'],
    ['no seconds', '2026-01-31T09:30Z'],
    ['a signed year', '+002026-01-31T09:30:00Z'],
    ['a zone without colon', '2026-01-31T09:30:00+0100'],
    ['a zone of a whole day', '2026-01-31T09:30:00-24:00'],
    ['a zone of sixty minutes', '2026-01-31T09:30:00+01:60'],
    ['a line break at the end', '2026-01-31T09:30:00Z\n'],
    ['digits of another script', '٢٠٢٦-01-31T09:30:00Z'],
    ['nothing', ''],
    ['a word', 'now'],
    ['a number', 1_769_851_800],
    ['a Date', new Date(0)],
  ])('refuses %s and shows the form', (_, value) => {
    expectRefusal(
      () => DateTimeScalar.parseValue(value),
      /must look like "2026-01-31T09:30:00.123456Z"/,
    );
  });

  test('refuses what its zone takes out of the years that can be shown', () => {
    for (const text of ['0001-01-01T00:00:00+00:01', '9999-12-31T23:59:59.999999-00:01'])
      expectRefusal(() => DateTimeScalar.parseValue(text), /outside the years 1 to 9999/);
  });

  test('refuses a literal that is no string', () => {
    for (const text of ['5', 'true', '[]', '{}', 'NOW'])
      expectRefusal(() => literal(DateTimeScalar, text), /must be a string/);
  });

  test.each([
    'infinity',
    '-infinity',
    '10000-01-01 00:00:00+00',
    '0044-03-15 12:00:00+00 BC',
    '2026-01-31 09:30:00+01',
  ])('shows nothing for %s, which RFC 3339 cannot write', stored => {
    expect(() => DateTimeScalar.serialize(stored)).toThrow(
      `The database contains the time "${stored}" here, which DateTime cannot show.`,
    );
  });

  test('shows six digits of a second in UTC', () => {
    expect(DateTimeScalar.serialize('2026-01-31 09:30:00+00')).toBe('2026-01-31T09:30:00.000000Z');
    expect(DateTimeScalar.serialize('2026-01-31 09:30:00.1+00')).toBe(
      '2026-01-31T09:30:00.100000Z',
    );
    expect(DateTimeScalar.serialize('2026-01-31 09:30:00.000001+00')).toBe(
      '2026-01-31T09:30:00.000001Z',
    );
  });
});

describe('BigInt', () => {
  test.each([0, 1, -1, 2 ** 53 - 1, -(2 ** 53 - 1)])('takes the number %s', value => {
    expect(BigIntScalar.parseValue(value)).toBe(String(value));
    expect(literal(BigIntScalar, String(value))).toBe(String(value));
  });

  test.each(['0', '-1', '9223372036854775807', '-9223372036854775808', '9007199254740993'])(
    'takes the text %s',
    text => {
      expect(BigIntScalar.parseValue(text)).toBe(text);
      expect(literal(BigIntScalar, JSON.stringify(text))).toBe(text);
      expect(literal(BigIntScalar, text)).toBe(text);
    },
  );

  test.each([
    2 ** 53,
    1.5,
    NaN,
    Infinity,
    '9223372036854775808',
    '-9223372036854775809',
    '1e3',
    '1.0',
    '',
    ' 1',
    '1 ',
    '0x10',
    '+1',
    '--1',
    '1_000',
    '٣',
    true,
    null,
    [],
    {},
  ])('refuses %j', value =>
    expectRefusal(() => BigIntScalar.parseValue(value), /whole number of at most 64 bits/),
  );

  test('refuses literals that are neither whole numbers nor strings', () => {
    for (const text of ['1.5', 'true', '[1]', '{}'])
      expectRefusal(() => literal(BigIntScalar, text), /whole number/);
  });

  test('shows a number while JavaScript holds it exactly, then a string', () => {
    expect(BigIntScalar.serialize('9007199254740991')).toBe(9_007_199_254_740_991);
    expect(BigIntScalar.serialize('-9007199254740991')).toBe(-9_007_199_254_740_991);
    expect(BigIntScalar.serialize('9007199254740992')).toBe('9007199254740992');
    expect(BigIntScalar.serialize(9_223_372_036_854_775_807n)).toBe('9223372036854775807');
    expect(BigIntScalar.serialize(5)).toBe(5);
  });

  test('brings every 64-bit number through a filter and back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), value => {
        expect(BigInt(BigIntScalar.parseValue(BigIntScalar.serialize(value)))).toBe(value);
      }),
    );
  });
});

describe('JSONObject', () => {
  test('takes objects, and in literals their variables', () => {
    expect(JSONObjectScalar.parseValue({ a: [1, { b: null }] })).toEqual({ a: [1, { b: null }] });
    expect(
      literal(JSONObjectScalar, '{ a: [1, 2.5, true, null, "x", $v], b: {} }', { v: 7 }),
    ).toEqual({ a: [1, 2.5, true, null, 'x', 7], b: {} });
  });

  test.each(['v', 'toString', 'constructor', '__proto__'])(
    'has null where the variable $%s was left out, in objects and in lists',
    name => {
      for (const variables of [{}, undefined, JSON.parse(`{"${name}": null}`)]) {
        const value = literal(
          JSONObjectScalar,
          `{ a: $${name}, b: [$${name}, { c: $${name} }] }`,
          variables,
        );
        expect(JSON.stringify(value)).toBe('{"a":null,"b":[null,{"c":null}]}');
      }
    },
  );

  test.each([null, 1, 'text', true, [], [{}]])('refuses %j', value => {
    expectRefusal(() => JSONObjectScalar.parseValue(value), /must be an object/);
    expectRefusal(() => literal(JSONObjectScalar, JSON.stringify(value)), /must be an object/);
  });

  test('refuses numbers that JSON cannot hold, anywhere in it', () => {
    expectRefusal(() => literal(JSONObjectScalar, '{ a: [1, { b: 1e999 }] }'), /finite/);
    expectRefusal(() => JSONObjectScalar.parseValue(JSON.parse('{"a": -1e999}')), /finite/);
  });
});

describe('Vector', () => {
  test('takes a list of finite numbers', () => {
    expect(VectorScalar.parseValue([1, -0.5, 1e-7])).toEqual([1, -0.5, 1e-7]);
    expect(literal(VectorScalar, '[1, -0.5, 1e-7]')).toEqual([1, -0.5, 1e-7]);
  });

  test('refuses what is not one, and names the item', () => {
    for (const value of [null, 1, '[1]', {}])
      expectRefusal(() => VectorScalar.parseValue(value), /list of numbers/);
    for (const item of ['1', null, true, NaN, Infinity, [1]])
      expectRefusal(() => VectorScalar.parseValue([0, item]), /index 1/);
    for (const text of ['1', '"[1]"', '{}'])
      expectRefusal(() => literal(VectorScalar, text), /list of numbers/);
    for (const text of ['[0, "1"]', '[0, 1e999]', '[0, null]', '[0, [1]]'])
      expectRefusal(() => literal(VectorScalar, text), /index 1/);
  });

  test("shows pgvector's text as numbers", () => {
    expect(VectorScalar.serialize('[0.1,-2,1e-05]')).toEqual([0.1, -2, 0.00001]);
  });
});

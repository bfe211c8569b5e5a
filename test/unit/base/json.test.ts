import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isJsonNumber,
  isUsableNumber,
  jsonNumber,
  MAX_DIGITS,
  mayLoseDigits,
  parseJsonExactly,
  toDouble,
} from '../../../src/base/json.js';

/** A decimal as a whole number and a power of ten that no ten divides: equal for equal decimals. */
function decimal(text: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)!;
  let digits = BigInt(whole! + fraction);
  if (digits === 0n) return '0';
  let power = BigInt(exponent) - BigInt(fraction.length);
  for (; digits % 10n === 0n; power += 1n) digits /= 10n;
  return `${sign}${digits}e${power}`;
}

const digits = (max: number) => fc.stringMatching(new RegExp(`^\\d{1,${max}}$`));
const anyNumber = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9]\d{0,30}$/)),
    fc.option(digits(30)),
    fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'e-'), digits(3))),
  )
  .map(
    ([sign, whole, fraction, exponent]) =>
      sign +
      whole +
      (fraction === null ? '' : `.${fraction}`) +
      (exponent === null ? '' : exponent.join('')),
  );

describe('a number of JSON', () => {
  test('is written again with the value that it was read with, whatever its form', () => {
    fc.assert(
      fc.property(anyNumber, text => {
        expect(decimal(JSON.stringify(parseJsonExactly(text)))).toBe(decimal(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('is the same wherever it stands', () => {
    fc.assert(
      fc.property(
        anyNumber,
        fc.constantFrom('[%]', '{"a":%}', '{ "a" : [ 1, % ] }', '[{"a":[%,"9"]}]', '\n%\t'),
        (text, around) => {
          const [, written] = /[[:,\s]*(-?\d[^,\]}\s]*)[\]}]*$/.exec(
            JSON.stringify(parseJsonExactly(around.replace('%', text))).replace(',"9"', ''),
          )!;
          expect(decimal(written!)).toBe(decimal(text));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('is a JavaScript number where that is exact, and else its digits in one form', () => {
    expect(
      [
        '1',
        '1.0',
        '1e0',
        '10E-1',
        '0.00000000000000000',
        '-5e-324',
        '0.30000000000000004',
        '9007199254740991',
      ].map(jsonNumber),
    ).toEqual([1, 1, 1, 1, 0, -5e-324, 0.30000000000000004, 2 ** 53 - 1]);
    for (const text of [
      '9007199254740993',
      '9007199254740993.0',
      '9007199254740993000e-3',
      '9.007199254740993E15',
    ])
      expect(String(jsonNumber(text))).toBe('9007199254740993');
    expect(String(jsonNumber('1e400'))).toBe(`1${'0'.repeat(400)}`);
    expect(String(jsonNumber('-1.5e-400'))).toBe(`-0.${'0'.repeat(399)}15`);
    expect(String(jsonNumber('9007199254740993'))).not.toBe(String(jsonNumber('9007199254740992')));
  });

  test('has a place up to a number of digits, whatever its exponent', () => {
    const usable = (text: string): boolean => isUsableNumber(jsonNumber(text));
    expect(
      [
        '1'.repeat(MAX_DIGITS),
        `1e${MAX_DIGITS - 1}`,
        `1e-${MAX_DIGITS}`,
        '1.7976931348623157e308',
        '5e-324',
      ].map(usable),
    ).toEqual([true, true, true, true, true]);
    expect(
      [
        '1'.repeat(MAX_DIGITS + 1),
        `1e${MAX_DIGITS}`,
        `1e-${MAX_DIGITS + 1}`,
        '1e131071',
        '-1e200000',
        '1e-99999999999999999999',
        `1e${'9'.repeat(400)}`,
      ].map(usable),
    ).toEqual(Array(7).fill(false));
    expect([NaN, Infinity].map(isUsableNumber)).toEqual([false, false]);
  });

  test('is told from objects, and measured', () => {
    expect([1, NaN, jsonNumber('1e400')].map(isJsonNumber)).toEqual([true, true, true]);
    expect(['1', null, {}, { rawJSON: '1' }, [1], true].map(isJsonNumber)).toEqual(
      Array(6).fill(false),
    );
    expect([jsonNumber('9007199254740993'), 0.5].map(toDouble)).toEqual([2 ** 53, 0.5]);
  });
});

describe('mayLoseDigits', () => {
  test('leaves usual texts to JSON.parse', () => {
    for (const value of [
      { a: 1, b: [0.25, -123456789012345, 12345678901.234] },
      { id: '0193e4e5-4e5f-7000-8000-123456789012', n: '9007199254740993' },
      '1e5',
      null,
    ]) {
      expect(mayLoseDigits(JSON.stringify(value))).toBe(false);
    }
  });

  test('sees every number that JSON.parse changes', () => {
    fc.assert(
      fc.property(anyNumber, text => {
        if (decimal(String(Number(text)).replace('Infinity', '0')) !== decimal(text))
          expect(mayLoseDigits(text)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('looks for a number of sixteen characters or with an exponent, where one may begin', () => {
    const PATTERN = /(?:^|[:,[\s])-?\d(?:[\d.]{15}|[\d.]*[eE])/;
    const piece = fc.oneof(
      fc.constantFrom(...'-.,:[]{}"eEa \n\t'),
      fc.stringMatching(/^\d{1,17}$/),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
        const text = pieces.join('');
        expect(mayLoseDigits(text)).toBe(PATTERN.test(text));
      }),
      { numRuns: 5_000 },
    );
  });
});

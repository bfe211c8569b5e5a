/**
 * A number of JSON, as a JavaScript number where that is the same and, if whole, safe:
 * `Number.isSafeInteger`.
 */
export type JsonNumber = number | ExactNumber;

/**
 * A number with all its digits, which `JSON.stringify` writes as they are. A class of its own and
 * not the language's raw JSON, which libraries take for an object of theirs and write to. Ask
 * `isJsonNumber` before asking for `typeof`.
 */
export class ExactNumber {
  constructor(readonly text: string) {}

  /**
   * Raw JSON for `JSON.stringify`, which says for which member; the text for graphql-js, which
   * shows values in its messages and does not.
   */
  toJSON(key?: string): RawJSON | string {
    return key === undefined ? this.text : JSON.rawJSON(this.text);
  }

  toString(): string {
    return this.text;
  }
}

interface RawJSON {
  readonly rawJSON: string;
}

declare global {
  /**
   * https://github.com/tc39/proposal-json-parse-with-source: in Node since 21, and in no library of
   * TypeScript yet.
   */
  interface JSON {
    rawJSON(text: string): RawJSON;
    isRawJSON(value: unknown): value is RawJSON;
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
  }
}

/**
 * Digits that a number may have, written without an exponent: more than any JavaScript number has.
 * `1e131071` would fill a disk with zeros.
 */
export const MAX_DIGITS = 500;

/**
 * Digits that a JavaScript number holds, whichever they are, and so many characters of a number
 * hold no more: `MAX_SAFE_CHARACTERS`.
 */
const SAFE = /^-?[\d.]{1,15}$/;

const MAX_SAFE_CHARACTERS = 15;
const [ZERO, NINE, POINT, MINUS] = [0x30, 0x39, 0x2e, 0x2d];
const [UPPER_E, LOWER_E] = [0x45, 0x65];

/**
 * Whether `JSON.parse` alone could change a number of this text: one with an exponent or more
 * characters than are safe. It may stand in a string as well, where it costs a second look. A loop,
 * since bodies with vectors have a hundred thousand numbers: a regular expression takes four times
 * as long.
 */
export function mayLoseDigits(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    let code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) continue;
    const start = at;
    do code = text.charCodeAt((at += 1));
    while ((code >= ZERO && code <= NINE) || code === POINT);
    if (at - start <= MAX_SAFE_CHARACTERS && code !== UPPER_E && code !== LOWER_E) continue;
    if (text.charCodeAt(start - 1) === MINUS) {
      if (isBeforeNumber(text.charCodeAt(start - 2))) return true;
    } else if (isBeforeNumber(text.charCodeAt(start - 1))) return true;
  }
  return false;
}

/** `,`, `:`, `[`, white space of JSON, or NaN for nothing at all. */
function isBeforeNumber(code: number): boolean {
  return (
    code === 0x2c ||
    code === 0x3a ||
    code === 0x5b ||
    code === 0x20 ||
    (code >= 0x09 && code <= 0x0d) ||
    Number.isNaN(code)
  );
}

/**
 * `JSON.parse` that returns numbers with all their digits. It takes ten times as long if the text
 * contains such a number.
 */
export function parseJsonExactly(text: string): unknown {
  if (!mayLoseDigits(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === 'number' ? jsonNumber(source!) : value,
  );
}

/**
 * A number as JSON writes it. Of equal numbers that JavaScript cannot hold, all get the same text.
 */
export function jsonNumber(text: string): JsonNumber {
  const number = Number(text);
  if (SAFE.test(text)) return number;
  const plain = plainText(text);
  const isSame = Number.isFinite(number) && plain === plainText(String(number));
  return isSame && (Number.isSafeInteger(number) || !Number.isInteger(number))
    ? number
    : new ExactNumber(plain);
}

export function isJsonNumber(value: unknown): value is JsonNumber {
  return typeof value === 'number' || value instanceof ExactNumber;
}

/** A number of at most `MAX_DIGITS` digits, which the database and JSON can store. */
export function isUsableNumber(value: JsonNumber): boolean {
  return typeof value === 'number' ? Number.isFinite(value) : !value.text.includes('e');
}

/** The nearest JavaScript number, for measuring but not for comparing. */
export function toDouble(value: JsonNumber): number {
  return Number(value);
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/**
 * The one text of all that are equal: without an exponent unless that takes more than `MAX_DIGITS`
 * digits.
 */
function plainText(text: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] = DECIMAL.exec(text)!;
  const all = whole! + fraction;
  const digits = trimZeros(all);
  if (digits === '') return '0';
  // Of the number as 0.digits × 10^place.
  const decimalPoint = whole!.length - all.search(/[1-9]/) + Number(exponent);
  if (Math.max(decimalPoint, 0) + Math.max(digits.length - decimalPoint, 0) > MAX_DIGITS)
    return Number.isSafeInteger(decimalPoint)
      ? `${sign}${digits}e${decimalPoint - digits.length}`
      : text.toLowerCase();
  const before = decimalPoint > 0 ? digits.slice(0, decimalPoint).padEnd(decimalPoint, '0') : '0';
  const after = decimalPoint > 0 ? digits.slice(decimalPoint) : '0'.repeat(-decimalPoint) + digits;
  return sign + before + (after && `.${after}`);
}

function trimZeros(digits: string): string {
  const first = digits.search(/[1-9]/);
  if (first < 0) return '';
  // Not by /0+$/, which begins anew at every zero.
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return digits.slice(first, end);
}

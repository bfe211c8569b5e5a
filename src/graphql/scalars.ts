import {
  GraphQLError,
  GraphQLFloat,
  GraphQLScalarType,
  Kind,
  valueFromASTUntyped,
  type ValueNode,
} from 'graphql';
import { AppError } from '../base/app-error.js';
import {
  ExactNumber,
  isJsonNumber,
  isUsableNumber,
  jsonNumber,
  MAX_DIGITS,
  type JsonNumber,
} from '../base/json.js';

const INT64_MAX = 2n ** 63n - 1n;

/** Refuses a value the way graphql-js reports it: with the variable or argument that held it. */
function refuse(message: string): never {
  throw new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

// https://www.rfc-editor.org/rfc/rfc3339#section-5.6, with up to six digits of a second.
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d{1,6})?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/i;
const MS_OF_MINUTE = 60_000;

/**
 * Checks an instant and gives it as text in UTC, since PostgreSQL knows no zone beyond 15:59. Its
 * fraction stays as it is written: a `Date` would drop its microseconds.
 */
function parseDateTime(value: unknown): string {
  const match = typeof value === 'string' ? DATE_TIME.exec(value) : null;
  if (!match)
    refuse(
      'DateTime must look like "2026-01-31T09:30:00.123456Z": ISO 8601 with a time zone ' +
        'and at most microseconds.',
    );
  const [text, day, time, fraction = '', sign, hours = 0, minutes = 0] = match;
  // Without the zone: a leap day or an hour 24 that does not exist would silently roll over in
  // Date.
  const local = new Date(`${day}T${time}Z`);
  const exact = !Number.isNaN(local.getTime()) && local.toISOString().startsWith(`${day}T${time}`);
  if (!exact || day!.startsWith('0000'))
    refuse(`DateTime "${text}" does not exist in the calendar.`);
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  const utc = new Date(local.getTime() - offset * MS_OF_MINUTE);
  if (utc.getUTCFullYear() < 1 || utc.getUTCFullYear() > 9999)
    refuse(`DateTime "${text}" is outside the years 1 to 9999 in UTC.`);
  return `${utc.toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}${fraction}Z`;
}

/**
 * PostgreSQL's text form in UTC, `2026-11-23 09:30:00.1234+00`, as RFC 3339 with six digits of a
 * second. Throws where it holds what RFC 3339 cannot write: infinity, a year of five digits or
 * before Christ. Rows from before the constraints against it may.
 */
function serializeDateTime(value: unknown): string {
  const text = String(value);
  if (text.charAt(4) !== '-' || !text.endsWith('+00')) {
    const what = `The database contains the time "${text}" here, which DateTime cannot show.`;
    throw new AppError(
      'INTERNAL_SERVER_ERROR',
      `${what} Tell the operator of this gateway: "weaver db doctor" names the row.`,
    );
  }
  const fraction = text.length > 22 ? text.slice(20, -3).padEnd(6, '0') : '000000';
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}Z`;
}

export const DateTimeScalar = new GraphQLScalarType<string, string>({
  name: 'DateTime',
  description:
    'A point in time as ISO 8601 text in UTC with microseconds, such as ' +
    '`2026-01-31T09:30:00.123456Z`. Input may have any time zone.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: serializeDateTime,
  parseValue: parseDateTime,
  parseLiteral: node =>
    node.kind === Kind.STRING ? parseDateTime(node.value) : refuse('DateTime must be a string.'),
});

function parseBigInt(value: unknown): string {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (
    typeof text !== 'string' ||
    !/^-?\d{1,19}$/.test(text) ||
    BigInt(text) > INT64_MAX ||
    BigInt(text) < -INT64_MAX - 1n
  ) {
    const hint = isJsonNumber(value) ? ' Send a number beyond 2^53 - 1 as a string of digits.' : '';
    refuse(
      `BigInt must be a whole number of at most 64 bits, as a number or a string of digits.${hint}`,
    );
  }
  return text;
}

export const BigIntScalar = new GraphQLScalarType<string, number | string>({
  name: 'BigInt',
  description:
    'A whole number of up to 64 bits: a JSON number if JavaScript can represent it ' +
    'exactly (up to 2^53 - 1), else a string of digits.',
  extensions: { isNotItsJson: true },
  serialize(value) {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  },
  parseValue: parseBigInt,
  parseLiteral: node =>
    node.kind === Kind.INT || node.kind === Kind.STRING
      ? parseBigInt(node.value)
      : refuse('BigInt must be a whole number.'),
});

const AT_MOST = `at most ${MAX_DIGITS} digits`;
/**
 * What stands for numbers that nothing may hold, in the words of every scalar that takes numbers
 * digit for digit.
 */
export const FINITE_NUMBERS = `finite numbers of ${AT_MOST}, written without an exponent`;

function parseJsonObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isJsonNumber(value))
    refuse('JSONObject must be an object, such as {"category": "returns"}.');
  const location = pathOfUnusable(value, '');
  if (location !== undefined)
    refuse(`JSONObject must hold ${FINITE_NUMBERS}: ${location.slice(1)} is not one.`);
  return value as Record<string, unknown>;
}

/**
 * Where in a value a number is that neither JSON nor the database can hold. JavaScript reads
 * `1e999` as infinity, and writes it as null.
 */
function pathOfUnusable(value: unknown, path: string): string | undefined {
  if (isJsonNumber(value)) return isUsableNumber(value) ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const location = pathOfUnusable(
      member,
      Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`,
    );
    if (location !== undefined) return location;
  }
  return undefined;
}

/**
 * A literal as JSON, its numbers as they are written. A variable that was left out is null, in an
 * object as in a list, whatever its name: an object without the member would ask for less as a
 * condition, and say less as a value, than what is written there.
 */
export function jsonOfLiteral(
  node: ValueNode,
  variables: Record<string, unknown> | null | undefined,
): unknown {
  switch (node.kind) {
    case Kind.VARIABLE:
      return (
        (variables && Object.hasOwn(variables, node.name.value)
          ? variables[node.name.value]
          : null) ?? null
      );
    case Kind.LIST:
      return node.values.map(item => jsonOfLiteral(item, variables));
    case Kind.OBJECT:
      return Object.fromEntries(
        node.fields.map(field => [field.name.value, jsonOfLiteral(field.value, variables)]),
      );
    case Kind.INT:
    case Kind.FLOAT:
      return jsonNumber(node.value);
    default:
      return valueFromASTUntyped(node);
  }
}

export const JSONObjectScalar = new GraphQLScalarType<
  Record<string, unknown>,
  Record<string, unknown>
>({
  name: 'JSONObject',
  description:
    'A JSON object with any members. Its numbers keep all their digits, up to ' +
    `${MAX_DIGITS}; JavaScript's \`JSON.parse\` does not.`,
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
  serialize: value => value as Record<string, unknown>,
  parseValue: parseJsonObject,
  parseLiteral: (node, variables) => parseJsonObject(jsonOfLiteral(node, variables)),
});

function parseFloatValue(value: unknown): JsonNumber {
  if (!(value instanceof ExactNumber)) return GraphQLFloat.parseValue(value);
  if (!isUsableNumber(value))
    refuse(`Float must be one of the ${FINITE_NUMBERS}; it is ${String(value)}.`);
  return value;
}

/**
 * GraphQL's own `Float`, whose input keeps all its digits where JavaScript cannot hold them: bounds
 * are compared with metadata, which does so too. Whoever measures with it takes `toDouble`. Every
 * field of the schema must have this one, since a name stands for one type.
 */
export const Float = new GraphQLScalarType<JsonNumber, number>({
  name: GraphQLFloat.name,
  description: GraphQLFloat.description,
  serialize: GraphQLFloat.serialize,
  parseValue: parseFloatValue,
  parseLiteral: (node, variables) =>
    node.kind === Kind.INT || node.kind === Kind.FLOAT
      ? parseFloatValue(jsonNumber(node.value))
      : GraphQLFloat.parseLiteral(node, variables),
});

function parseVector(value: unknown): number[] {
  if (!Array.isArray(value)) refuse('Vector must be a list of numbers.');
  const wrong = value.findIndex(item => typeof item !== 'number' || !Number.isFinite(item));
  if (wrong >= 0)
    refuse(`Vector must hold finite numbers only; the item at index ${wrong} is not one.`);
  return value as number[];
}

function vectorOfLiteral(node: ValueNode): number[] {
  if (node.kind !== Kind.LIST) refuse('Vector must be a list of numbers.');
  return parseVector(
    node.values.map(item =>
      item.kind === Kind.INT || item.kind === Kind.FLOAT ? Number(item.value) : NaN,
    ),
  );
}

export const VectorScalar = new GraphQLScalarType<number[], number[]>({
  name: 'Vector',
  description:
    'An embedding: a list of finite numbers, 1536 of them in answers. Input may also ' +
    "have the length of the embedding model's vectors.",
  extensions: { readsDoubles: true, isNotItsJson: true },
  // pgvector's text form, `[0.1,0.2]`, is JSON.
  serialize: value => (typeof value === 'string' ? JSON.parse(value) : value) as number[],
  parseValue: parseVector,
  parseLiteral: vectorOfLiteral,
});

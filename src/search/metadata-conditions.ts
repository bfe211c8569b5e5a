import { badInput } from '../base/app-error.js';
import type { JsonNumber } from '../base/json.js';
import type { SqlParameters } from '../graphql/sql-parameters.js';
import type { MetadataCondition, Range } from './search.inputs.js';

/** With those within others. */
const MAX_CONDITIONS = 20;
const MAX_DEPTH = 5;
const MAX_KEYS = 8;
const MAX_KEY_LENGTH = 200;
const MAX_VALUES = 100;
const FIELD = 'input.metadataConditions';

/** Operators that compare the value with a list. */
const LISTS = ['in', 'hasAny', 'hasAll'] as const;

/** The conditions as they are. Throws `BAD_USER_INPUT` naming what passes a limit. */
export function checkMetadataConditions(
  conditions: readonly MetadataCondition[],
): readonly MetadataCondition[] {
  const count = countConditions(conditions);
  if (count > MAX_CONDITIONS)
    throw badInput(
      FIELD,
      count === conditions.length
        ? `${FIELD} has ${count} items; the limit is ${MAX_CONDITIONS}.`
        : `${FIELD} has ${count} conditions, with those in and, or and not; the limit is ` +
            `${MAX_CONDITIONS}.`,
    );
  for (const [index, condition] of conditions.entries())
    checkCondition(condition, `${FIELD}[${index}]`, 1);
  return conditions;
}

function countConditions(conditions: readonly MetadataCondition[]): number {
  return conditions.reduce(
    (sum, { and, or, not }) =>
      sum + 1 + countConditions([...(and ?? []), ...(or ?? []), ...(not ? [not] : [])]),
    0,
  );
}

function checkCondition(condition: MetadataCondition, where: string, depth: number): void {
  const { path, and, or, not } = condition;
  if (depth > MAX_DEPTH)
    throw badInput(where, `${where} is nested too deeply; the limit is ${MAX_DEPTH} levels.`);
  if (path != null) checkPath(path, `${where}.path`);
  for (const name of LISTS) {
    const values = condition[name];
    if (values && values.length > MAX_VALUES)
      throw badInput(
        `${where}.${name}`,
        `${where}.${name} has ${values.length} values; the limit is ${MAX_VALUES}.`,
      );
  }
  const comparing = hasOperator(condition);
  const combining = [and, or, not].some(asked => asked != null);
  if (!comparing && (path != null || !combining))
    throw badInput(
      where,
      `${where} has no operator: set equals, in, exists, isNull, hasAny, hasAll, number or ` +
        'date. A null, for example from a variable without a value, does not count.',
    );
  if (comparing && path == null)
    throw badInput(
      `${where}.path`,
      `${where}.path is missing: set the keys that lead to the value.`,
    );
  refuseNulls(condition, where);
  for (const [name, conditions] of Object.entries({ and, or })) {
    if (conditions?.length === 0)
      throw badInput(
        `${where}.${name}`,
        `${where}.${name} is empty: set at least one condition, or omit it.`,
      );
    for (const [index, each] of (conditions ?? []).entries())
      checkCondition(each, `${where}.${name}[${index}]`, depth + 1);
  }
  if (not) checkCondition(not, `${where}.not`, depth + 1);
}

function checkPath(path: readonly string[], where: string): void {
  if (path.length < 1 || path.length > MAX_KEYS)
    throw badInput(where, `${where} must have 1 to ${MAX_KEYS} keys; it has ${path.length}.`);
  const long = path.findIndex(key => key.length > MAX_KEY_LENGTH);
  if (long >= 0)
    throw badInput(
      `${where}[${long}]`,
      `${where}[${long}] has ${path[long]!.length} characters; the limit is ${MAX_KEY_LENGTH}.`,
    );
}

/** A range without bounds does: it asks for a number, or a date. */
function hasOperator(condition: MetadataCondition): boolean {
  return Object.values(operatorsOf(condition)).some(asked => asked != null);
}

function operatorsOf({
  equals,
  in: values,
  exists,
  isNull,
  hasAny,
  hasAll,
  number,
  date,
}: MetadataCondition): Record<string, unknown> {
  return { equals, in: values, exists, isNull, hasAny, hasAll, number, date };
}

/**
 * Elsewhere null asks nothing. Here that would let through what the rest of the condition lets
 * through, such as every number where a bound was to keep some away.
 */
function refuseNulls(condition: MetadataCondition, where: string): void {
  const { number, date, and, or, not } = condition;
  const bounds = { ...prefixed('number', number), ...prefixed('date', date) };
  const given = { ...operatorsOf(condition), ...bounds, and, or, not };
  for (const [name, value] of Object.entries(given)) {
    if (value === null)
      throw badInput(
        `${where}.${name}`,
        `${where}.${name} is null, which a metadata condition does not accept: set a ` +
          'value, or omit it.',
      );
  }
}

function prefixed(
  operator: string,
  range: Partial<Range<unknown>> | null | undefined,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(range ?? {}).map(([bound, value]) => [`${operator}.${bound}`, value]),
  );
}

/**
 * A condition, checked, on `doc_chunks t`. False or null where it does not hold; whatever the
 * metadata is, never an error.
 */
export function metadataSql(condition: MetadataCondition, parameters: SqlParameters): string {
  const { path, and, or, not } = condition;
  const each = (conditions: readonly MetadataCondition[]): string[] =>
    conditions.map(one => metadataSql(one, parameters));
  return all([
    ...(path == null ? [] : comparisons(path, condition, parameters)),
    ...each(and ?? []),
    ...(or == null ? [] : [`(${each(or).join(' or ')})`]),
    // Null too is no: there is no value that could make it hold.
    ...(not == null ? [] : [`${metadataSql(not, parameters)} is not true`]),
  ]);
}

function comparisons(
  path: readonly string[],
  { equals, in: values, exists, isNull, hasAny, hasAll, number, date }: MetadataCondition,
  parameters: SqlParameters,
): string[] {
  const value = `(t.chunk_metadata #> ${parameters.add(path, 'text[]')})`;
  const json = (compared: unknown): string => parameters.add(JSON.stringify(compared), 'jsonb');
  const addNumber = (bound: JsonNumber): string => parameters.add(String(bound), 'numeric');
  const addDate = (bound: string): string => parameters.add(bound, 'timestamptz');
  return [
    ...(equals == null ? [] : [`${value} = ${json(equals)}`]),
    ...(values == null ? [] : [`${value} in (select jsonb_array_elements(${json(values)}))`]),
    ...(exists == null ? [] : [`${value} is ${exists ? 'not ' : ''}null`]),
    ...(isNull == null
      ? []
      : [`coalesce(jsonb_typeof(${value}), 'null') ${isNull ? '=' : '<>'} 'null'`]),
    // A list contains a list of which it has all items; nothing but a list contains one.
    ...(hasAny == null
      ? []
      : [
          `${value} @> any (array(select jsonb_build_array(item) ` +
            `from jsonb_array_elements(${json(hasAny)}) item))`,
        ]),
    ...(hasAll == null ? [] : [`${value} @> ${json(hasAll)}`]),
    // `case` is what keeps PostgreSQL from casting what is no number.
    ...(number == null
      ? []
      : [
          `case jsonb_typeof(${value}) when 'number' then ` +
            `${rangeSql(`${value}::numeric`, number, addNumber)} end`,
        ]),
    ...(date == null
      ? []
      : [
          `case jsonb_typeof(${value}) when 'string' then ` +
            `${rangeSql(instantSql(`(${value} #>> '{}')`), date, addDate)} end`,
        ]),
  ];
}

/** A range as a condition on `expression`, which must not be null in any case. */
export function rangeSql<T>(
  expression: string,
  { gt, gte, lt, lte }: Range<T>,
  add: (bound: T) => string,
): string {
  return all([
    ...(gt == null ? [] : [`${expression} > ${add(gt)}`]),
    ...(gte == null ? [] : [`${expression} >= ${add(gte)}`]),
    ...(lt == null ? [] : [`${expression} < ${add(lt)}`]),
    ...(lte == null ? [] : [`${expression} <= ${add(lte)}`]),
    `${expression} is not null`,
  ]);
}

/** Of ASCII: `\d` is any script's where the database has a locale of ICU. */
const D = '[0-9]';

/**
 * A calendar date, and with it a time with or without a zone. That the date exists is asked of the
 * calendar.
 */
const TIME_OF_DAY = `([01]${D}|2[0-3]):[0-5]${D}(:[0-5]${D}([.]${D}{1,9})?)?`;
const ZONE = `([Zz]|[+-](0${D}|1[0-5])(:?[0-5]${D})?)`;
const ISO_8601 = `^${D}{4}-${D}{2}-${D}{2}([Tt ]${TIME_OF_DAY}${ZONE}?)?$`;

/**
 * The instant that a text names, null where it names none. jsonpath's `datetime()` alone would do,
 * did it know `Z` and fractions of a second before PostgreSQL 16; it says, without an error,
 * whether there is such a day. Texts without a zone are read in the session's: UTC.
 */
function instantSql(text: string): string {
  const day = `to_jsonb(left(${text}, 10))`;
  const isDay = `jsonb_path_exists(${day}, '$.datetime("YYYY-MM-DD")', '{}', true)`;
  return (
    `(case when ${text} ~ '${ISO_8601}' and left(${text}, 4) <> '0000' and ${isDay} then ` +
    `${text}::timestamptz end)`
  );
}

function all(conditions: readonly string[]): string {
  return `(${conditions.join(' and ')})`;
}

import { badInput } from '../base/app-error.js';
import type { JsonNumber } from '../base/json.js';
import type { SqlParameters } from '../graphql/sql-parameters.js';
import type { MetadataCondition, Range } from './search.inputs.js';

const MAX_CONDITIONS = 20;
const MAX_KEYS = 8;
const MAX_KEY_LENGTH = 200;
const MAX_VALUES = 100;

/** The conditions as they are. Throws `BAD_USER_INPUT` naming what passes a limit. */
export function checkMetadataConditions(
  conditions: readonly MetadataCondition[],
): readonly MetadataCondition[] {
  const field = 'input.metadataConditions';
  if (conditions.length > MAX_CONDITIONS)
    throw badInput(
      field,
      `${field} has ${conditions.length} items; the limit is ${MAX_CONDITIONS}.`,
    );
  for (const [index, condition] of conditions.entries()) {
    const where = `${field}[${index}]`;
    const { path, in: values } = condition;
    if (path.length < 1 || path.length > MAX_KEYS)
      throw badInput(
        `${where}.path`,
        `${where}.path must have 1 to ${MAX_KEYS} keys; it has ${path.length}.`,
      );
    const long = path.findIndex(key => key.length > MAX_KEY_LENGTH);
    if (long >= 0)
      throw badInput(
        `${where}.path[${long}]`,
        `${where}.path[${long}] has ${path[long]!.length} characters; the limit is ` +
          `${MAX_KEY_LENGTH}.`,
      );
    if (values && values.length > MAX_VALUES)
      throw badInput(
        `${where}.in`,
        `${where}.in has ${values.length} values; the limit is ${MAX_VALUES}.`,
      );
    if (!hasOperator(condition))
      throw badInput(
        where,
        `${where} has no operator: set equals, in, exists, number or date. A null, for ` +
          'example from a variable without a value, does not count.',
      );
    refuseNulls(condition, where);
  }
  return conditions;
}

/** A range without bounds does: it asks for a number, or a date. */
function hasOperator({ equals, in: values, exists, number, date }: MetadataCondition): boolean {
  return [equals, values, exists, number, date].some(asked => asked != null);
}

/**
 * Elsewhere null asks nothing. Here that would let through what the rest of the condition lets
 * through, such as every number where a bound was to keep some away.
 */
function refuseNulls(
  { equals, in: values, exists, number, date }: MetadataCondition,
  where: string,
): void {
  const operators = { equals, in: values, exists, number, date };
  const bounds = { ...prefixed('number', number), ...prefixed('date', date) };
  for (const [name, value] of Object.entries({ ...operators, ...bounds })) {
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
export function metadataSql(
  { path, equals, in: values, exists, number, date }: MetadataCondition,
  parameters: SqlParameters,
): string {
  const value = `(t.chunk_metadata #> ${parameters.add(path, 'text[]')})`;
  const json = (compared: unknown): string => parameters.add(JSON.stringify(compared), 'jsonb');
  const addNumber = (bound: JsonNumber): string => parameters.add(String(bound), 'numeric');
  const addDate = (bound: string): string => parameters.add(bound, 'timestamptz');
  return all([
    ...(equals == null ? [] : [`${value} = ${json(equals)}`]),
    ...(values == null ? [] : [`${value} in (select jsonb_array_elements(${json(values)}))`]),
    ...(exists == null ? [] : [`${value} is ${exists ? 'not ' : ''}null`]),
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
  ]);
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

import { badInput } from '../base/app-error.js';
import type { ReadModel } from '../db/read-model.js';
import type { StringFilter, StringListFilter } from './filters.js';
import { uuidInput } from './uuid-input.js';
import { forGenericPlan, type SqlParameters } from './sql-parameters.js';

/** Comparisons in one filter, values in one `in`, and levels of `and`, `or` and `not`, at most. */
const MAX_COMPARISONS = 100;
const MAX_LIST = 100;
const MAX_DEPTH = 20;
/**
 * Characters of a text to look for, at most: it takes time by the product of both lengths, minutes
 * where both are long.
 */
const MAX_PATTERN = 1_000;

type Filter = { readonly [key: string]: unknown };

/** Operators that compare with one value, as SQL. */
const SIMPLE: Record<string, string> = { eq: '=', gt: '>', gte: '>=', lt: '<', lte: '<=' };

/**
 * A filter input as a SQL condition on the table under `alias`, its values as parameters. Keys of
 * the filter are the entity's properties; `and`, `or` and `not` combine. Returns `true` where
 * nothing is asked. A part that asks nothing is as if it were not there, in `not` and `or` as well,
 * so that a form may leave any of its fields empty. `not` means "does not hold", so that it finds
 * rows without a value. Throws `BAD_USER_INPUT` with the path of what is wrong.
 */
export function filterSql(
  filter: Filter,
  model: Pick<ReadModel, 'column'>,
  alias: string,
  parameters: SqlParameters,
  root = 'filter',
): string {
  let comparisons = 0;

  const count = (path: string): void => {
    if (++comparisons > MAX_COMPARISONS)
      throw badInput(path, `The filter has more than ${MAX_COMPARISONS} comparisons.`);
  };

  const all = (conditions: string[], word: string): string =>
    conditions.length === 1 ? conditions[0]! : `(${conditions.join(word)})`;

  const group = (value: Filter, path: string, depth: number): string | undefined => {
    if (depth > MAX_DEPTH)
      throw badInput(path, `The filter nests and, or and not more than ${MAX_DEPTH} levels deep.`);
    const conditions = Object.entries(value).flatMap(([key, requested]) => {
      if (requested === null || requested === undefined) return [];
      if (key === 'and' || key === 'or')
        return list(requested as Filter[], `${path}.${key}`, key, depth + 1);
      if (key === 'not') return opposite(group(requested as Filter, `${path}.not`, depth + 1));
      return comparisonsOf(key, requested as Filter, `${path}.${key}`);
    });
    if (conditions.length > 0) return all(conditions, ' and ');
    // An empty filter counts too: a flood of them takes as long to be read.
    count(path);
    return undefined;
  };

  const opposite = (condition: string | undefined): string[] =>
    condition === undefined ? [] : [`(${condition}) is not true`];

  const list = (filters: Filter[], path: string, word: 'and' | 'or', depth: number): string[] => {
    if (filters.length > MAX_LIST)
      throw badInput(path, `${path} has ${filters.length} filters; the limit is ${MAX_LIST}.`);
    if (filters.length === 0) return word === 'or' ? ['false'] : [];
    const requested = filters
      .map((item, index) => group(item, `${path}[${index}]`, depth))
      .filter(condition => condition !== undefined);
    return requested.length === 0 ? [] : [all(requested, ` ${word} `)];
  };

  /** A text to look for, folded once for all rows. */
  const soughtText = (text: string, field: string): string => {
    if (text.length > MAX_PATTERN)
      throw badInput(field, `${field} has ${text.length} characters; the limit is ${MAX_PATTERN}.`);
    return forGenericPlan(foldedSql(parameters.add(text, 'text')));
  };

  const comparisonsOf = (property: string, operators: Filter, path: string): string[] => {
    const column = model.column(property);
    const expression = column.sql(alias);
    // Without its length: a cast to varchar(255) would cut a longer text, which then equals what it
    // does not.
    const type = column.type.replace(/\(\d+\)$/, '');
    const checked = (value: unknown, field: string): unknown =>
      type === 'uuid' ? uuidInput(field, value as string) : value;

    return Object.entries(operators).flatMap(([operator, value]) => {
      if (value === null || value === undefined) return [];
      const field = `${path}.${operator}`;
      count(field);
      const isText = type === 'varchar' || type === 'text';
      if (operator === 'eq' && isText) {
        const forms = normalForms([value as string]);
        // Almost every text has one form only, and an index answers `=` in order.
        if (forms.length === 1) return [`${expression} = ${parameters.add(value, type)}`];
        return [`${expression} = any(${parameters.add(forms, `${type}[]`)})`];
      }
      const simple = SIMPLE[operator];
      if (simple) return [`${expression} ${simple} ${parameters.add(checked(value, field), type)}`];
      switch (operator) {
        case 'isNull':
          return [`${expression} is ${value ? '' : 'not '}null`];
        case 'in': {
          const values = checkList(field, value as unknown[]);
          const items = isText
            ? normalForms(values as string[])
            : values.map((item, index) => checked(item, `${field}[${index}]`));
          return [`${expression} = any(${parameters.add(items, `${type}[]`)})`];
        }
        case 'hasAny':
        case 'hasAll':
          checkList(field, value as string[]);
          return stringListSql({ [operator]: value }, expression, parameters);
        case 'isEmpty':
          return stringListSql({ isEmpty: value as boolean }, expression, parameters);
        case 'contains':
          if (type === 'jsonb')
            return [`${expression} @> ${parameters.add(JSON.stringify(value), 'jsonb')}`];
          if (type === 'text[]') return [`${expression} @> ${parameters.add(value, 'text[]')}`];
          return [`strpos(${foldedSql(expression)}, ${soughtText(value as string, field)}) > 0`];
        case 'startsWith':
          return [`starts_with(${foldedSql(expression)}, ${soughtText(value as string, field)})`];
        default:
          throw new Error(`No SQL for the filter operator ${operator}.`);
      }
    });
  };

  return group(filter, root, 0) ?? 'true';
}

/** What a filter asks of one text, as the input's field `path` + `name`; `true` if nothing. */
export function stringSql(
  filter: StringFilter,
  expression: string,
  [path, name]: readonly [path: string, name: string],
  parameters: SqlParameters,
): string {
  const column = {
    property: name,
    type: 'text',
    nullable: true,
    sql: () => expression,
    sortKey: (sorted: string) => sorted,
  };
  return filterSql({ [name]: filter }, { column: () => column }, '', parameters, path);
}

/** The values of one operator, of which there are not too many. */
export function checkList<T>(field: string, values: T[]): T[] {
  if (values.length > MAX_LIST)
    throw badInput(field, `${field} has ${values.length} values; the limit is ${MAX_LIST}.`);
  return values;
}

/** What a filter asks of a column of type `text[]`, as conditions; none where it asks nothing. */
export function stringListSql(
  { hasAny, hasAll, isEmpty }: StringListFilter,
  expression: string,
  parameters: SqlParameters,
): string[] {
  const conditions: string[] = [];
  const addOverlap = (texts: readonly string[]): number =>
    conditions.push(`${expression} && ${parameters.add(normalForms(texts), 'text[]')}`);
  if (hasAny != null) addOverlap(hasAny);
  if (hasAll != null) {
    const severalForms = hasAll.filter(text => normalForms([text]).length > 1);
    const oneForm = hasAll.filter(text => !severalForms.includes(text));
    if (oneForm.length > 0 || severalForms.length === 0)
      conditions.push(`${expression} @> ${parameters.add(oneForm, 'text[]')}`);
    for (const text of severalForms) addOverlap([text]);
  }
  if (isEmpty != null) conditions.push(`cardinality(${expression}) ${isEmpty ? '=' : '>'} 0`);
  return conditions;
}

/** One form of all spellings of a text: `migrations/Migration20261130100200_alphabet.ts`. */
function foldedSql(expression: string): string {
  return `weaver_fold(${expression})`;
}

/**
 * The texts, and each as it may be stored instead: composed, as most programs have it, or
 * decomposed, as some file systems do.
 */
function normalForms(texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap(text => [text, text.normalize('NFC'), text.normalize('NFD')]))];
}

import { badInput } from '../base/app-error.js';
import type { ReadModel } from '../db/read-model.js';
import { uuidInput } from './uuid-input.js';
import type { SqlParameters } from './sql-parameters.js';

/** Comparisons in one filter, and values in one `in`, at most. */
export const MAX_COMPARISONS = 100;
export const MAX_LIST = 100;

type Filter = { readonly [key: string]: unknown };

/** Operators that compare with one value, as SQL. */
const SIMPLE: Record<string, string> = { eq: '=', gt: '>', gte: '>=', lt: '<', lte: '<=' };

/**
 * A filter input as a SQL condition on the table under `alias`, its values as parameters. Keys of the filter are the entity's
 * properties; `and`, `or` and `not` combine. Returns `true` where nothing is asked. Throws `BAD_USER_INPUT` with the path of what
 * is wrong.
 */
export function filterSql(filter: Filter, model: ReadModel, alias: string, parameters: SqlParameters): string {
  let comparisons = 0;

  const all = (conditions: string[], word: string): string => (conditions.length === 1 ? conditions[0]! : `(${conditions.join(word)})`);

  const group = (value: Filter, path: string): string => {
    const conditions = Object.entries(value).flatMap(([key, asked]) => {
      if (asked === null || asked === undefined) return [];
      if (key === 'and' || key === 'or') return list(asked as Filter[], `${path}.${key}`, key);
      if (key === 'not') return [`(${group(asked as Filter, `${path}.not`)}) is not true`];
      return comparisonsOf(key, asked as Filter, `${path}.${key}`);
    });
    return conditions.length === 0 ? 'true' : all(conditions, ' and ');
  };

  const list = (filters: Filter[], path: string, word: 'and' | 'or'): string[] => {
    if (filters.length > MAX_LIST) throw badInput(path, `${path} has ${filters.length} filters; the limit is ${MAX_LIST}.`);
    if (filters.length === 0) return word === 'or' ? ['false'] : [];
    return [all(filters.map((item, index) => group(item, `${path}[${index}]`)), ` ${word} `)];
  };

  const comparisonsOf = (property: string, operators: Filter, path: string): string[] => {
    const column = model.column(property);
    const expression = column.sql(alias);
    const checked = (value: unknown, field: string): unknown => (column.type === 'uuid' ? uuidInput(field, value as string) : value);

    return Object.entries(operators).flatMap(([operator, value]) => {
      if (value === null || value === undefined) return [];
      const field = `${path}.${operator}`;
      if (++comparisons > MAX_COMPARISONS) throw badInput(field, `The filter compares more than ${MAX_COMPARISONS} times.`);
      const simple = SIMPLE[operator];
      if (simple) return [`${expression} ${simple} ${parameters.add(checked(value, field), column.type)}`];
      switch (operator) {
        case 'isNull':
          return [`${expression} is ${value ? '' : 'not '}null`];
        case 'in': {
          const values = value as unknown[];
          if (values.length > MAX_LIST) throw badInput(field, `${field} has ${values.length} values; the limit is ${MAX_LIST}.`);
          const items = values.map((item, index) => checked(item, `${field}[${index}]`));
          return [`${expression} = any(${parameters.add(items, `${column.type}[]`)})`];
        }
        case 'contains':
          if (column.type === 'jsonb') return [`${expression} @> ${parameters.add(JSON.stringify(value), 'jsonb')}`];
          if (column.type === 'text[]') return [`${expression} @> ${parameters.add(value, 'text[]')}`];
          return [`${expression} ilike ${parameters.add(`%${escapeLike(value as string)}%`, 'text')}`];
        case 'startsWith':
          return [`${expression} ilike ${parameters.add(`${escapeLike(value as string)}%`, 'text')}`];
        default:
          throw new Error(`No SQL for the filter operator ${operator}.`);
      }
    });
  };

  return group(filter, 'filter');
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

import { getNamedType, isEnumType, isInputObjectType, type GraphQLSchema } from 'graphql';

/** A row as the API shows it: the values that filters compare, by the filter's keys. */
export type ShownRow = Readonly<Record<string, unknown>> & { readonly id: string };
export type Filter = Readonly<Record<string, any>>;

/**
 * true, false, or null where a value that would be compared is missing: SQL's three-valued logic.
 */
type Truth = boolean | null;

/** What a filter should find, worked out in JavaScript. */
export class FilterOracle {
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly filterType: string,
  ) {}

  /** The ids of the rows for which `filter` holds. */
  idsOf(filter: Filter, rows: readonly ShownRow[]): string[] {
    return rows.filter(row => (this.#holds(filter, row) ?? [true])[0] === true).map(row => row.id);
  }

  /** In a list of one; undefined where the filter asks nothing. */
  #holds(filter: Filter, row: ShownRow): readonly [Truth] | undefined {
    const parts = Object.entries(filter).flatMap(([key, asked]): readonly Truth[] => {
      if (asked === null) return [];
      if (key === 'and' || key === 'or') return this.#together(key, asked, row);
      if (key === 'not') return (this.#holds(asked, row) ?? []).map(truth => truth !== true);
      return Object.entries(asked).flatMap(([operator, operand]) =>
        operand === null ? [] : [compare(this.comparisonOf(key), operator, row[key], operand)],
      );
    });
    return parts.length === 0 ? undefined : [allOf(parts)];
  }

  #together(word: 'and' | 'or', items: readonly Filter[], row: ShownRow): Truth[] {
    if (word === 'or' && items.length === 0) return [false];
    const truths = items.flatMap(item => this.#holds(item, row) ?? []);
    return truths.length === 0 ? [] : [word === 'and' ? allOf(truths) : anyOf(truths)];
  }

  /** The input type that compares the values of `key`, such as `DateTimeFilter`. */
  comparisonOf(key: string): string {
    const type = this.schema.getType(this.filterType);
    if (!isInputObjectType(type)) throw new Error(`${this.filterType} is no input.`);
    return getNamedType(type.getFields()[key]!.type).name;
  }

  /** The keys that compare, without `and`, `or` and `not`. */
  get keys(): string[] {
    const type = this.schema.getType(this.filterType);
    if (!isInputObjectType(type)) throw new Error(`${this.filterType} is no input.`);
    return Object.keys(type.getFields()).filter(key => !['and', 'or', 'not'].includes(key));
  }

  /**
   * One filter for each operator of `key` and each of several operands: values that rows have, and
   * some that none has.
   */
  casesOf(key: string, rows: readonly ShownRow[]): Filter[] {
    const comparison = this.comparisonOf(key);
    const type = this.schema.getType(comparison);
    if (!isInputObjectType(type)) throw new Error(`${comparison} is no input.`);
    const present = [
      ...new Map(
        rows
          .map(row => row[key])
          .filter(value => value != null)
          .map(value => [JSON.stringify(value), value]),
      ).values(),
    ].slice(0, 4);
    return Object.values(type.getFields()).flatMap(({ name, type: operandType }) => {
      const operandName = getNamedType(operandType);
      const absent = isEnumType(operandName)
        ? operandName.getValues().map(value => value.name)
        : [ABSENT[operandName.name]].filter(value => value !== undefined);
      const values = [...present, ...absent];
      return operandsOf(comparison, name, values).map(operand => ({ [key]: { [name]: operand } }));
    });
  }
}

const ABSENT: Record<string, unknown> = {
  ID: '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10',
  String: 'nothing like it',
  Int: 424_242,
  BigInt: '9223372036854775807',
  DateTime: '2001-02-03T04:05:06.789012+07:00',
};

const TEXTS = [
  '',
  '%',
  '_',
  '\\',
  '\\%',
  '%%',
  'a_b',
  'A',
  'ä',
  'Ä',
  "'",
  '"',
  'zzz',
  ' ',
  '😀',
  '?',
  '$1',
  '(',
  '[ab]',
  '.*',
];
const JSONS = [
  {},
  { a: 1 },
  { a: 2 },
  { A: 1 },
  { a: '1' },
  { n: null },
  { missing: null },
  { tags: [] },
  { tags: ['x'] },
  { tags: ['y', 'x'] },
  { tags: ['z'] },
  { deep: { er: {} } },
  { deep: { er: { yes: true } } },
  { a: 1, tags: ['x'] },
  { 'quote"\\': "'" },
  { list: [{ k: 1 }] },
];

function operandsOf(comparison: string, operator: string, values: readonly unknown[]): unknown[] {
  switch (operator) {
    case 'isNull':
      return [true, false, null];
    case 'in':
      return [[], values, values.slice(0, 1), values.slice(1), [values[0], values[0]]];
    case 'contains':
      if (comparison === 'JSONObjectFilter') return JSONS;
      if (comparison === 'ApiKeyScopesFilter')
        return [
          [],
          ['READ'],
          ['WRITE', 'READ'],
          ['ADMIN'],
          ['READ', 'READ'],
          ['ASK', 'SEARCH', 'READ'],
        ];
      return [
        ...TEXTS,
        ...values.flatMap(value => [
          String(value),
          letters(value).slice(1, 4).join('').toUpperCase(),
        ]),
      ];
    case 'hasAny':
    case 'hasAll': {
      const texts = (values as unknown[][]).flat();
      return [[], ['nothing'], texts.slice(0, 1), texts, ['nothing', ...texts.slice(0, 2)], null];
    }
    case 'isEmpty':
      return [true, false, null];
    case 'startsWith':
      return [
        ...TEXTS,
        ...values.flatMap(value => [
          String(value),
          letters(value).slice(0, 2).join('').toUpperCase(),
          letters(value).slice(1).join(''),
        ]),
      ];
    case 'eq':
      return comparison === 'BooleanFilter' ? [true, false, null] : [...values, null];
    default:
      return [...values, null];
  }
}

/** Whole characters: a text cut inside one is none. */
const letters = (value: unknown): string[] => Array.from(String(value));

function compare(comparison: string, operator: string, value: unknown, operand: any): Truth {
  if (operator === 'isNull') return (value === null) === operand;
  if (value === null || value === undefined)
    return operator === 'in' && operand.length === 0 ? false : null;
  const order = (other: unknown): number => compareValues(comparison, value, other);
  switch (operator) {
    case 'eq':
      return order(operand) === 0;
    case 'in':
      return operand.some((item: unknown) => order(item) === 0);
    case 'gt':
      return order(operand) > 0;
    case 'gte':
      return order(operand) >= 0;
    case 'lt':
      return order(operand) < 0;
    case 'lte':
      return order(operand) <= 0;
    case 'hasAny':
      return operand.some((item: string) => hasText(value, item));
    case 'hasAll':
      return operand.every((item: string) => hasText(value, item));
    case 'isEmpty':
      return ((value as string[]).length === 0) === operand;
    case 'startsWith':
      return String(value).toLowerCase().startsWith(operand.toLowerCase());
    case 'contains':
      if (comparison === 'JSONObjectFilter') return containsJson(value, operand);
      if (comparison === 'ApiKeyScopesFilter')
        return operand.every((item: string) => (value as string[]).includes(item));
      return String(value).toLowerCase().includes(operand.toLowerCase());
    default:
      throw new Error(`The oracle does not know ${operator}.`);
  }
}

const hasText = (list: unknown, text: string): boolean =>
  (list as string[]).some(item => item.normalize() === text.normalize());

function compareValues(comparison: string, left: any, right: any): number {
  const [a, b] =
    comparison === 'BigIntFilter'
      ? [BigInt(left), BigInt(right)]
      : comparison === 'DateTimeFilter'
        ? [microseconds(left), microseconds(right)]
        : [left, right];
  return a < b ? -1 : a > b ? 1 : 0;
}

function microseconds(text: string): bigint {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  return BigInt(Date.parse(text.replace(/\.\d+/, ''))) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

/** https://www.postgresql.org/docs/current/datatype-json.html#JSON-CONTAINMENT */
function containsJson(value: any, part: any): boolean {
  if (Array.isArray(part))
    return (
      Array.isArray(value) && part.every(item => value.some(other => containsJson(other, item)))
    );
  if (typeof part === 'object' && part !== null) {
    return (
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.entries(part).every(
        ([key, item]) => Object.hasOwn(value, key) && containsJson(value[key], item),
      )
    );
  }
  return value === part;
}

const allOf = (truths: readonly Truth[]): Truth =>
  truths.includes(false) ? false : truths.includes(null) ? null : true;
const anyOf = (truths: readonly Truth[]): Truth =>
  truths.includes(true) ? true : truths.includes(null) ? null : false;

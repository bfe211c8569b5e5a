import { Field, InputType, registerEnumType, type ClassType } from 'type-graphql';
import { badInput } from '../base/app-error.js';
import type { ReadColumn, ReadModel } from '../db/read-model.js';
import type { Position } from './cursor.js';
import type { SqlParameters } from './sql-parameters.js';

export enum OrderDirection {
  ASC = 'asc',
  DESC = 'desc',
}
registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description: 'The direction of an order.',
  valuesConfig: {
    ASC: {
      description:
        'Smallest, oldest or alphabetically first values first. Names are sorted without ' +
        'regard to case, and numbers of up to ten digits in them by their value. Null ' +
        'values come last.',
    },
    DESC: {
      description: 'Largest, newest or alphabetically last values first. Null values come first.',
    },
  },
});

/** One step of an order: the rows' property to compare. */
export interface OrderBy {
  readonly field: string;
  readonly direction?: OrderDirection | null;
}

/**
 * The input `<Name>OrderBy` over an enum of properties that type-graphql knows as
 * `<Name>OrderField`.
 */
export function orderByOf(fields: object, name: string): ClassType<OrderBy> {
  @InputType(`${name}OrderBy`, { description: 'A field to sort by, and the direction.' })
  class OrderByType {
    @Field(() => fields as never, { description: 'The field to sort by.' })
    field!: string;

    @Field(() => OrderDirection, {
      defaultValue: OrderDirection.ASC,
      description: 'Ascending or descending.',
    })
    direction!: OrderDirection;
  }
  return OrderByType as ClassType<OrderBy>;
}

/**
 * Whether a text is a value as PostgreSQL writes it, of the types that are ordered by; any other
 * type is text.
 */
const IS_VALUE: Record<string, (value: string) => boolean> = {
  uuid: value => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
  timestamptz: isTimestamp,
  int: value => /^-?\d{1,10}$/.test(value) && Math.abs(Number(value)) < 2 ** 31,
  bigint: value => /^-?\d{1,19}$/.test(value) && BigInt.asIntN(64, BigInt(value)) === BigInt(value),
};

// Rows from before the constraints may hold more than DateTime can show, and cursors are made of
// them as well. https://www.postgresql.org/docs/current/datatype-datetime.html
const TIMESTAMP =
  /^(\d{4,6})-(\d\d)-(\d\d) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?\+00( BC)?$/;
const LAST_YEAR = 294_276;
const FIRST_YEAR_BC = 4_714;
const FIRST_DAY_BC = '11-24';

function isTimestamp(value: string): boolean {
  if (value === 'infinity' || value === '-infinity') return true;
  const [, year, month, day, before] = TIMESTAMP.exec(value) ?? [];
  if (
    year === undefined ||
    Number(year) === 0 ||
    Number(year) > (before ? FIRST_YEAR_BC : LAST_YEAR)
  )
    return false;
  if (before && Number(year) === FIRST_YEAR_BC && `${month}-${day}` < FIRST_DAY_BC) return false;
  // Of 400 years the calendars are alike, and JavaScript knows all months of these.
  const likeYear = 2_000 + ((before ? 400 * 12 + 1 - Number(year) : Number(year)) % 400);
  const start = new Date(Date.UTC(likeYear, Number(month) - 1, Number(day)));
  // A day that its month does not have would roll over.
  return start.getUTCMonth() === Number(month) - 1 && start.getUTCDate() === Number(day);
}

function isValueOf(type: string, value: unknown): boolean {
  if (typeof value !== 'string') return false;
  return IS_VALUE[type]?.(value) ?? (!value.includes('\0') && value.isWellFormed());
}

interface Step {
  readonly column: ReadColumn;
  readonly direction: OrderDirection;
}

const MAX_STEPS = 3;
const REVERSED = {
  [OrderDirection.ASC]: OrderDirection.DESC,
  [OrderDirection.DESC]: OrderDirection.ASC,
};

/** A total order of a table's rows: what was asked, and the id last, so that no two rows tie. */
export class Order {
  private constructor(private readonly steps: readonly Step[]) {}

  /** Throws `BAD_USER_INPUT` when a step repeats or there are more than three. */
  static of(model: ReadModel, orderBy: readonly OrderBy[]): Order {
    if (orderBy.length > MAX_STEPS)
      throw badInput('orderBy', `orderBy has ${orderBy.length} steps; the limit is ${MAX_STEPS}.`);
    const isRepeated = orderBy.findIndex(
      (step, index) => orderBy.findIndex(other => other.field === step.field) < index,
    );
    if (isRepeated >= 0)
      throw badInput(`orderBy[${isRepeated}].field`, 'orderBy names the same field twice.');
    const steps = orderBy.map(step => ({
      column: model.column(step.field),
      direction: step.direction ?? OrderDirection.ASC,
    }));
    if (!orderBy.some(step => step.field === 'id'))
      steps.push({
        column: model.column('id'),
        direction: steps.at(-1)?.direction ?? OrderDirection.ASC,
      });
    return new Order(steps);
  }

  /** The rows' properties whose values make a `Position`. */
  get properties(): string[] {
    return this.steps.map(step => step.column.property);
  }

  /** Tells orders apart in cursors and statements. */
  get key(): string {
    return this.steps
      .map(step => `${step.column.sortKey(step.column.property)} ${step.direction}`)
      .join(', ');
  }

  positionOf(row: Readonly<Record<string, unknown>>): Position {
    return this.properties.map(property => (row[property] === null ? null : String(row[property])));
  }

  /**
   * Whether a value could be the position of a row: what PostgreSQL could not read as the columns'
   * types is none.
   */
  readonly isPosition = (value: unknown): value is Position =>
    Array.isArray(value) &&
    value.length === this.steps.length &&
    this.steps.every(({ column }, index) =>
      value[index] === null ? column.nullable : isValueOf(column.type, value[index]),
    );

  reversed(): Order {
    return new Order(this.steps.map(step => ({ ...step, direction: REVERSED[step.direction] })));
  }

  sql(alias: string): string {
    return this.steps
      .map(({ column, direction }) => `${column.sortKey(column.sql(alias))} ${direction}`)
      .join(', ');
  }

  /**
   * The condition that a row comes after `position` in this order. Where all steps run the same way
   * and none can be null it is one row comparison, which an index answers as a range; else it is
   * written out. PostgreSQL puts nulls last in ascending order and first in descending:
   * https://www.postgresql.org/docs/current/queries-order.html
   */
  afterSql(position: Position, alias: string, parameters: SqlParameters): string {
    const direction = this.steps[0]!.direction;
    if (this.steps.every(step => !step.column.nullable && step.direction === direction)) {
      const columns = this.steps.map(({ column }) => column.sortKey(column.sql(alias)));
      const values = this.steps.map(({ column }, index) =>
        column.sortKey(parameters.add(position[index], column.type)),
      );
      return (
        `(${columns.join(', ')}) ${direction === OrderDirection.ASC ? '>' : '<'} ` +
        `(${values.join(', ')})`
      );
    }
    return this.steps.reduceRight((rest, step, index) => {
      const value = position[index] ?? null;
      const expression = step.column.sortKey(step.column.sql(alias));
      if (value === null) {
        const isAfter =
          step.direction === OrderDirection.ASC ? 'false' : `${expression} is not null`;
        return `(${isAfter} or (${expression} is null and ${rest}))`;
      }
      const place = step.column.sortKey(parameters.add(value, step.column.type));
      const isAfter =
        step.direction === OrderDirection.ASC
          ? `${expression} > ${place}`
          : `${expression} < ${place}`;
      const nullsLater =
        step.column.nullable && step.direction === OrderDirection.ASC
          ? ` or ${expression} is null`
          : '';
      return `(${isAfter}${nullsLater} or (${expression} = ${place} and ${rest}))`;
    }, 'false');
  }
}

import { ArgsType, Field, InputType, registerEnumType, type ClassType } from 'type-graphql';
import { PageArgs } from './connection.js';
import { declarationsOf } from './field-declarations.js';
import { AND, NOT, OR } from './filters.js';
import { orderByOf, type OrderBy } from './order.js';

interface FilterableField {
  readonly name: string;
  readonly type: () => Function;
  readonly description: string;
}

interface SortableField {
  readonly name: string;
  readonly description: string;
}

/** Kept on the entity's class: what its lists can be filtered and ordered by. */
const FILTERABLE = Symbol('filterable fields');
const SORTABLE = Symbol('sortable fields');

/**
 * Lists of the entity can be filtered by this property: `type` is the input that compares it, one
 * of `filters.ts`. A relation is filtered by the id behind it, so it needs that as its `name`, such
 * as `botId`.
 */
export function Filterable(
  type: () => Function,
  description: string,
  name?: string,
): PropertyDecorator {
  return (prototype, property) => {
    declarationsOf<FilterableField>(prototype.constructor, FILTERABLE).push({
      name: name ?? String(property),
      type,
      description,
    });
  };
}

/**
 * Lists of the entity can be ordered by this property, as `<Name>OrderField` has it in capitals. A
 * list that is ordered by it reads all of the tenant's rows unless an index leads with `tenant_id`
 * and this.
 */
export function Sortable(description: string): PropertyDecorator {
  return (prototype, property) => {
    declarationsOf<SortableField>(prototype.constructor, SORTABLE).push({
      name: String(property),
      description,
    });
  };
}

/** What a list says of itself in the schema. */
interface ListTexts {
  /** What it lists, such as `documents`. */
  readonly things: string;
  /** The same in short, beside the list. */
  readonly inShort?: string;
  /** The order where none is given, such as `newest first`. */
  readonly defaultOrder: string;
}

/** Arguments of every list of an entity: a page, a filter and an order. */
export interface ListArgs extends PageArgs {
  filter?: object | null;
  orderBy?: OrderBy[] | null;
}

/**
 * The arguments of the entity's lists, with the inputs `<Name>Filter` and `<Name>OrderBy` that its
 * fields declare.
 */
export function listArgsOf(
  entity: ClassType,
  { things, inShort = things, defaultOrder }: ListTexts,
): ClassType<ListArgs> {
  const filter = filterOf(entity, things);
  const orderBy = orderByOf(orderFieldOf(entity, things), entity.name);

  @ArgsType()
  class Args extends PageArgs {
    @Field(() => filter, { nullable: true, description: `Only ${inShort} for which this holds.` })
    filter?: object | null;
    @Field(() => [orderBy], {
      nullable: true,
      description: `In which order, at most 3 steps; ${defaultOrder} by default.`,
    })
    orderBy?: OrderBy[] | null;
  }
  return Args;
}

function filterOf(entity: ClassType, things: string): ClassType {
  @InputType(`${entity.name}Filter`, {
    description: `Which ${things} to list. All conditions must hold.`,
  })
  class Filter {
    @Field(() => [Filter], { nullable: true, description: AND })
    and?: Filter[] | null;
    @Field(() => [Filter], { nullable: true, description: OR })
    or?: Filter[] | null;
    @Field(() => Filter, { nullable: true, description: NOT })
    not?: Filter | null;
  }
  for (const { name, type, description } of declarationsOf<FilterableField>(entity, FILTERABLE))
    Field(type as () => ClassType, { nullable: true, description })(Filter.prototype, name);
  return Filter;
}

/** The enum `<Name>OrderField`: `CREATED_AT` for the property `createdAt`. */
function orderFieldOf(entity: ClassType, things: string): Record<string, string> {
  const fields = declarationsOf<SortableField>(entity, SORTABLE).map(field => ({
    ...field,
    value: field.name.replace(/[A-Z]/g, '_$&').toUpperCase(),
  }));
  const orderField = Object.fromEntries(fields.map(({ value, name }) => [value, name]));
  registerEnumType(orderField, {
    name: `${entity.name}OrderField`,
    description: `What ${things} can be ordered by.`,
    valuesConfig: Object.fromEntries(
      fields.map(({ value, description }) => [value, { description }]),
    ),
  });
  return orderField;
}

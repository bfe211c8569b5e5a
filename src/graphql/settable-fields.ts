import { Field, InputType, type ClassType } from 'type-graphql';
import type { ColumnName } from '../db/column-types.js';
import { badInput } from '../base/app-error.js';
import { declarationsOf } from './field-declarations.js';

/** How callers set a property. */
interface SettableOptions<T> {
  /** What the input that makes a row says of it; left out where it cannot be given there. */
  readonly create?: string;
  /** What the input that changes a row says of it; left out where it stays as it was made. */
  readonly update?: string;
  /** Must be given for a new row. Else what is left out, or null, is left to the database. */
  readonly isRequired?: true;
  /** What a new row has where it is left out, shown in the schema. */
  readonly defaultValue?: T;
  /** May be without a value: null takes it away in an update, where it is refused otherwise. */
  readonly isNullable?: true;
  /** Stands in the audit log with what was done: what a row is recognised by, nothing long. */
  readonly isAudited?: true;
  /** The value as it is stored; refuses others with `badInput(field, …)`. */
  readonly check?: (field: string, value: T) => unknown;
  /** The id behind a relation, such as `botId`: the name to set it by. */
  readonly name?: string;
}

type SettableField = SettableOptions<unknown> & {
  readonly name: string;
  readonly type: () => unknown;
};

interface FieldOptions {
  readonly description: string | undefined;
  readonly nullable: boolean;
  readonly defaultValue?: unknown;
}

/** Kept on the entity's class: what callers may set of its rows. */
const SETTABLE = Symbol('settable fields');

/**
 * Callers may set this property: it is in the inputs that `createInputOf` and `updateInputOf` make,
 * and in what `newValues` and `changedValues` give to be stored.
 */
export function Settable<T>(type: () => unknown, options: SettableOptions<T>): PropertyDecorator {
  return (prototype, property) => {
    declarationsOf<object>(prototype.constructor, SETTABLE).push({
      name: String(property),
      type,
      ...options,
    });
  };
}

function settableFields(entity: Function): readonly SettableField[] {
  return declarationsOf<SettableField>(entity, SETTABLE);
}

/**
 * What an input may hold of an entity's row, by the names of its properties. Which of it a caller
 * may give, GraphQL knows by the entity's decorators; TypeScript cannot.
 */
type SettableValues<E> = {
  [K in ColumnName<E>]?: (K extends keyof E ? E[K] : string) | null;
};

/** The fields of an input that makes a row of the entity, for the input's class to extend. */
export function createInputOf<E extends object>(
  entity: ClassType<E>,
): ClassType<SettableValues<E>> {
  return inputOf(`New${entity.name}Values`, settableFields(entity), field => ({
    description: field.create,
    defaultValue: field.defaultValue,
    nullable: !field.isRequired && field.defaultValue === undefined,
  }));
}

/** The fields of an input that changes a row of the entity, for the input's class to extend. */
export function updateInputOf<E extends object>(
  entity: ClassType<E>,
): ClassType<SettableValues<E>> {
  return inputOf(`Changed${entity.name}Values`, settableFields(entity), field => ({
    description: field.update,
    nullable: true,
  }));
}

/** The name is nowhere in the schema: there are only inputs that extend this one. */
function inputOf<T extends object>(
  name: string,
  fields: readonly SettableField[],
  toOptions: (field: SettableField) => FieldOptions,
): ClassType<T> {
  @InputType(name)
  class Values {}
  for (const field of fields) {
    const { description, ...options } = toOptions(field);
    if (description !== undefined)
      Field(field.type as () => ClassType, { ...options, description })(
        Values.prototype,
        field.name,
      );
  }
  return Values as ClassType<T>;
}

/** What is to be stored, by the names of the entity's properties. */
type Values<E> = { readonly [K in ColumnName<E>]?: K extends keyof E ? E[K] : string };

/** What an input says of a new row, checked. What it leaves out, the database fills. */
export function newValues<E extends object>(entity: ClassType<E>, input: object): Values<E> {
  const given = input as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    settableFields(entity)
      .filter(({ name, create }) => create !== undefined && given[name] != null)
      .map(({ name, check = asGiven }) => [name, check(`input.${name}`, given[name])]),
  ) as Values<E>;
}

/** What an input changes of a row, checked. What it leaves out stays as it is. */
export function changedValues<E extends object>(entity: ClassType<E>, input: object): Values<E> {
  const given = input as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    settableFields(entity)
      .filter(({ name, update }) => update !== undefined && given[name] !== undefined)
      .map(({ name, isNullable, check = asGiven }) => {
        const field = `input.${name}`;
        const value = given[name];
        if (value !== null) return [name, check(field, value)];
        if (!isNullable)
          throw badInput(field, `${field} cannot be null. Omit it to keep the current value.`);
        return [name, null];
      }),
  ) as Values<E>;
}

/** The names of the properties that tell in the audit log what was done. */
export function auditedFields(entity: Function): string[] {
  return settableFields(entity)
    .filter(({ isAudited }) => isAudited)
    .map(({ name }) => name);
}

const asGiven = (_field: string, value: unknown): unknown => value;

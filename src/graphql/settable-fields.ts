import { Field, InputType, type ClassType } from 'type-graphql';
import type { ColumnName } from '../db/column-types.js';
import { badInput } from '../base/app-error.js';
import { declarationsOf } from './field-declarations.js';

/** How callers set a property. */
interface SettableOptions<T> {
  /** Description in the input that creates a row; omit it if the field cannot be set there. */
  readonly create?: string;
  /** Description in the input that changes a row; omit it if the field cannot be changed. */
  readonly update?: string;
  /**
   * Whether a new row must have a value. Otherwise the database fills a value that is omitted or
   * null.
   */
  readonly isRequired?: true;
  /** The default value of a new row, shown in the schema. */
  readonly defaultValue?: T;
  /** Whether null in an update removes the value; otherwise null is refused. */
  readonly isNullable?: true;
  /** Whether the value is written to the audit log: for short values that identify the row. */
  readonly isAudited?: true;
  /** Returns the value to store; refuses others with `badInput(field, …)`. */
  readonly check?: (field: string, value: T) => unknown;
  /** The name of the field if it differs from the property, such as `botId` for a relation. */
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

/** The key of these declarations on the entity's class. */
const SETTABLE = Symbol('settable fields');

/**
 * Lets callers set this property: it is in the inputs of `createInputOf` and `updateInputOf`, and
 * in the results of `newValues` and `changedValues`.
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
 * The values that an input may contain, by the names of the entity's properties. The entity's
 * decorators decide which of them are in the schema; TypeScript cannot know.
 */
type SettableValues<E> = {
  [K in ColumnName<E>]?: (K extends keyof E ? E[K] : string) | null;
};

/** A class with the fields of an input that creates a row, for the input's class to extend. */
export function createInputOf<E extends object>(
  entity: ClassType<E>,
): ClassType<SettableValues<E>> {
  return inputOf(`New${entity.name}Values`, settableFields(entity), field => ({
    description: field.create,
    defaultValue: field.defaultValue,
    nullable: !field.isRequired && field.defaultValue === undefined,
  }));
}

/** A class with the fields of an input that changes a row, for the input's class to extend. */
export function updateInputOf<E extends object>(
  entity: ClassType<E>,
): ClassType<SettableValues<E>> {
  return inputOf(`Changed${entity.name}Values`, settableFields(entity), field => ({
    description: field.update,
    nullable: true,
  }));
}

/** The name is not in the schema, which only contains inputs that extend this class. */
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

/** The values to store, by the names of the entity's properties. */
type Values<E> = { readonly [K in ColumnName<E>]?: K extends keyof E ? E[K] : string };

/** The checked values of a new row. The database fills the others. */
export function newValues<E extends object>(entity: ClassType<E>, input: object): Values<E> {
  const given = input as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    settableFields(entity)
      .filter(({ name, create }) => create !== undefined && given[name] != null)
      .map(({ name, check = asGiven }) => [name, check(`input.${name}`, given[name])]),
  ) as Values<E>;
}

/** The checked values that an input changes. Omitted fields stay unchanged. */
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

/** The names of the properties that are written to the audit log. */
export function auditedFields(entity: Function): string[] {
  return settableFields(entity)
    .filter(({ isAudited }) => isAudited)
    .map(({ name }) => name);
}

const asGiven = (_field: string, value: unknown): unknown => value;

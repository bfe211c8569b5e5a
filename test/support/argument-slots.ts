import {
  getNamedType,
  getNullableType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
} from 'graphql';
import { REPLACED_ARGUMENTS, validArguments, valueOf, type OwnIds } from './valid-arguments.js';

/** A place for a value in the arguments of a root field. */
export interface Slot {
  readonly root: 'query' | 'mutation';
  readonly field: GraphQLField<unknown, unknown>;
  readonly path: readonly string[];
  readonly type: GraphQLInputType;
}

/** Every place for a value in the arguments of all fields of a root type. */
export function slotsOf(root: Slot['root'], type: GraphQLObjectType | null | undefined): Slot[] {
  return Object.values(type?.getFields() ?? {}).flatMap(field =>
    field.args.flatMap(argument =>
      within({ root, field, path: [argument.name], type: argument.type }, []),
    ),
  );
}

/**
 * Every place for a value below an argument, and the argument itself. Inputs that nest in
 * themselves are entered once.
 */
function within(slot: Slot, entered: readonly string[]): Slot[] {
  const named = getNamedType(slot.type);
  if (!isInputObjectType(named) || entered.includes(named.name)) return [slot];
  return [
    slot,
    ...Object.values(named.getFields()).flatMap(field =>
      within({ ...slot, path: [...slot.path, field.name], type: field.type }, [
        ...entered,
        named.name,
      ]),
    ),
  ];
}

/** The arguments of a call that would do, with `value` in one place. */
export function argumentsWith(
  { field, path }: Pick<Slot, 'field' | 'path'>,
  value: unknown,
  own: OwnIds,
): Record<string, unknown> {
  const args = validArguments(field, own);
  const put = (
    holder: unknown,
    type: GraphQLInputType,
    [key, ...rest]: readonly string[],
  ): unknown => {
    if (key === undefined) return value;
    const nullable = getNullableType(type);
    if (isListType(nullable))
      return [
        put((holder as unknown[] | undefined)?.[0], nullable.ofType as GraphQLInputType, [
          key,
          ...rest,
        ]),
      ];
    const named = getNamedType(nullable);
    if (!isInputObjectType(named)) throw new Error(`${String(type)} has no ${key}.`);
    const member = named.getFields()[key]!;
    // What is needed beside it.
    const around = (holder ?? valueOf(member, field.name, own, named)) as Record<string, unknown>;
    return {
      ...around,
      ...(REPLACED_ARGUMENTS[key] && { [REPLACED_ARGUMENTS[key]]: undefined }),
      [key]: put(around[key], member.type, rest),
    };
  };
  const [argument, ...rest] = path;
  const { type } = field.args.find(({ name }) => name === argument)!;
  return { ...args, [argument!]: put(args[argument!], type, rest) };
}

/**
 * Asks with all arguments in variables, and selects what needs no more arguments, two levels deep.
 */
export function operation(
  { root, field }: Pick<Slot, 'root' | 'field'>,
  variables: Record<string, unknown>,
): string {
  const given = field.args.filter(({ name }) => name in variables);
  const definitions = given.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const args = given.map(({ name }) => `${name}: $${name}`).join(', ');
  return (
    `${root} Probe(${definitions}) { ` +
    `${field.name}(${args})${selection(getNamedType(field.type) as never, 2)} }`
  );
}

function selection(
  type: { getFields?(): Record<string, GraphQLField<unknown, unknown>> },
  depth: number,
): string {
  if (!isObjectType(type)) return isLeafType(type) ? '' : ' { __typename }';
  const fields = Object.values(type.getFields()).filter(
    field => !field.args.some(({ type: needed }) => isNonNullType(needed)),
  );
  const selected = fields
    .filter(field => depth > 0 || isLeafType(getNamedType(field.type)))
    .map(field => field.name + selection(getNamedType(field.type) as never, depth - 1));
  return ` { ${selected.join(' ') || '__typename'} }`;
}

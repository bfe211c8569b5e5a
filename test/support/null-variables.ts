import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import { argumentsWith, slotsOf, type Slot } from './argument-slots.js';
import { valueOf, type OwnIds } from './valid-arguments.js';

/** A place in the arguments of a field where a variable can stand alone. */
export interface Position extends Slot {
  /** The object type that has the field. */
  readonly parent: string;
  readonly coordinate: 'value' | 'item' | 'member';
}

/**
 * A call of a field with a variable in one place, in one of the ways in which it can have no value.
 */
export interface NullCall {
  readonly name: string;
  readonly query: string;
  readonly variables: Record<string, unknown>;
  /** The same call without the place; undefined where it is needed. */
  readonly withoutVariable: string | undefined;
  /** Whether the variable was null, rather than left out. */
  readonly isNull: boolean;
}

const VARIABLE = { variable: true };

/**
 * Every place of every argument and input field in the schema: itself, an item of its list, a
 * member of its JSON.
 */
export function positionsOf(schema: GraphQLSchema): Position[] {
  const objects = Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter(({ name }) => !name.startsWith('__'));
  return objects.flatMap(type =>
    slotsOf(type === schema.getMutationType() ? 'mutation' : 'query', type).flatMap(
      (slot): Position[] => {
        const position = { ...slot, parent: type.name };
        const inner = getNullableType(slot.type);
        return [
          { ...position, coordinate: 'value' },
          ...(isListType(inner) ? [{ ...position, coordinate: 'item' } as const] : []),
          ...(getNamedType(slot.type).name === 'JSONObject' && !isListType(inner)
            ? [{ ...position, coordinate: 'member' } as const]
            : []),
        ];
      },
    ),
  );
}

/** The calls with null, with nothing and with both kinds of defaults that a position allows. */
export function nullCalls(position: Position, own: OwnIds): NullCall[] {
  const { coordinate, type, path } = position;
  const value =
    coordinate === 'value' ? VARIABLE : coordinate === 'item' ? [VARIABLE] : { a: VARIABLE };
  const wanted =
    coordinate === 'value'
      ? type
      : coordinate === 'item'
        ? (getNullableType(type) as { ofType: GraphQLInputType }).ofType
        : undefined;
  const declared = wanted ? String(getNullableType(wanted)) : 'String';
  const fallback = wanted
    ? literal(valueOf(holderOf(position), position.field.name, own, wanted), wanted)
    : '"a"';
  const isNeeded = isRequired(holderOf(position));
  // A variable that may be null cannot stand where a value is needed, unless one of the two has a
  // default.
  const mayBeNull =
    wanted === undefined ||
    !isNonNullType(wanted) ||
    (coordinate === 'value' && holderOf(position).defaultValue !== undefined);
  const within = { value: '', item: '[0]', member: '.a' }[coordinate];
  const name = `${position.parent}.${position.field.name}(${path.join('.')}${within})`;
  const written = (definition: string) =>
    write(position, argumentsWith(position, value, own), definition, own);
  const withoutVariable = isNeeded
    ? undefined
    : write(position, argumentsWith(position, undefined, own), '', own);
  const nullable = [
    {
      name: `${name} null`,
      query: written(`($v: ${declared})`),
      variables: { v: null },
      withoutVariable,
      isNull: true,
    },
    {
      name: `${name} left out`,
      query: written(`($v: ${declared})`),
      variables: {},
      withoutVariable,
      isNull: false,
    },
    {
      name: `${name} null by default`,
      query: written(`($v: ${declared} = null)`),
      variables: {},
      withoutVariable,
      isNull: true,
    },
  ];
  return [
    ...(mayBeNull ? nullable : []),
    {
      name: `${name} null in place of a default`,
      query: written(`($v: ${declared} = ${fallback})`),
      variables: { v: null },
      withoutVariable,
      isNull: true,
    },
  ];
}

function holderOf({ field, path }: Position): GraphQLArgument | GraphQLInputField {
  const [argument, ...rest] = path;
  return rest.reduce<GraphQLArgument | GraphQLInputField>(
    (holder, name) => {
      const type = getNamedType(holder.type);
      if (!isInputObjectType(type)) throw new Error(`${String(type)} has no ${name}.`);
      return type.getFields()[name]!;
    },
    field.args.find(({ name }) => name === argument)!,
  );
}

function isRequired(holder: GraphQLArgument | GraphQLInputField): boolean {
  return (
    isRequiredArgument(holder as GraphQLArgument) ||
    isRequiredInputField(holder as GraphQLInputField)
  );
}

function write(
  { parent, field, root }: Position,
  args: Record<string, unknown>,
  definition: string,
  own: OwnIds,
): string {
  const given = field.args
    .filter(({ name }) => args[name] !== undefined)
    .map(({ name, type }) => `${name}: ${literal(args[name], type)}`);
  const list = given.length > 0 ? `(${given.join(', ')})` : '';
  const call = field.name + list + selection(field.type, 4);
  if (parent === 'Query' || parent === 'Mutation') return `${root} Nulls${definition} { ${call} }`;
  const node = `node(id: "${own[parent]!}") { ... on ${parent} { ${call} } }`;
  return `query Nulls${definition} { ${node} }`;
}

function literal(value: unknown, type?: GraphQLInputType): string {
  if (value === VARIABLE) return '$v';
  if (Array.isArray(value)) {
    const list = type && getNullableType(type);
    const ofType = list && isListType(list) ? list.ofType : undefined;
    return `[${value.map(item => literal(item, ofType)).join(', ')}]`;
  }
  const named = type && getNamedType(type);
  if (typeof value === 'object' && value !== null) {
    const fields = isInputObjectType(named) ? named.getFields() : undefined;
    return `{ ${Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => `${key}: ${literal(member, fields?.[key]?.type)}`)
      .join(', ')} }`;
  }
  return isEnumType(named) ? String(value) : JSON.stringify(value);
}

/** What tells which objects were found. */
const INFORMATIVE_FIELDS = [
  'id',
  'totalCount',
  'isHit',
  'nodes',
  'hits',
  'chunk',
  'before',
  'after',
];

function selection(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return '';
  if (isInterfaceType(named) || !isObjectType(named)) return ' { __typename id }';
  const told = Object.values(named.getFields()).filter(
    (field: GraphQLField<unknown, unknown>) =>
      INFORMATIVE_FIELDS.includes(field.name) &&
      (depth > 1 || isLeafType(getNamedType(field.type))),
  );
  const selected = told.map(field => field.name + selection(field.type, depth - 1));
  return ` { ${selected.join(' ') || '__typename'} }`;
}

import {
  getNamedType,
  getNullableType,
  GraphQLString,
  isInputObjectType,
  isListType,
  typeFromAST,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { mayLoseDigits, parseJsonExactly } from '../base/json.js';
import { JsonReader } from '../base/json-reader.js';

type Variables = Readonly<Record<string, unknown>>;

/**
 * The variables of an operation with their numbers as they are written in `text`, the request's
 * parameters as JSON, which `values` were read from. Types decide where that matters: a Vector is
 * read as JavaScript does, many times faster. What is passed over costs a nanosecond a character.
 * `values` are of usable depth.
 */
export function exactVariables(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  values: Variables,
  text: string,
): Variables {
  const types = new Map(
    variableDefinitions.map(({ variable, type }) => [
      variable.name.value,
      typeFromAST(schema, type as never) as GraphQLInputType | undefined,
    ]),
  );
  const reader = new JsonReader(text);
  let exact = values;
  reader.object(parameter => {
    if (parameter === 'variables' && reader.next === '{')
      exact = readMembers(reader, name => types.get(name), values);
    else reader.skip();
  });
  return exact;
}

/**
 * `values` with the exact values of the members of the next object that have a type. Of members
 * that occur twice, the last one counts.
 */
function readMembers(
  reader: JsonReader,
  typeOf: (name: string) => GraphQLInputType | undefined,
  values: Variables,
): Variables {
  const members = { ...values };
  reader.object(name => {
    const type = Object.hasOwn(values, name) ? typeOf(name) : undefined;
    if (type) members[name] = read(reader, type, values[name]);
    else reader.skip();
  });
  return members;
}

function read(reader: JsonReader, wrappedType: GraphQLInputType, value: unknown): unknown {
  const type = getNullableType(wrappedType);
  if (isListType(type)) {
    if (reader.next !== '[') return read(reader, type.ofType, value);
    const items: unknown[] = [];
    // The value need not be this list, if the member comes twice.
    reader.list(index =>
      items.push(read(reader, type.ofType, (value as readonly unknown[] | null)?.[index])),
    );
    return items;
  }
  if (isInputObjectType(type) && reader.next === '{') {
    const fields = type.getFields();
    // A field that is not there is refused with its value, digit for digit.
    return readMembers(
      reader,
      name => fields[name]?.type ?? GraphQLString,
      Object(value) as Variables,
    );
  }
  const text = reader.skip();
  return getNamedType(type).extensions.readsDoubles || !mayLoseDigits(text)
    ? value
    : parseJsonExactly(text);
}

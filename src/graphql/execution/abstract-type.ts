import { GraphQLError, isObjectType, type GraphQLObjectType, type GraphQLSchema } from 'graphql';
import { inspect } from 'graphql/jsutils/inspect.js';
import type { AbstractShape, FieldPlan } from './plan.js';

/** The type that `resolveType` named. Throws what graphql-js does where it is none. */
export function possibleType(
  schema: GraphQLSchema,
  field: FieldPlan,
  { type: abstract }: AbstractShape,
  name: unknown,
  value: unknown,
): GraphQLObjectType {
  const at = `${field.parentType.name}.${field.definition.name}`;
  const { nodes } = field;
  const unresolved =
    `Abstract type "${abstract.name}" must resolve to an Object type at runtime for ` +
    `field "${at}"`;
  if (name === null || name === undefined)
    throw new GraphQLError(
      `${unresolved}. Either the "${abstract.name}" type should provide a "resolveType" ` +
        'function or each possible type should provide an "isTypeOf" function.',
      { nodes },
    );
  if (typeof name !== 'string')
    throw new GraphQLError(
      `${unresolved} with value ${inspect(value)}, received "${inspect(name)}".`,
    );
  const type = schema.getType(name);
  const resolved = `Abstract type "${abstract.name}" was resolved to a`;
  if (!type)
    throw new GraphQLError(`${resolved} type "${name}" that does not exist inside the schema.`, {
      nodes,
    });
  if (!isObjectType(type))
    throw new GraphQLError(`${resolved} non-object type "${name}".`, { nodes });
  if (!schema.isSubType(abstract, type))
    throw new GraphQLError(
      `Runtime Object type "${type.name}" is not a possible type for "${abstract.name}".`,
      { nodes },
    );
  return type;
}

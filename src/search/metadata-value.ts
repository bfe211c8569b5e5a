import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql';

/** What metadata can be compared with. */
export type MetadataValue = string | number | boolean;

function parse(value: unknown): MetadataValue {
  if (typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw new GraphQLError('MetadataValue must be a text, a finite number, true or false.', { extensions: { code: 'BAD_USER_INPUT' } });
}

export const MetadataValueScalar = new GraphQLScalarType<MetadataValue, MetadataValue>({
  name: 'MetadataValue',
  description: 'A single value in metadata: a text, a finite number, true or false.',
  serialize: value => value as MetadataValue,
  parseValue: parse,
  parseLiteral: (node, variables) => parse(node.kind === Kind.ENUM ? undefined : valueFromASTUntyped(node, variables)),
});

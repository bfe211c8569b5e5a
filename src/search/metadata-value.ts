import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { isJsonNumber, isUsableNumber, type JsonNumber } from '../base/json.js';
import { FINITE_NUMBERS, jsonOfLiteral } from '../graphql/scalars.js';

/** What metadata can be compared with. */
export type MetadataValue = string | JsonNumber | boolean;

function parse(value: unknown): MetadataValue {
  if (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (isJsonNumber(value) && isUsableNumber(value))
  )
    return value;
  throw new GraphQLError(
    `MetadataValue must be a text, true or false, or one of the ${FINITE_NUMBERS}.`,
    { extensions: { code: 'BAD_USER_INPUT' } },
  );
}

export const MetadataValueScalar = new GraphQLScalarType<MetadataValue, MetadataValue>({
  name: 'MetadataValue',
  description:
    'A single value in metadata: a text, a finite number with all its digits, true or false.',
  serialize: value => value as MetadataValue,
  parseValue: parse,
  parseLiteral: (node, variables) =>
    parse(node.kind === Kind.ENUM ? undefined : jsonOfLiteral(node, variables)),
});

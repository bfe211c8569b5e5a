import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLArgument,
  type GraphQLInputType,
} from 'graphql';

/** Ids of objects that the caller may name, by GraphQL type. */
export type OwnIds = Readonly<Record<string, string>>;

/** Fields that say in a word what they hold, where their type does not. */
const TEXT_BY_NAME: Readonly<Record<string, () => string>> = {
  email: () => `someone-${unique()}@example.com`,
  name: () => `Made ${unique()}`,
  filename: () => `made-${unique()}.md`,
  text: () => 'Tents may be returned within thirty days.',
};
const VALUE_BY_TYPE: Readonly<Record<string, () => unknown>> = {
  String: () => 'made',
  Int: () => 1,
  Float: () => 0.5,
  Boolean: () => true,
  DateTime: () => '2030-01-31T09:30:00.123456Z',
  BigInt: () => 1_000,
  JSONObject: () => ({ made: true }),
  MetadataValue: () => 'made',
  Vector: () => Array.from({ length: 1_536 }, (_, index) => Number(index % 3 === 0)),
};

let made = 0;
function unique(): string {
  return `${process.pid}-${Date.now().toString(36)}-${made++}`;
}

/**
 * Inputs whose parts depend on each other, so that "everything that is required" is not enough.
 * Keys are names of input types.
 */
const EXTRA_FIELDS: Readonly<Record<string, (ids: OwnIds) => Record<string, unknown>>> = {
  SearchChunksInput: () => ({ text: 'return a tent' }),
  DeleteTenantInput: () => ({ dryRun: true, confirm: 'Its name' }),
  DeleteBotInput: () => ({ dryRun: true, confirm: 'Its name' }),
  DeleteUserInput: () => ({ dryRun: true, confirm: 'Its name' }),
  DeleteChunksInput: ids => ({ documentId: ids.Document }),
  UpdateTenantInput: () => ({ name: `Renamed ${unique()}` }),
  UpdateBotInput: () => ({ name: `Renamed ${unique()}` }),
  UpdateUserInput: () => ({ email: `renamed-${unique()}@example.com` }),
  UpdateDocumentInput: () => ({ filename: `renamed-${unique()}.md` }),
  CreateUploadInput: () => ({ filename: `made-${unique()}.pdf` }),
  CreateDocumentInput: () => ({ text: 'Tents may be returned within thirty days.' }),
};

/** Fields of which an input takes one: whoever sets the first, leaves out the second. */
export const REPLACED_ARGUMENTS: Readonly<Record<string, string>> = { ids: 'documentId' };

/**
 * Arguments with which a call of `field` makes sense: what is required, with the caller's own ids,
 * and nothing else.
 */
export function validArguments(
  field: GraphQLField<unknown, unknown>,
  ids: OwnIds,
): Record<string, unknown> {
  return Object.fromEntries(
    field.args
      .filter(isRequiredArgument)
      .map(argument => [argument.name, valueOf(argument, field.name, ids)]),
  );
}

/** A value that would do in a place of a field's arguments. */
export function valueOf(
  coordinate: GraphQLArgument | GraphQLInputField,
  fieldName: string,
  ids: OwnIds,
  type: GraphQLInputType = coordinate.type,
): unknown {
  if (isNonNullType(type))
    return valueOf(coordinate, fieldName, ids, getNullableType(type) as GraphQLInputType);
  if (isListType(type))
    return [valueOf(coordinate, fieldName, ids, type.ofType as GraphQLInputType)];
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (isInputObjectType(type)) {
    const required = Object.values(type.getFields()).filter(isRequiredInputField);
    return {
      ...Object.fromEntries(required.map(inner => [inner.name, valueOf(inner, fieldName, ids)])),
      ...EXTRA_FIELDS[type.name]?.(ids),
    };
  }
  const { name } = getNamedType(type);
  if (name === 'ID') return ids[typeOfId(coordinate.name, fieldName)] ?? ids.Bot;
  return (
    (name === 'String' ? TEXT_BY_NAME[coordinate.name]?.() : undefined) ?? VALUE_BY_TYPE[name]?.()
  );
}

/**
 * `botId` names a Bot; plain `id` what the field itself is about: the Bot of `updateBot` and of
 * `bot`.
 */
function typeOfId(coordinate: string, fieldName: string): string {
  const about = /^ids?$/.test(coordinate)
    ? fieldName.replace(/^(update|delete|reprocess|rotate|revoke|retry|cancel)/, '')
    : coordinate.replace(/Ids?$/, '');
  const word = about.charAt(0).toUpperCase() + about.slice(1);
  return word === 'Chunk' || word === 'Chunks' ? 'DocumentChunk' : word;
}

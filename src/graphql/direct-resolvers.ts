import {
  isInterfaceType,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { getMetadataStorage } from 'type-graphql';
import { BATCH, type BatchResolver } from './batch.js';

type Resolver = GraphQLFieldResolver<unknown, unknown>;
type BaseMetadata = Pick<
  ReturnType<typeof getMetadataStorage>['queries'][number],
  'target' | 'methodName' | 'schemaName' | 'params'
>;

/**
 * Lets the fields of `resolvers` call their methods themselves, with arguments as graphql-js
 * checked them. The handlers that type-graphql puts there find and copy the arguments' classes in
 * every call and make several promises, for a validation that is not used here. So do interfaces,
 * whose functions name types at once.
 */
export function resolveDirectly(
  schema: GraphQLSchema,
  resolvers: readonly Function[],
): GraphQLSchema {
  const storage = getMetadataStorage();
  const instances = new Map(
    resolvers.map(resolver => [resolver, new (resolver as new () => Record<string, Function>)()]),
  );
  const replace = (type: GraphQLObjectType | null | undefined, metadata: BaseMetadata): void => {
    const instance = instances.get(metadata.target);
    const field = type?.getFields()[metadata.schemaName];
    if (instance && field) replaceResolver(field, directResolver(instance, metadata));
  };
  for (const query of storage.queries) replace(schema.getQueryType(), query);
  for (const mutation of storage.mutations) replace(schema.getMutationType(), mutation);
  for (const field of storage.fieldResolvers) {
    const parent = field.getObjectType?.();
    const { name } = storage.objectTypes.find(type => type.target === parent) ?? {};
    if (name) replace(schema.getType(name) as GraphQLObjectType, field);
  }
  for (const { target, name, resolveType } of storage.interfaceTypes) {
    const type = schema.getType(name);
    if (target && resolveType && isInterfaceType(type)) type.resolveType = resolveType as never;
  }
  return schema;
}

function replaceResolver(
  field: GraphQLField<unknown, unknown>,
  resolve: GraphQLFieldResolver<unknown, unknown>,
): void {
  field.resolve = resolve;
  if (!field.extensions[BATCH]) return;
  const batch = resolve as BatchResolver;
  field.extensions = { ...field.extensions, [BATCH]: batch };
  field.resolve = async (root, args, context, info) => {
    const [value] = await batch([root], args, context, info);
    if (value instanceof Error) throw value;
    return value;
  };
}

function directResolver(
  instance: Record<string, Function>,
  { methodName, params = [] }: BaseMetadata,
): Resolver {
  const values = params.toSorted((a, b) => a.index - b.index).map(toValue);
  const method = instance[methodName]!;
  return (root, args, context, info) =>
    method.apply(
      instance,
      values.map(value => value(root, args, context, info)),
    );
}

/** What a parameter's decorator asks for. */
function toValue(param: NonNullable<BaseMetadata['params']>[number]): Resolver {
  switch (param.kind) {
    case 'root':
      return root => root;
    case 'args':
      return (_root, args) => args;
    case 'arg':
      return (_root, args) => args[param.name];
    case 'context':
      return (_root, _args, context) => context;
    case 'info':
      return (_root, _args, _context, info) => info;
    default:
      throw new Error(
        `A resolver's parameter is decorated with ${param.kind}, which is not known here.`,
      );
  }
}

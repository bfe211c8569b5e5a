import type { ApolloServerPlugin } from '@apollo/server';
import {
  isAbstractType,
  Kind,
  OperationTypeNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { hasPermission, permissionsOf, type Permission } from '../auth/permissions.js';
import type { Principal } from '../auth/principal.js';
import { RULE } from '../auth/requires.js';
import { AppError, badInput } from '../base/app-error.js';
import type { Config } from '../config.js';
import type { RequestContext } from './context.js';
import { toGraphQLError } from './format-error.js';

/** What an operation asks of its caller. */
interface OperationRules {
  /** Schema coordinate and permissions of each field that has a rule. */
  readonly fields: readonly {
    readonly coordinate: string;
    readonly anyOf: readonly Permission[];
  }[];
  /** Whether anything beyond introspection is selected. */
  readonly readsData: boolean;
  readonly introspects: boolean;
}

/**
 * Checks an operation before anything of it runs: its caller may select every field. What counts is
 * the operation that runs with all its fragments, whatever @skip and @include say; other operations
 * of the document do not.
 */
export function operationRules({
  openIntrospection,
}: Pick<Config['http'], 'openIntrospection'>): ApolloServerPlugin<RequestContext> {
  // Apollo keeps parsed documents, so that an operation that comes again is the same node.
  const known = new WeakMap<OperationDefinitionNode, OperationRules>();
  const rulesOf = (
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
  ): OperationRules => {
    let rules = known.get(operation);
    if (!rules) known.set(operation, (rules = readRules(schema, document, operation)));
    return rules;
  };
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ schema, document, operation, contextValue }) {
          // No operation, or none that the request's operationName finds: graphql-js refuses to
          // execute it.
          if (!operation) return;
          // graphql-js says so only while it executes, as if it were our mistake.
          if (!schema.getRootType(operation.operation))
            throw toGraphQLError(badInput('query', `The schema has no ${operation.operation}s.`));
          if (contextValue.onlyQueries && operation.operation !== OperationTypeNode.QUERY)
            throw toGraphQLError(postOnly(operation), POST_ONLY);
          const rules = rulesOf(schema, document, operation);
          const problem =
            forbidden(rules, contextValue.principal, operation) ??
            (openIntrospection ? undefined : introspectionForbidden(rules, contextValue.principal));
          if (problem) throw toGraphQLError(problem);
        },
      };
    },
  };
}

/** https://graphql.github.io/graphql-over-http/draft/#sec-GET */
const POST_ONLY = { status: 405, headers: new Map([['allow', 'POST']]) };

function postOnly({ operation }: OperationDefinitionNode): AppError {
  return badInput('query', `GET runs queries only. Send this ${operation} by POST.`);
}

function readRules(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): OperationRules {
  const typeInfo = new TypeInfo(schema);
  const fields = new Map<string, readonly Permission[]>();
  const fragments = new Map(
    document.definitions.flatMap(definition =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  );
  const definitions: (OperationDefinitionNode | FragmentDefinitionNode)[] = [operation];
  let readsData = false;
  let introspects = false;

  const visitor = visitWithTypeInfo(typeInfo, {
    enter(node) {
      if (node.kind === Kind.FIELD) enterField(node.name.value);
      else if (node.kind === Kind.FRAGMENT_SPREAD) enterFragment(node.name.value);
    },
  });
  const enterField = (name: string): void => {
    const parent = typeInfo.getParentType();
    if (name === '__schema' || name === '__type') introspects = true;
    if (!parent || name.startsWith('__')) return;
    if (!parent.name.startsWith('__')) readsData = true;
    for (const [coordinate, anyOf] of rulesOfField(schema, parent, name))
      fields.set(coordinate, anyOf);
  };
  const enterFragment = (name: string): void => {
    const fragment = fragments.get(name);
    if (fragment && !definitions.includes(fragment)) definitions.push(fragment);
  };
  for (const definition of definitions) visit(definition, visitor);
  return {
    fields: Array.from(fields, ([coordinate, anyOf]) => ({ coordinate, anyOf })),
    readsData,
    introspects,
  };
}

/**
 * The rules of a field by coordinate. Selected on an interface, those that it has on any type that
 * may turn out to be there.
 */
function rulesOfField(
  schema: GraphQLSchema,
  parent: GraphQLCompositeType,
  name: string,
): [string, readonly Permission[]][] {
  const types = isAbstractType(parent) ? [parent, ...schema.getPossibleTypes(parent)] : [parent];
  return types.flatMap(type => {
    const anyOf =
      'getFields' in type
        ? (type.getFields()[name]?.extensions[RULE] as Permission[] | undefined)
        : undefined;
    return anyOf ? [[`${type.name}.${name}`, anyOf]] : [];
  });
}

function forbidden(
  rules: OperationRules,
  principal: Principal,
  operation: OperationDefinitionNode,
): AppError | undefined {
  if (principal.kind === 'operator' || !rules.readsData) return undefined;
  if (principal.kind === 'nobody') {
    return new AppError(
      'UNAUTHENTICATED',
      `This ${operation.operation} needs a token: send "Authorization: Bearer <API key>".`,
    );
  }
  const permissions = permissionsOf(principal);
  const deniedField = rules.fields.find(
    field => !field.anyOf.some(permission => hasPermission(permissions, permission)),
  );
  if (!deniedField) return undefined;
  return new AppError(
    'FORBIDDEN',
    `${deniedField.coordinate} ${requirement(deniedField.anyOf, principal)}.`,
    {
      field: deniedField.coordinate,
    },
  );
}

function introspectionForbidden(
  { introspects }: OperationRules,
  principal: Principal,
): AppError | undefined {
  return introspects && principal.kind === 'nobody'
    ? new AppError(
        'UNAUTHENTICATED',
        'Only callers with a token can read the schema: send "Authorization: Bearer <API key>".',
      )
    : undefined;
}

function requirement(
  anyOf: readonly Permission[],
  principal: Exclude<Principal, { kind: 'nobody' }>,
): string {
  const scopes = anyOf
    .filter(permission => permission !== 'owner' && permission !== 'operator')
    .map(scope => scope.toUpperCase());
  if (scopes.length === 0)
    return anyOf.includes('owner')
      ? "is only for the tenant's owners and the operator"
      : 'is only for the operator';
  const names = scopes.join(' or ');
  return principal.kind === 'user'
    ? `needs the permission ${names}, which the role ${principal.role.toUpperCase()} does not have`
    : `needs the scope ${names}, which this API key does not have`;
}

import type { ApolloServerPlugin } from '@apollo/server';
import {

  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { ApiKeyScope, Principal } from '../auth/principal.js';
import { RULE } from '../auth/requires.js';
import { AppError, badInput } from '../base/app-error.js';
import type { RequestContext } from './context.js';
import { asAppError, isHidden, refusal } from './format-error.js';

/** What a document asks of its caller, worked out once for each document that Apollo keeps parsed. */
interface DocumentRules {
  /** Schema coordinate and scopes of each field that has a rule. */
  readonly fields: readonly { readonly coordinate: string; readonly anyOf: readonly ApiKeyScope[] }[];
  /** Whether anything beyond introspection is selected. */
  readonly readsData: boolean;
  readonly problem: AppError | undefined;
}

/**
 * Checks an operation before anything of it runs: that its caller may select every field, and that its texts can be stored and
 * compared at all. Afterwards it puts the request's id into errors and writes what callers do not see into the log.
 */
export function operationRules(): ApolloServerPlugin<RequestContext> {
  const known = new WeakMap<DocumentNode, DocumentRules>();
  const rulesOf = (schema: GraphQLSchema, document: DocumentNode): DocumentRules => {
    let rules = known.get(document);
    if (!rules) known.set(document, (rules = readRules(schema, document)));
    return rules;
  };
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ schema, document, operation, request, contextValue }) {
          const rules = rulesOf(schema, document);
          const problem =
            contextValue.refused ??
            forbidden(rules, contextValue.principal, operation) ??
            rules.problem ??
            unusableText(request.variables, 'variables');
          if (problem) throw refusal(problem);
        },
        async didEncounterErrors({ errors, contextValue }) {
          for (const error of errors) {
            if (isHidden(error)) contextValue.log.error({ err: error.originalError ?? error, path: error.path }, 'Unexpected error');
            else if (asAppError(error)?.code === 'UNAVAILABLE') contextValue.log.warn({ err: asAppError(error)?.cause, path: error.path }, 'Unavailable');
          }
        },
        async willSendResponse({ response, contextValue }) {
          if (response.body.kind !== 'single') return;
          for (const error of response.body.singleResult.errors ?? []) {
            if (error.extensions) error.extensions.requestId = contextValue.requestId;
          }
        },
      };
    },
  };
}

function readRules(schema: GraphQLSchema, document: DocumentNode): DocumentRules {
  const typeInfo = new TypeInfo(schema);
  const fields = new Map<string, readonly ApiKeyScope[]>();
  let readsData = false;
  let problem: AppError | undefined;
  visit(
    document,
    visitWithTypeInfo(typeInfo, {
      Field(node) {
        const parent = typeInfo.getParentType();
        const field = typeInfo.getFieldDef();
        if (!parent || !field || node.name.value.startsWith('__')) return;
        if (!parent.name.startsWith('__')) readsData = true;
        const anyOf = field.extensions[RULE] as ApiKeyScope[] | undefined;
        if (anyOf) fields.set(`${parent.name}.${field.name}`, anyOf);
      },
      StringValue(node) {
        problem ??= unusableText(node.value, typeInfo.getArgument()?.name ?? 'query');
      },
    }),
  );
  return { fields: Array.from(fields, ([coordinate, anyOf]) => ({ coordinate, anyOf })), readsData, problem };
}

function forbidden(rules: DocumentRules, principal: Principal, operation: OperationDefinitionNode | undefined): AppError | undefined {
  if (principal.kind === 'operator' || !rules.readsData) return undefined;
  if (principal.kind === 'nobody') {
    return new AppError('UNAUTHENTICATED', `This ${operation?.operation ?? 'operation'} needs a token: send "Authorization: Bearer <API key>".`);
  }
  const closed = rules.fields.find(field => !field.anyOf.some(scope => principal.scopes.has(scope)));
  if (!closed) return undefined;
  const scopes = closed.anyOf.map(scope => scope.toUpperCase()).join(' or ');
  return new AppError('FORBIDDEN', `${closed.coordinate} needs the scope ${scopes}, which this API key does not have.`, { field: closed.coordinate });
}

/** PostgreSQL cannot hold NUL in a text, nor half of a surrogate pair: refused here, by name, before any of it gets there. */
function unusableText(value: unknown, path: string): AppError | undefined {
  if (typeof value === 'string') {
    if (value.includes('\0')) return badInput(path, `${path} holds a NUL character (U+0000), which texts cannot have.`);
    return value.isWellFormed() ? undefined : badInput(path, `${path} holds half of a surrogate pair, which is not Unicode text.`);
  }
  if (typeof value !== 'object' || value === null) return undefined;
  // Vectors are long and hold no text.
  if (Array.isArray(value) && typeof value[0] === 'number') return undefined;
  for (const [key, item] of Object.entries(value)) {
    const problem = unusableText(item, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`) ?? unusableText(key, `a member name in ${path}`);
    if (problem) return problem;
  }
  return undefined;
}


import type { ApolloServerPlugin, GraphQLRequestContext } from '@apollo/server';
import {
  Kind,
  OperationTypeNode,
  visit,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { AppError, badInput } from '../../base/app-error.js';
import type { Config } from '../../config.js';
import type { RequestContext } from '../context.js';
import { toGraphQLError } from '../format-error.js';
import { documentProblem } from './document-limits.js';
import { operationCost, type OperationCost } from './operation-cost.js';
import { listProblem, textProblem, valueProblem } from './value-limits.js';

/**
 * How deep an operation may nest selections and literals together, counted in nodes of its syntax
 * tree: far beyond what people and tools write.
 */
const MAX_NODE_DEPTH = 200;

/** Places in an operation that ask for the schema, at most: each answers all of it, to anyone. */
const MAX_INTROSPECTIONS = 2;

/** What is known of an operation whatever its variables are. */
interface OperationCheck {
  readonly problem: AppError | undefined;
  readonly cost: OperationCost;
}

/**
 * Refuses what is too large before anything of it runs: documents by their shape, before they are
 * validated, and operations by the rows that they could read, with the values of their variables.
 * Both are examined once for a document that comes again: Apollo keeps parsed documents, in a cache
 * that is bounded, and what is noted here lives as long as they do.
 */
export function operationLimits(limits: Config['limits']): ApolloServerPlugin<RequestContext> {
  const documentProblems = new WeakMap<DocumentNode, AppError>();
  const checks = new WeakMap<OperationDefinitionNode, OperationCheck>();
  return {
    async requestDidStart() {
      return {
        async parsingDidStart(requestContext: { document?: DocumentNode }) {
          return async error => {
            const problem = error ? undefined : documentProblem(requestContext.document!, limits);
            if (!problem) return;
            // No hook before validation can refuse: a small document takes the large one's place,
            // here and in Apollo's cache, and is refused below.
            requestContext.document = placeholder();
            documentProblems.set(requestContext.document, problem);
          };
        },
        async didResolveOperation({ schema, document, operation, request }) {
          const problem = documentProblems.get(document);
          if (problem) throw toGraphQLError(problem);
          // No operation, or none that the request's operationName finds: graphql-js refuses to
          // execute it.
          if (!operation || !schema.getRootType(operation.operation)) return;
          let check = checks.get(operation);
          if (!check)
            checks.set(operation, (check = checkOperation(schema, document, operation, limits)));
          const violation =
            check.problem ??
            valueProblem(request.variables, 'variables', limits.listItems) ??
            costProblem(check.cost, request, limits.cost);
          if (violation) throw toGraphQLError(violation);
        },
      };
    },
  };
}

function costProblem(
  cost: OperationCost,
  { variables }: GraphQLRequestContext<RequestContext>['request'],
  limit: number,
): AppError | undefined {
  const rows = typeof cost === 'number' ? cost : cost(variables ?? {});
  if (rows <= limit) return undefined;
  const explanation =
    'by its page sizes for all parents together, and ten for a value under each further alias';
  return new AppError(
    'QUERY_TOO_COMPLEX',
    `The operation could read ${rows} rows, ${explanation}; the limit is ${limit}. Ask for ` +
      'fewer levels, smaller pages or fewer aliases.',
  );
}

/** A valid operation, with its fragments and literals. */
function checkOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  limits: Config['limits'],
): OperationCheck {
  const fragments = new Map(
    document.definitions.flatMap(definition =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  );
  return {
    problem: syntaxProblem(operation, fragments, limits),
    cost: operationCost(schema, operation, fragments),
  };
}

function syntaxProblem(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  limits: Config['limits'],
): AppError | undefined {
  const definitions = new Set<OperationDefinitionNode | FragmentDefinitionNode>([operation]);
  let argument = 'query';
  let introspections = 0;
  let problem: AppError | undefined;
  // What is added to a set while it is gone through is gone through as well.
  for (const definition of definitions) {
    visit(definition, {
      enter(node, _key, _parent, _path, ancestors) {
        if (ancestors.length > MAX_NODE_DEPTH)
          problem ??= badInput(
            'query',
            `The operation is nested deeper than ${MAX_NODE_DEPTH} levels of syntax.`,
          );
        // graphql-js keeps values of variables in an object, where this name would take the place
        // of its prototype.
        if (node.kind === Kind.VARIABLE_DEFINITION && node.variable.name.value === '__proto__')
          problem ??= badInput(
            'query',
            'A variable cannot be called __proto__. Choose another name.',
          );
        if (node.kind === Kind.ARGUMENT) argument = node.name.value;
        else if (node.kind === Kind.STRING) problem ??= textProblem(node.value, argument);
        else if (node.kind === Kind.LIST)
          problem ??= listProblem(node.values.length, argument, limits.listItems);
        else if (node.kind === Kind.FRAGMENT_SPREAD && fragments.has(node.name.value))
          definitions.add(fragments.get(node.name.value)!);
        else if (
          node.kind === Kind.FIELD &&
          (node.name.value === '__schema' || node.name.value === '__type')
        )
          introspections += 1;
      },
    });
  }
  if (introspections > MAX_INTROSPECTIONS)
    problem ??= new AppError(
      'QUERY_TOO_COMPLEX',
      `The operation selects the schema more than ${MAX_INTROSPECTIONS} times.`,
    );
  return problem;
}

function placeholder(): DocumentNode {
  const name = { kind: Kind.NAME, value: '__typename' } as const;
  const selectionSet = {
    kind: Kind.SELECTION_SET,
    selections: [{ kind: Kind.FIELD, name }],
  } as const;
  return {
    kind: Kind.DOCUMENT,
    definitions: [
      { kind: Kind.OPERATION_DEFINITION, operation: OperationTypeNode.QUERY, selectionSet },
    ],
  };
}

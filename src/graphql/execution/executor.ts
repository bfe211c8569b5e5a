import type { ApolloServerOptionsWithGateway, BaseContext } from '@apollo/server';
import {
  execute,
  getNamedType,
  getOperationAST,
  getVariableValues,
  isAbstractType,
  isObjectType,
  Kind,
  OperationTypeNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { RequestContext } from '../context.js';
import { exactVariables } from '../exact-variables.js';
import { executePlan } from './execute-plan.js';
import { planOperation, type ObjectPlan, type PlanSource } from './plan.js';

/** Combinations of the variables in @skip and @include that an operation's plans are kept for. */
const MAX_PLANS = 8;

/** Mistakes in variables that an answer names. */
const MAX_VARIABLE_ERRORS = 10;

/** An operation that is left to graphql-js. */
const NOT_PLANNABLE = 'unknown';

/** An operation that plans can be made for. */
interface PlannableOperation {
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  /** Names of the variables that @skip and @include ask for. */
  readonly conditions: readonly string[];
  readonly plans: Map<string, { readonly source: PlanSource; readonly plan: ObjectPlan }>;
}

interface ExecutorArgs extends Pick<
  ExecutionArgs,
  'document' | 'operationName' | 'variableValues' | 'contextValue' | 'rootValue'
> {
  /** The text that the variables were read from, where that may have changed their numbers. */
  readonly parametersText?: string | undefined;
}

export type Executor = (args: ExecutorArgs) => ExecutionResult | Promise<ExecutionResult>;

/**
 * Executes operations on `schema` as graphql-js does, in a fraction of its time and with pauses for
 * others: what they select of each type is worked out once for a document and not for each request.
 * Left to graphql-js is what plans do not know: types with `isTypeOf`.
 */
export function createExecutor(schema: GraphQLSchema): Executor {
  // Apollo keeps parsed documents, so that an operation that comes again is the same node.
  const operations = new WeakMap<
    OperationDefinitionNode,
    PlannableOperation | typeof NOT_PLANNABLE
  >();
  return ({ parametersText, ...executionArgs }) => {
    const operation = getOperationAST(executionArgs.document, executionArgs.operationName);
    if (!operation) return execute({ ...executionArgs, schema });
    const args =
      parametersText === undefined
        ? executionArgs
        : {
            ...executionArgs,
            variableValues: exactVariables(
              schema,
              operation,
              executionArgs.variableValues ?? {},
              parametersText,
            ),
          };
    const variables = getVariableValues(
      schema,
      operation.variableDefinitions ?? [],
      args.variableValues ?? {},
      { maxErrors: MAX_VARIABLE_ERRORS },
    );
    // The last one, that there were too many, stands at no variable, and would be taken for a
    // mistake of ours.
    if (variables.errors) return { errors: variables.errors.slice(0, MAX_VARIABLE_ERRORS) };
    if (operation.operation === OperationTypeNode.SUBSCRIPTION) return execute({ ...args, schema });
    let plannable = operations.get(operation);
    if (!plannable)
      operations.set(operation, (plannable = toPlannable(schema, args.document, operation)));
    if (plannable === NOT_PLANNABLE) return execute({ ...args, schema });
    const planAndSource = planOf(schema, plannable, variables.coerced);
    return planAndSource
      ? executePlan(
          planAndSource.plan,
          planAndSource.source,
          variables.coerced,
          args.rootValue,
          args.contextValue,
        )
      : execute({ ...args, schema });
  };
}

/**
 * As the `gateway` of an Apollo server, which leaves execution to it and does everything around as
 * ever.
 */
export function asApolloGateway(
  executor: Executor,
  schema: GraphQLSchema,
): ApolloServerOptionsWithGateway<BaseContext>['gateway'] {
  return {
    onSchemaLoadOrUpdate(callback) {
      callback({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => {};
    },
    load: async () => ({
      executor: async ({ document, request, context }) =>
        executor({
          document,
          operationName: request.operationName,
          variableValues: request.variables,
          parametersText: (context as Partial<RequestContext>).takeParametersText?.(),
          contextValue: context,
        }),
    }),
    stop: async () => {},
  };
}

/** undefined where graphql-js must say what is wrong with the conditions at the root. */
function planOf(
  schema: GraphQLSchema,
  { operation, fragments, conditions, plans }: PlannableOperation,
  variables: Record<string, unknown>,
): { source: PlanSource; plan: ObjectPlan } | undefined {
  const values = conditions.map(name =>
    Object.hasOwn(variables, name) ? variables[name] : undefined,
  );
  const key = values.map(String).join();
  const known = plans.get(key);
  if (known) return known;
  const executionArgs = Object.fromEntries(
    conditions.flatMap((name, index) =>
      values[index] === undefined ? [] : [[name, values[index]]],
    ),
  );
  const source = { schema, operation, fragments, conditions: executionArgs };
  try {
    const entry = { source, plan: planOperation(source) };
    if (plans.size < MAX_PLANS) plans.set(key, entry);
    return entry;
  } catch {
    return undefined;
  }
}

function toPlannable(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): PlannableOperation | typeof NOT_PLANNABLE {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null);
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  const conditions = new Set<string>();
  let plannable = true;
  const typeInfo = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(typeInfo, {
      Field() {
        const type = getNamedType(typeInfo.getType());
        if (
          isAbstractType(type)
            ? !type.resolveType || schema.getPossibleTypes(type).some(({ isTypeOf }) => isTypeOf)
            : isObjectType(type) && type.isTypeOf
        )
          plannable = false;
      },
      Directive(node) {
        for (const { value } of node.arguments ?? [])
          if (value.kind === Kind.VARIABLE) conditions.add(value.name.value);
      },
    }),
  );
  return plannable
    ? { operation, fragments, conditions: [...conditions], plans: new Map() }
    : NOT_PLANNABLE;
}

import {
  getOperationAST,
  GraphQLError,
  Kind,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { AppError } from '../../base/app-error.js';
import type { Limits } from '../../config/limits.js';
import { MAX_PLANS, type ExecutableOperation } from '../execution/executor.js';
import { jsonVariablesRule } from '../json-variables-rule.js';
import { documentProblem, selectionsOf } from '../limits/document-limits.js';
import { operationCost, type OperationCost } from '../limits/operation-cost.js';
import { examineOperation } from './examine-operation.js';
import type { OperationRules } from './permission-problem.js';

/** What is known of a document, whoever sends it. Prepared once for each text. */
export interface PreparedDocument {
  /** undefined where the text is no document. */
  readonly document: DocumentNode | undefined;
  /** Why it cannot be executed: a syntax error, a validation error or a limit. */
  readonly errors: readonly GraphQLError[];
  /** Why it is too large to be validated. */
  readonly problem: AppError | undefined;
  readonly holdsOnlyQueries: boolean;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  /** Its operations, as far as any was asked for. */
  readonly operations: Map<OperationDefinitionNode, PreparedOperation>;
  /** The maximum number of cached plans of each operation. */
  readonly maxPlans: number;
  /** The maximum number of fields in all cached plans. */
  readonly maxPlannedFields: number;
}

/** One operation of a valid document, whatever its variables are. */
export interface PreparedOperation extends ExecutableOperation {
  readonly rules: OperationRules;
  readonly problem: AppError | undefined;
  readonly cost: OperationCost;
}

/**
 * Parses a text, measures its shape and validates it, each only if what comes before finds nothing.
 */
export function prepareDocument(
  schema: GraphQLSchema,
  limits: Limits,
  text: string,
): PreparedDocument {
  let document: DocumentNode;
  try {
    document = parse(text, { maxTokens: limits.tokens });
  } catch (error) {
    return { ...NO_DOCUMENT, errors: [toSyntaxError(error as Error)] };
  }
  // Before validation, whose rules compare fields in pairs.
  const problem = documentProblem(document, limits);
  const errors = problem ? [] : validate(schema, document, [...specifiedRules, jsonVariablesRule]);
  const selections = problem ? 0 : selectionsOf(document, limits);
  const maxPlans = Math.min(MAX_PLANS, Math.max(1, Math.floor(MAX_PLANNED_FIELDS / selections)));
  const maxPlannedFields = selections * (text.includes('@') ? maxPlans : 1);
  return { ...validDocument(document), errors, problem, maxPlans, maxPlannedFields };
}

/**
 * Fields of all plans of a document, unless one plan has more: a few fragments that spread each
 * other make thousands of fields, each of which takes as much memory as forty characters of text.
 */
const MAX_PLANNED_FIELDS = 1_000;

/** What a document is that needs no check. */
export function validDocument(document: DocumentNode): PreparedDocument {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null);
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  const holdsOnlyQueries = document.definitions.every(
    one => one.kind !== Kind.OPERATION_DEFINITION || one.operation === OperationTypeNode.QUERY,
  );
  return { ...NO_DOCUMENT, document, holdsOnlyQueries, fragments, operations: new Map() };
}

const NO_DOCUMENT: PreparedDocument = {
  document: undefined,
  errors: [],
  problem: undefined,
  holdsOnlyQueries: false,
  fragments: {},
  operations: new Map(),
  maxPlans: MAX_PLANS,
  maxPlannedFields: 0,
};

/** graphql-js reads by recursion: what is nested deep enough runs out of stack. */
function toSyntaxError(error: Error): GraphQLError {
  return error instanceof GraphQLError
    ? error
    : new GraphQLError(error.message, { originalError: error });
}

/**
 * The operation of a valid document that a request asks for: the one with this name, or the only
 * one. undefined where there is none.
 */
export function operationOf(
  schema: GraphQLSchema,
  limits: Limits,
  prepared: PreparedDocument,
  name: string | undefined,
): PreparedOperation | undefined {
  const operation = getOperationAST(prepared.document!, name);
  if (!operation) return undefined;
  let known = prepared.operations.get(operation);
  if (!known)
    prepared.operations.set(
      operation,
      (known = prepareOperation(schema, limits, prepared, operation)),
    );
  return known;
}

function prepareOperation(
  schema: GraphQLSchema,
  limits: Limits,
  { document, fragments, maxPlans }: PreparedDocument,
  operation: OperationDefinitionNode,
): PreparedOperation {
  const { isPlannable, conditions, ...examination } = examineOperation(
    schema,
    operation,
    fragments,
    limits.listItems,
  );
  return {
    document: document!,
    operation,
    fragments,
    conditions: isPlannable ? conditions : undefined,
    plans: new Map(),
    maxPlans,
    ...examination,
    cost: schema.getRootType(operation.operation) ? operationCost(schema, operation, fragments) : 0,
  };
}

import { OperationTypeNode, type GraphQLError, type GraphQLSchema } from 'graphql';
import { AppError, badInput } from '../../base/app-error.js';
import type { Limits } from '../../config/limits.js';
import type { RequestContext } from '../context.js';
import { toGraphQLError } from '../format-error.js';
import type { OperationCost } from '../limits/operation-cost.js';
import { valueProblem } from '../limits/value-limits.js';
import { permissionProblem } from './permission-problem.js';
import type { PreparedOperation } from './prepared-document.js';

/** What the gateway is configured to take. */
export interface OperationSettings {
  readonly schema: GraphQLSchema;
  readonly limits: Limits;
  /** Whether the schema is shown to callers without a token. */
  readonly openIntrospection: boolean;
}

/** https://graphql.github.io/graphql-over-http/draft/#sec-GET */
const POST_ONLY = { status: 405, headers: new Map([['allow', 'POST']]) };

/**
 * Why an operation must not run for this caller and with these variables, of which it has looked at
 * no value: each of these problems only if those before it are none.
 */
export function admissionProblem(
  { schema, limits, openIntrospection }: OperationSettings,
  { operation: { operation: kind }, rules, problem, cost }: PreparedOperation,
  variables: Readonly<Record<string, unknown>> | undefined,
  { onlyQueries, principal }: Pick<RequestContext, 'onlyQueries' | 'principal'>,
): GraphQLError | undefined {
  // graphql-js says so only while it executes, as if it were our mistake.
  if (!schema.getRootType(kind))
    return toGraphQLError(badInput('query', `The schema has no ${kind}s.`));
  if (onlyQueries && kind !== OperationTypeNode.QUERY)
    return toGraphQLError(
      badInput('query', `GET runs queries only. Send this ${kind} by POST.`),
      POST_ONLY,
    );
  const found =
    permissionProblem(rules, principal, kind, openIntrospection) ??
    problem ??
    valueProblem(variables, 'variables', limits.listItems) ??
    costProblem(cost, variables ?? {}, limits.cost);
  return found && toGraphQLError(found);
}

function costProblem(
  cost: OperationCost,
  variables: Readonly<Record<string, unknown>>,
  limit: number,
): AppError | undefined {
  const rows = typeof cost === 'number' ? cost : cost(variables);
  if (rows <= limit) return undefined;
  const explanation =
    'by its page sizes for all parents together, and ten for a value under each further alias';
  return new AppError(
    'QUERY_TOO_COMPLEX',
    `The operation could read ${rows} rows, ${explanation}; the limit is ${limit}. Ask for ` +
      'fewer levels, smaller pages or fewer aliases.',
  );
}

import {
  execute,
  GraphQLError,
  Kind,
  type ExecutionResult,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
} from 'graphql';
import type { AppError } from '../../base/app-error.js';
import type { RequestContext } from '../context.js';
import { executeOperation } from '../execution/executor.js';
import {
  asAppError,
  formatError,
  internalCause,
  responseHeadOf,
  toGraphQLError,
} from '../format-error.js';
import { CLIENT_DISCONNECTED } from '../operation-timeout.js';
import { admissionProblem, type OperationSettings } from './admission-problem.js';
import { operationOf, type PreparedDocument } from './prepared-document.js';

/** What a request says beside its document. */
export interface OperationParameters {
  readonly operationName?: string | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** An answer, and what HTTP says of it: nothing where it is as any other. */
export interface OperationAnswer {
  status: number | undefined;
  readonly headers: Map<string, string>;
  readonly result: { -readonly [K in keyof FormattedExecutionResult]: FormattedExecutionResult[K] };
}

/** Checks and executes an operation of a document. */
export async function answerOperation(
  settings: OperationSettings,
  prepared: PreparedDocument,
  { operationName, variables }: OperationParameters,
  context: RequestContext,
): Promise<OperationAnswer> {
  const { schema, limits, openIntrospection } = settings;
  const answer = (result: ExecutionResult, status?: number, code?: string): OperationAnswer =>
    completeAnswer(toAnswer(result, status, code, context), context, openIntrospection);
  if (prepared.problem) return answer({ errors: [toGraphQLError(prepared.problem)] });
  if (prepared.errors.length > 0) return answer({ errors: prepared.errors }, 400, BAD_INPUT);
  const operation = operationOf(schema, limits, prepared, operationName);
  if (!operation) {
    // It says why there is none.
    const args = { schema, document: prepared.document!, operationName };
    return answer(await execute(args), 400, BAD_INPUT);
  }
  const problem = admissionProblem(settings, operation, variables, context);
  if (problem) return answer({ errors: [problem] });
  let result: ExecutionResult;
  try {
    result = await executeOperation(schema, operation, {
      variableValues: variables,
      parametersText: context.takeParametersText(),
      contextValue: context,
    });
  } catch (error) {
    return answer({ errors: [toError(error)] }, 500);
  }
  return answer(result, result.data === undefined ? 400 : undefined);
}

/** What a request's own mistake is called where graphql-js finds it. */
const BAD_INPUT = 'BAD_USER_INPUT';

/**
 * What was found out, as callers see it, and what they do not see as the log does. `status`: where
 * no error has one of its own; `code`: of errors that have none.
 */
function toAnswer(
  { errors, data }: ExecutionResult,
  status: number | undefined,
  code: string | undefined,
  { log, signal }: RequestContext,
): OperationAnswer {
  if (!errors) return { status: undefined, headers: new Map(), result: { data } };
  const answer: OperationAnswer = { status: undefined, headers: new Map(), result: {} };
  answer.result.errors = errors.map(error => {
    const { http } = error.extensions as { http?: ReturnType<typeof responseHeadOf> };
    if (http) addHead(answer, http);
    const formatted = formatError(
      { ...error.toJSON(), extensions: { code: codeOf(error) ?? code ?? INTERNAL } },
      error,
    );
    if (signal.reason === CLIENT_DISCONNECTED) return formatted;
    if (internalCause(formatted))
      log.error({ err: error.originalError ?? error, path: error.path }, 'Unexpected error');
    else if (formatted.extensions!.code === 'UNAVAILABLE')
      log.warn({ err: asAppError(error), path: error.path }, 'Unavailable');
    return formatted;
  });
  if (data !== undefined) answer.result.data = data;
  answer.status ??= status;
  return answer;
}

const INTERNAL = 'INTERNAL_SERVER_ERROR';

/** undefined of what nobody has named: but what stands at a variable is for the caller to mend. */
function codeOf({ extensions, nodes }: GraphQLError): unknown {
  return (
    extensions.code ??
    (nodes?.length === 1 && nodes[0]!.kind === Kind.VARIABLE_DEFINITION ? BAD_INPUT : undefined)
  );
}

function toError(thrown: unknown): GraphQLError {
  if (thrown instanceof GraphQLError) return thrown;
  return thrown instanceof Error
    ? new GraphQLError(thrown.message, { originalError: thrown })
    : new GraphQLError(`Unexpected error value: ${String(thrown)}`);
}

function addHead(answer: OperationAnswer, { status, headers }: ReturnType<typeof responseHeadOf>) {
  answer.status = status;
  for (const [name, value] of headers) answer.headers.set(name, value);
}

/**
 * Finishes an answer: errors get the request's id, and the HTTP status says what happened.
 */
export function completeAnswer(
  answer: OperationAnswer,
  { requestId, requestErrorStatus, principal }: RequestContext,
  openIntrospection: boolean,
): OperationAnswer {
  const { result } = answer;
  for (const error of result.errors ?? []) {
    if (error.extensions) error.extensions.requestId = requestId;
    // What a name could have meant tells of the schema.
    if (!openIntrospection && principal.kind === 'nobody')
      Object.assign(error, { message: error.message.replace(SUGGESTION, '') });
  }
  if (isUnavailable(result)) {
    // Without `data` it is a request that failed, so that clients, proxies and monitors may go by
    // the status.
    delete result.data;
    addHead(answer, responseHeadOf(result.errors![0]!.extensions as unknown as AppError));
  }
  // The request itself was well-formed:
  // https://graphql.github.io/graphql-over-http/draft/#sec-application-json
  if (answer.status === 400) answer.status = requestErrorStatus;
  return answer;
}

const SUGGESTION = / ?Did you mean [^?]*\?/;

/**
 * Whether nothing of an operation could be answered, all for want of the database or another
 * service.
 */
function isUnavailable({ data, errors }: FormattedExecutionResult): boolean {
  if (
    data === undefined ||
    !errors?.length ||
    errors.some((error: GraphQLFormattedError) => error.extensions?.code !== 'UNAVAILABLE')
  )
    return false;
  const failed = new Set(errors.map(error => error.path?.[0]));
  return (
    data === null ||
    Object.entries(data).every(([name, value]) => value === null && failed.has(name))
  );
}

import { GraphQLError, isValueNode, type GraphQLFormattedError } from 'graphql';
import { AppError, type ErrorCode } from '../base/app-error.js';
import { exceededTime, isDatabaseUnreachable } from '../db/database-errors.js';

/**
 * Status of an answer that holds no data because of an error with this code (GraphQL over HTTP,
 * section 6.4).
 */
const STATUS: Record<ErrorCode, number> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  BAD_USER_INPUT: 400,
  CONFLICT: 409,
  RATE_LIMITED: 429,
  QUERY_TOO_COMPLEX: 400,
  QUOTA_EXCEEDED: 403,
  CHECKSUM_MISMATCH: 422,
  UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
};

/** The codes of graphql-js and Apollo for requests that the caller must correct. */
const REQUEST_ERRORS = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'BAD_REQUEST',
  'BAD_USER_INPUT',
]);

/**
 * What graphql-js says where more lists of the schema stand in each other than it answers, of which
 * it has this number: a test holds both against its version.
 */
const INTROSPECTION_TOO_DEEP = 'Maximum introspection depth exceeded';
const INTROSPECTION_LIMIT =
  'The operation nests fields, interfaces, possibleTypes and inputFields of types more ' +
  'than 2 levels deep; the limit is 2.';

const INTERNAL_ERROR_MESSAGE = 'Something went wrong on our side. Please report the request id.';

/** What a caller sees of an internal error. */
export function hiddenError(cause?: unknown): AppError {
  return new AppError('INTERNAL_SERVER_ERROR', INTERNAL_ERROR_MESSAGE, { cause });
}

/** The known error behind anything that was thrown; undefined for what callers must not see. */
export function asAppError(thrown: unknown): AppError | undefined {
  const error = thrown instanceof GraphQLError ? (thrown.originalError ?? thrown) : thrown;
  if (error instanceof AppError) return error;
  if (isValueRefused(error)) return new AppError('BAD_USER_INPUT', error.message, { cause: error });
  if (isDatabaseUnreachable(error)) {
    return new AppError(
      'UNAVAILABLE',
      'The database cannot be reached at the moment. Try again shortly.',
      { cause: error, retryAfterMs: 1_000 },
    );
  }
  switch (exceededTime(error)) {
    case 'statement':
      return new AppError(
        'UNAVAILABLE',
        'The database took longer than the time limit of an operation. Request less ' +
          'data, or try again later.',
        { cause: error, retryAfterMs: 1_000 },
      );
    case 'lock':
      return new AppError(
        'UNAVAILABLE',
        'Another operation is changing the same data at the moment. Try again shortly.',
        { cause: error, retryAfterMs: 1_000 },
      );
    default:
      return undefined;
  }
}

/**
 * Whether graphql-js itself refused a value while it executed, such as a null in a variable where
 * there must be a value: of all that it throws then, this alone points at a value in the operation.
 * https://spec.graphql.org/October2021/#sec-Coercing-Field-Arguments
 */
function isValueRefused(error: unknown): error is GraphQLError {
  return (
    error instanceof GraphQLError &&
    error.originalError === undefined &&
    error.nodes?.length === 1 &&
    isValueNode(error.nodes[0]!)
  );
}

/** Status and headers of an answer that holds no data because of such an error. */
export function responseHeadOf({ code, retryAfterMs }: Pick<AppError, 'code' | 'retryAfterMs'>): {
  status: number;
  headers: Map<string, string>;
} {
  const headers = new Map<string, string>();
  if (code === 'UNAUTHENTICATED') headers.set('www-authenticate', 'Bearer');
  if (retryAfterMs !== undefined)
    headers.set('retry-after', String(Math.ceil(retryAfterMs / 1_000)));
  return { status: STATUS[code], headers };
}

/**
 * An error that refuses a whole operation before it runs, with the HTTP status of its code or
 * another one.
 */
export function toGraphQLError(error: AppError, http = responseHeadOf(error)): GraphQLError {
  return new GraphQLError(error.message, { originalError: error, extensions: { http } });
}

/** What is answered to a request whose caller is refused, so that nothing of it is read. */
export function errorResponse(
  error: AppError,
  requestId: string,
): { status: number; headers: Map<string, string>; body: object } {
  const { message, code, field, retryAfterMs } = error;
  return {
    ...responseHeadOf(error),
    body: {
      errors: [
        {
          message,
          extensions: {
            code,
            ...(field !== undefined && { field }),
            ...(retryAfterMs !== undefined && { retryAfterMs }),
            requestId,
          },
        },
      ],
    },
  };
}

/**
 * The one mouth: what a caller sees of an error. Known errors are shown; all others get one
 * sentence, and their details go to the log.
 */
export function formatError(
  formatted: GraphQLFormattedError,
  thrown: unknown,
): GraphQLFormattedError {
  const location = {
    ...(formatted.locations && { locations: formatted.locations }),
    ...(formatted.path && { path: formatted.path }),
  };
  const appError = asAppError(thrown);
  if (appError) {
    const { code, field, retryAfterMs } = appError;
    return {
      message: appError.message,
      ...location,
      extensions: {
        code,
        ...(field !== undefined && { field }),
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      },
    };
  }
  if (REQUEST_ERRORS.has(String(formatted.extensions?.code))) {
    if (formatted.message === INTROSPECTION_TOO_DEEP)
      return {
        message: INTROSPECTION_LIMIT,
        ...location,
        extensions: { code: 'QUERY_TOO_COMPLEX' },
      };
    // graphql-js reads by recursion: what is nested thousands of levels deep runs out of stack.
    const message = formatted.message.startsWith('Maximum call stack')
      ? 'The operation is nested too deeply to be parsed.'
      : formatted.message;
    return { message, ...location, extensions: { code: 'BAD_USER_INPUT' } };
  }
  return {
    message: INTERNAL_ERROR_MESSAGE,
    ...location,
    extensions: { code: 'INTERNAL_SERVER_ERROR' },
    [CAUSE]: thrown,
  } as GraphQLFormattedError;
}

/** Where an error that is answered keeps what it hides. JSON leaves it out. */
const CAUSE = Symbol('cause');

/** What the caller does not see of an error that is answered. */
export function internalCause(formatted: GraphQLFormattedError): unknown {
  return (formatted as { [CAUSE]?: unknown })[CAUSE];
}

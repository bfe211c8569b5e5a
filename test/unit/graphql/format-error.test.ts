import { GraphQLError } from 'graphql';
import { describe, expect, test } from 'vitest';
import { AppError, badInput, ERROR_CODES } from '../../../src/base/app-error.js';
import { formatError, internalCause, toGraphQLError } from '../../../src/graphql/format-error.js';

/** What a caller sees of something thrown by a resolver at `path`. */
function shown(thrown: unknown): ReturnType<typeof formatError> {
  const error = new GraphQLError((thrown as Error).message, {
    originalError: thrown as Error,
    path: ['documents'],
  });
  return formatError(
    { message: error.message, path: ['documents'], extensions: { ...error.extensions } },
    error,
  );
}

/** What callers get of it: what only the log is told is no part of the JSON. */
const sent = (error: unknown): unknown => JSON.parse(JSON.stringify(error));

describe('an error that we throw for the caller', () => {
  test('is shown with its code, field and place', () => {
    expect(shown(badInput('first', 'first must be from 0 to 100; it is 101.'))).toEqual({
      message: 'first must be from 0 to 100; it is 101.',
      path: ['documents'],
      extensions: { code: 'BAD_USER_INPUT', field: 'first' },
    });
    expect(
      shown(new AppError('RATE_LIMITED', 'Slow down.', { retryAfterMs: 500 })).extensions,
    ).toEqual({ code: 'RATE_LIMITED', retryAfterMs: 500 });
  });

  test('keeps its cause to itself', () => {
    const error = shown(
      new AppError('CONFLICT', 'Changed since.', {
        cause: new Error('duplicate key value violates unique constraint'),
      }),
    );
    expect(JSON.stringify(error)).not.toMatch(/constraint|stack|cause/);
  });

  test('that refuses an operation has a status of its own', () => {
    for (const code of ERROR_CODES) {
      const { status } = toGraphQLError(new AppError(code, 'No.')).extensions.http as {
        status: number;
      };
      expect(status, code).toBeGreaterThanOrEqual(400);
      expect(status >= 500, code).toBe(code === 'UNAVAILABLE' || code === 'INTERNAL_SERVER_ERROR');
    }
  });
});

describe('an error that nobody expected', () => {
  test.each([
    new Error('column "secret" does not exist'),
    Object.assign(new Error('invalid input syntax for type uuid: "x"'), {
      code: '22P02',
      detail: 'select * from docs',
      stack: 'at Parser (/app/src)',
    }),
    new TypeError("Cannot read properties of undefined (reading 'id')"),
    new RangeError('Maximum call stack size exceeded'),
  ])('is hidden but for one sentence: %s', thrown => {
    expect(sent(shown(thrown))).toEqual({
      message: 'Something went wrong on our side. Please report the request id.',
      path: ['documents'],
      extensions: { code: 'INTERNAL_SERVER_ERROR' },
    });
    expect(internalCause(formatError({ message: '' }, thrown))).toBe(thrown);
  });

  test('is hidden too when it is no Error', () => {
    expect(formatError({ message: 'x' }, 'x').extensions).toEqual({
      code: 'INTERNAL_SERVER_ERROR',
    });
    expect(
      sent(
        formatError({ message: 'x', extensions: { code: 'SECRET', stacktrace: ['at x'] } }, null),
      ),
    ).toEqual({
      message: 'Something went wrong on our side. Please report the request id.',
      extensions: { code: 'INTERNAL_SERVER_ERROR' },
    });
  });
});

describe('an error of the request itself', () => {
  test.each([
    'GRAPHQL_PARSE_FAILED',
    'GRAPHQL_VALIDATION_FAILED',
    'OPERATION_RESOLUTION_FAILURE',
    'BAD_REQUEST',
    'BAD_USER_INPUT',
  ])('with the code %s is BAD_USER_INPUT', code => {
    const formatted = {
      message: 'Syntax Error: Unexpected "}".',
      locations: [{ line: 1, column: 3 }],
      extensions: { code, stacktrace: ['at x'], http: { status: 400 } },
    };
    expect(formatError(formatted, new GraphQLError(formatted.message))).toEqual({
      message: formatted.message,
      locations: formatted.locations,
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  test('that ran out of stack says what is wrong with it', () => {
    const error = formatError(
      { message: 'Maximum call stack size exceeded', extensions: { code: 'GRAPHQL_PARSE_FAILED' } },
      new GraphQLError('Maximum call stack size exceeded'),
    );
    expect(error).toEqual({
      message: 'The operation is nested too deeply to be parsed.',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });
});

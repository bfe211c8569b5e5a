import type { HTTPGraphQLResponse } from '@apollo/server';
import type { FormattedExecutionResult } from 'graphql';
import type { OperationAnswer } from '../graphql/operation/answer-operation.js';

// Apollo writes an answer as one string before the endpoint sees it. What it is told to write with
// gives it the result itself in place of a string, which it hands on as it is, so that the endpoint
// counts, writes and sends large answers in pieces.

/** For Apollo's `stringifyResult`. */
export function keepResult(result: FormattedExecutionResult): string {
  return result as unknown as string;
}

/** What Apollo answers, with what its `stringifyResult` was given for a body. */
export function answerOf({ status, headers, body }: HTTPGraphQLResponse): OperationAnswer {
  if (body.kind === 'chunked') throw new Error('No operation of ours is delivered in parts.');
  return { status, headers, result: body.string as unknown as FormattedExecutionResult };
}

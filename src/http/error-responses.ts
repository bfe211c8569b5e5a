import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, type ErrorCode } from '../base/app-error.js';
import { asAppError, errorResponse } from '../graphql/format-error.js';
import { CLIENT_DISCONNECTED } from '../graphql/operation-timeout.js';
import type { ResponseFormat } from './response-format.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** How GraphQL's requests are answered, as soon as that is known. */
    responseFormat: ResponseFormat | undefined;
  }
}

const RETRY_AFTER_MS = 1_000;

/** An answer in the shape of a GraphQL error, for requests that never get as far as GraphQL. */
export function errorBody(code: ErrorCode, message: string, requestId: string): object {
  return { errors: [{ message, extensions: { code, requestId } }] };
}

/** What is thrown to be answered with this status; its message is for the caller. */
export function httpError(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode });
}

/** Answers what was thrown. Whoever is refused costs no more than finding that out. */
export function sendError(
  error: (Error & { code?: string }) | FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  // Nobody is to be told, and it is no mistake: what was being sent broke off with its reader.
  if (reply.raw.destroyed && error.code === 'ERR_STREAM_PREMATURE_CLOSE')
    return void reply.hijack();
  reply.header('cache-control', 'no-store');
  if (request.responseFormat) reply.type(`${request.responseFormat.mediaType}; charset=utf-8`);
  const status = ('statusCode' in error && error.statusCode) || 500;
  const known = asAppError(error);
  if (known ?? status === 503) {
    const appError =
      known ?? new AppError('UNAVAILABLE', error.message, { retryAfterMs: RETRY_AFTER_MS });
    if (known) logError(known, request);
    const answer = errorResponse(appError, request.id);
    for (const [name, value] of answer.headers) reply.header(name, value);
    reply.code(answer.status).send(answer.body);
    return;
  }
  if (status >= 500) {
    request.log.error({ err: error }, 'Unexpected error');
    reply
      .code(500)
      .send(
        errorBody(
          'INTERNAL_SERVER_ERROR',
          'Something went wrong on our side. Please report the request id.',
          request.id,
        ),
      );
    return;
  }
  // What may not be asked of the files of the Playground is not there, as everything else.
  if (status === 403) return void reply.callNotFound();
  reply.code(status).send(errorBody('BAD_USER_INPUT', errorMessage(error), request.id));
}

/** Tells the log what callers do not hear. */
function logError(error: AppError, { log }: FastifyRequest): void {
  if (error === CLIENT_DISCONNECTED) return;
  if (error.code === 'INTERNAL_SERVER_ERROR') log.error({ err: error.cause }, 'Unexpected error');
  else if (error.code === 'UNAVAILABLE') log.warn({ err: error }, 'Unavailable');
  else if (error.code === 'UNAUTHENTICATED' && error.cause instanceof Error)
    log.info({ reason: error.cause.message }, 'Token refused');
}

function errorMessage({ code, message }: Error & { code?: string }): string {
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return (
        'Unsupported Media Type: the body must be JSON, sent with the header ' +
        '"content-type: application/json".'
      );
    case 'FST_ERR_BAD_URL':
      return (
        'The path cannot be decoded: each % must be followed by two hexadecimal digits, ' +
        'and they must be UTF-8.'
      );
    default:
      return message;
  }
}

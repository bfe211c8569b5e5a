import { fastify, type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { v7 } from 'uuid';

/** Largest request body, in bytes. */
const BODY_LIMIT = 1024 * 1024;

const REQUEST_ID = /^[\w.:-]{1,100}$/;

/** An HTTP server that logs one line for each request and answers its own refusals as GraphQL errors. */
export function createHttpServer(log: Logger): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    disableRequestLogging: true,
    bodyLimit: BODY_LIMIT,
    // Finds a request in the logs of the proxy before us, where that gave it an id.
    genReqId: request => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : v7();
    },
    forceCloseConnections: 'idle',
  }) as unknown as FastifyInstance;

  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
  });
  app.addHook('onResponse', async (request, reply) => {
    request.log.info({ method: request.method, path: request.url.split('?', 1)[0], status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request');
  });
  app.setNotFoundHandler((request, reply) => reply.code(404).send(errorBody('NOT_FOUND', 'There is nothing at this path. GraphQL is at /graphql.', request.id)));
  app.setErrorHandler((error: { statusCode?: number; code?: string; message: string }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) {
      request.log.error({ err: error }, 'Unexpected error');
      return reply.code(500).send(errorBody('INTERNAL_SERVER_ERROR', 'Something went wrong on our side. Please report the request id.', request.id));
    }
    const message = status === 413 ? `The request body is larger than the limit of ${BODY_LIMIT} bytes.` : error.message;
    return reply.code(status).send(errorBody('BAD_USER_INPUT', message, request.id));
  });
  return app;
}

function errorBody(code: string, message: string, requestId: string): object {
  return { errors: [{ message, extensions: { code, requestId } }] };
}

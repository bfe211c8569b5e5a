import { STATUS_CODES } from 'node:http';
import {
  fastify,
  LogController,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Limits } from '../config/limits.js';
import {
  canRespond,
  closeAfterResponse,
  createLimitedServer,
  endAfterAnswers,
  hasBody,
  respondAndClose,
} from './connections.js';
import { PathsForLog } from './paths-for-log.js';
import { errorBody, httpError, sendError } from './error-responses.js';
import { repeatedHeader } from './request-headers.js';
import { configuredSecrets, newRequestId, requestIdOf } from './request-id.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Ends the connection of a caller who does not receive the answer in time. */
    responseTimer: NodeJS.Timeout | undefined;
  }
}

/** Of what cannot be read as a request; all others are 400. */
const CLIENT_ERROR_STATUS: Record<string, number> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

/**
 * An HTTP server that logs one line for each request and answers its own refusals as GraphQL
 * errors.
 */
export function createHttpServer(log: Logger, config: Config): FastifyInstance {
  const { http, limits } = config;
  const secrets = configuredSecrets(config);
  const paths = new PathsForLog();
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    trustProxy: http.trustProxy,
    serverFactory: handle => createLimitedServer(handle, limits, log),
    genReqId: request => requestIdOf(request.headers, secrets),
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => {
      reply.raw.once('close', () => endRequest(request, reply as FastifyReply, paths));
      startRequest(request, reply as FastifyReply, limits);
      sendError(error, request, reply as FastifyReply);
    },
    clientErrorHandler: (error, socket) => {
      // Nobody is there, or nothing was asked: browsers open connections that they may need.
      if (error.code === 'ECONNRESET' || socket.bytesRead === 0) return void socket.destroy();
      // Bytes behind a request that came whole take nothing from its answer.
      if (endAfterAnswers(socket)) return;
      if (!canRespond(socket)) return void socket.destroy();
      const status = CLIENT_ERROR_STATUS[error.code as string] ?? 400;
      const requestId = newRequestId();
      log.info({ requestId, status, reason: error.code }, 'not a request');
      const body = JSON.stringify(
        errorBody(
          'BAD_USER_INPUT',
          `The request cannot be parsed: ${STATUS_CODES[status]}.`,
          requestId,
        ),
      );
      respondAndClose(
        socket,
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ` +
          `application/json\r\ncontent-length: ${body.length}\r\nconnection: ` +
          `close\r\n\r\n${body}`,
      );
    },
  }) as unknown as FastifyInstance;

  // Only where a route says so is a body read.
  app.removeAllContentTypeParsers();
  app.decorateRequest('countBody', undefined);
  app.decorateRequest('responseTimer', undefined);
  app.decorateRequest('bodyText', undefined);
  app.decorateRequest('responseFormat', undefined);
  app.addHook('onRoute', ({ url }) => paths.add(url));
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => endRequest(request, reply, paths));
    if (isWritable(request, reply)) done(requestProblem(request) ?? repeatedHeader(request));
  });
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (isWritable(request, reply)) done(null, payload);
  });
  app.addHook('preHandler', (request, reply, done) => {
    if (isWritable(request, reply)) done();
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    startRequest(request, reply, limits);
    done();
  });
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send(
        errorBody(
          'NOT_FOUND',
          'There is nothing at this path. GraphQL is at /graphql, health at /health/live ' +
            'and /health/ready.',
          request.id,
        ),
      ),
  );
  app.setErrorHandler(sendError);
  return app;
}

/**
 * Whether a request can still be answered. One whose caller has gone, or that came behind the last
 * answer of its connection, ends here.
 */
function isWritable({ raw: { socket } }: FastifyRequest, reply: FastifyReply): boolean {
  // Asked for here, the address of a caller who goes later stays known. There is none on a
  // connection that has been reset unnoticed.
  const isReset = socket.remoteAddress === undefined;
  if (socket.writable && !isReset) return true;
  reply.hijack();
  if (isReset || socket.writableFinished) socket.destroy();
  return false;
}

/**
 * A name or address with its port, or nothing: https://www.rfc-editor.org/rfc/rfc9110#section-7.2,
 * https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2
 */
const HOST = /^(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*(?::\d*)?$|^\[[\w.~!$&'()*+,;=:-]+\](?::\d*)?$/i;

/**
 * What is asked of every request: https://www.rfc-editor.org/rfc/rfc9112#section-3.2,
 * https://www.rfc-editor.org/rfc/rfc9112#section-6.1,
 * https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
 */
function requestProblem({ raw: { httpVersion, headers } }: FastifyRequest): Error | undefined {
  const codings = headers['transfer-encoding'];
  // Node takes off the chunks alone, and would hand over what is left as if that were the body.
  if (codings !== undefined && !/^chunked$/i.test(codings.trim()))
    return httpError(
      400,
      `The gateway does not support "transfer-encoding: ${codings}". Use chunked.`,
    );
  if (httpVersion === '1.0') return undefined;
  if (headers.host === undefined) return httpError(400, 'The request has no header "host".');
  if (!HOST.test(headers.host))
    return httpError(
      400,
      'The header "host" must hold a name or an address, and a port if there is one, such as ' +
        '"example.com:4000".',
    );
  if (headers.expect !== undefined && !/^100-continue$/i.test(headers.expect))
    return httpError(
      417,
      `The gateway does not support "expect: ${headers.expect}". Use 100-continue.`,
    );
  return undefined;
}

/** Before an answer is sent. */
function startRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  { responseMs }: Pick<Limits, 'responseMs'>,
): void {
  setRequestId(request, reply);
  if (isIncomplete(request)) {
    reply.header('connection', 'close');
    closeAfterResponse(request.raw);
  }
  // Whoever does not read an answer would hold it, and the connection, for ever.
  clearTimeout(request.responseTimer);
  request.responseTimer = setTimeout(() => request.raw.socket.destroy(), responseMs);
}

/** After an answer is sent, or when its caller has gone before: comes for every request. */
function endRequest(request: FastifyRequest, reply: FastifyReply, paths: PathsForLog): void {
  clearTimeout(request.responseTimer);
  logRequest(request, reply, paths);
}

/** Whether there is a body of which not all has been received. */
function isIncomplete({ raw }: FastifyRequest): boolean {
  return !raw.complete && hasBody(raw);
}

function setRequestId(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  reply.header('x-content-type-options', 'nosniff');
  // Answers are data, never pages or parts of them. The Playground has rules of its own.
  if (!reply.hasHeader('content-security-policy'))
    reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  if (!reply.hasHeader('referrer-policy')) reply.header('referrer-policy', 'no-referrer');
}

function logRequest(
  { log, method, url }: FastifyRequest,
  reply: FastifyReply,
  paths: PathsForLog,
): void {
  const outcome = reply.raw.writableFinished ? { status: reply.statusCode } : { aborted: true };
  log.info(
    { method, path: paths.of(url), ...outcome, ms: Math.round(reply.elapsedTime) },
    'request',
  );
}

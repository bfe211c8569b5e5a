import { randomFillSync } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { fastify, LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { v7 } from 'uuid';
import type { Config } from '../config.js';
import { acceptOnlyJson } from './json-body.js';
import { PathsForLog } from './paths-for-log.js';
import { errorBody, refuse } from './refusals.js';
import { repeatedHeader } from './request-headers.js';

/** How long a request may take to arrive. Senders that drip a byte at a time would hold connections for ever. */
const ARRIVAL_TIMEOUT_MS = 60_000;

/**
 * How long a connection may rest between two requests: longer than the sixty seconds after which common proxies and balancers close
 * theirs. Were we the first to close, they would now and then send a request into a connection that is just gone.
 */
const KEEP_ALIVE_MS = 75_000;

/** Not what looks like a key or a JWT: ids are logged and given back. */
const REQUEST_ID = /^(?!.*(?:wvr_|eyJ[\w-]*\.))[\w.:-]{1,100}$/;

/** An HTTP server that logs one line for each request and answers its own refusals as GraphQL errors. */
export function createHttpServer(log: Logger, { http, limits }: Pick<Config, 'http' | 'limits'>): FastifyInstance {
  const paths = new PathsForLog();
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: limits.bodyBytes,
    trustProxy: http.trustProxy,
    requestTimeout: ARRIVAL_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Finds a request in the logs of the proxy before us, where that gave it an id.
    genReqId: request => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newRequestId();
    },
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => {
      reply.raw.once('close', () => logRequest(request, reply as FastifyReply, paths));
      identify(request, reply as FastifyReply);
      refuse(error, request, reply as FastifyReply);
    },
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
      const status = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }[error.code as string] ?? 400;
      const body = JSON.stringify(errorBody('BAD_USER_INPUT', `This is not a request that can be read: ${STATUS_CODES[status]}.`, v7()));
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
    },
  }) as unknown as FastifyInstance;

  acceptOnlyJson(app);
  app.decorateRequest('answerForm', undefined);
  app.addHook('onRoute', ({ url }) => paths.add(url));
  app.addHook('onRequest', (request, reply, done) => {
    // Comes for every request: after its answer is sent, or when its caller has gone before.
    reply.raw.once('close', () => logRequest(request, reply, paths));
    done(repeatedHeader(request));
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    identify(request, reply);
    done();
  });
  app.setNotFoundHandler((request, reply) => reply.code(404).send(errorBody('NOT_FOUND', 'There is nothing at this path. GraphQL is at /graphql, health at /health/live and /health/ready.', request.id)));
  app.setErrorHandler(refuse);
  return app;
}

const ID_BYTES = 16;
const randomness = Buffer.alloc(256 * ID_BYTES);
let randomnessUsed = randomness.length;

/** A UUIDv7. Asking the system for a few random bytes takes as long as for many, so that they are fetched for many requests. */
function newRequestId(): string {
  if (randomnessUsed === randomness.length) {
    randomFillSync(randomness);
    randomnessUsed = 0;
  }
  return v7({ random: randomness.subarray(randomnessUsed, (randomnessUsed += ID_BYTES)) });
}

function identify(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  reply.header('x-content-type-options', 'nosniff');
  // Answers are data, never pages or parts of them. The Playground has rules of its own.
  if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  if (!reply.hasHeader('referrer-policy')) reply.header('referrer-policy', 'no-referrer');
}

function logRequest({ log, method, url }: FastifyRequest, reply: FastifyReply, paths: PathsForLog): void {
  const outcome = reply.raw.writableFinished ? { status: reply.statusCode } : { aborted: true };
  log.info({ method, path: paths.of(url), ...outcome, ms: Math.round(reply.elapsedTime) }, 'request');
}

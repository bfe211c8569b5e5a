import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Limits } from '../config/limits.js';

/**
 * How long a connection may rest between two requests: longer than the sixty seconds after which
 * common proxies and balancers close theirs. Were we the first to close, they would now and then
 * send a request into a connection that is just gone.
 */
const KEEP_ALIVE_MS = 75_000;

/** How often the server looks for requests that take too long to arrive. */
const CHECK_EVERY_MS = 1_000;

/** How long a peer may take to close a connection after our last word. */
const CLOSE_WITHIN_MS = 2_000;

/**
 * Who may listen for the end of one answer: each limit that counts what a request holds, and the
 * streams of Node and Fastify through which a large body and a large answer go. Node warns of more,
 * since these could be a leak.
 */
const MAX_RESPONSE_LISTENERS = 20;

/** How often the log tells of connections that were refused. */
const LOG_INTERVAL_MS = 60_000;

declare module 'node:http' {
  interface IncomingMessage {
    /** Whoever reads the body ends it when no more comes: `requestMs` does not hold for it. */
    hasOwnTimeLimit?: boolean;
  }
}

export type ConnectionLimits = Pick<Limits, 'connections' | 'headersMs' | 'requestMs'>;

/**
 * A server that gives up slow senders, and takes no more connections than it may. All requests go
 * to `handle`, whatever they expect.
 */
export function createLimitedServer(
  handle: RequestListener,
  limits: ConnectionLimits,
  log: Logger,
  keepAliveMs = KEEP_ALIVE_MS,
): Server {
  const idle = new IdleConnections(keepAliveMs + limits.headersMs);
  const arriving = new ArrivingBodies(limits.requestMs, (error, socket) =>
    server.emit('clientError', error, socket),
  );
  const handleRequest: RequestListener = (request, response) => {
    response.setMaxListeners(MAX_RESPONSE_LISTENERS);
    idle.watch(response);
    if (hasBody(request)) arriving.watch(request, response);
    handle(request, response);
  };
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      // `ArrivingBodies` knows exceptions.
      requestTimeout: 0,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      keepAliveTimeout: keepAliveMs,
      // Node would answer by itself, without a body and a line in the log.
      requireHostHeader: false,
    },
    handleRequest,
  );
  server.on('checkExpectation', handleRequest);
  // Whoever reads the body asks for it: a caller who is refused need not send it.
  server.on('checkContinue', handleRequest);
  // `drop…`: of several processes, full ones would else pass a connection to each other for ever.
  Object.assign(server, { maxConnections: limits.connections, dropMaxConnection: true });
  server.on('drop', logDroppedConnections(limits.connections, log));
  server.on('connection', socket => socket.once('close', () => idle.forget(socket)));
  server.once('listening', () => {
    const timer = setInterval(() => {
      idle.closeOverdue();
      arriving.closeOverdue();
    }, CHECK_EVERY_MS).unref();
    server.once('close', () => clearInterval(timer));
  });
  // Before, whoever listens is told; afterwards it is an attempt to accept a connection that
  // failed, for want of descriptors.
  server.once('listening', () =>
    server.on('error', error => log.error({ err: error }, 'A connection could not be accepted')),
  );
  return server;
}

/**
 * Connections that have had an answer and sent no request since. Node closes one on which nothing
 * comes, and one whose request does not come to an end; one on which empty lines come, which begin
 * no request (https://www.rfc-editor.org/rfc/rfc9112#section-2.2), it would keep for ever.
 */
class IdleConnections {
  /** With the time of their last answer, which they are in the order of. */
  readonly #since = new Map<Socket, number>();

  /** `maxMs` is longer than Node waits for the beginning of a request and its headers. */
  constructor(private readonly maxMs: number) {}

  /** To be told of every request. */
  watch(response: ServerResponse<IncomingMessage>): void {
    const { socket } = response.req;
    this.#since.delete(socket);
    response.once('close', () => {
      // Of requests that are sent at once, the next may be under way.
      if (socket.destroyed || currentResponse(socket)) return;
      this.#since.delete(socket);
      this.#since.set(socket, performance.now());
    });
  }

  forget(socket: Socket): void {
    this.#since.delete(socket);
  }

  closeOverdue(): void {
    const now = performance.now();
    for (const [socket, since] of this.#since) {
      if (now - since <= this.maxMs) return;
      this.#since.delete(socket);
      if (!currentResponse(socket)) socket.destroy();
    }
  }
}

/** Requests that are being answered and whose bodies have not arrived. */
class ArrivingBodies {
  /** With the time when their headers had arrived. */
  readonly #since = new Map<IncomingMessage, number>();

  constructor(
    private readonly maxMs: number,
    private readonly onTimeout: (error: Error, socket: Socket) => void,
  ) {}

  watch(request: IncomingMessage, response: ServerResponse<IncomingMessage>): void {
    this.#since.set(request, performance.now());
    response.once('close', () => this.#since.delete(request));
  }

  closeOverdue(): void {
    const now = performance.now();
    for (const [request, since] of this.#since) {
      if (request.complete || request.hasOwnTimeLimit) this.#since.delete(request);
      else if (now - since > this.maxMs) {
        this.#since.delete(request);
        const error = new Error('The body of a request did not arrive in time.');
        this.onTimeout(Object.assign(error, { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), request.socket);
      }
    }
  }
}

/** Whether the head of a request says that a body follows. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Counts connections that are refused. The log is told of the first at once, and of others once in
 * a while.
 */
function logDroppedConnections(limit: number, log: Logger): () => void {
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  const report = (): void => {
    timer = undefined;
    if (dropped === 0) return;
    log.warn(
      { refused: dropped, limit },
      'Connections were refused because WEAVER_MAX_CONNECTIONS is reached',
    );
    dropped = 0;
    timer = setTimeout(report, LOG_INTERVAL_MS).unref();
  };
  return () => {
    dropped += 1;
    if (!timer) report();
  };
}

/**
 * The request at whose answer a connection is. Node keeps it on the socket, and in no other place.
 */
function currentResponse(socket: Socket): ServerResponse<IncomingMessage> | undefined {
  return (
    (socket as Socket & { _httpMessage?: ServerResponse<IncomingMessage> | null })._httpMessage ??
    undefined
  );
}

/**
 * Whether bytes that are sent now would be read as the answer to a request of this connection that
 * cannot be understood: nothing is being sent already, and no request from before it waits for its
 * answer.
 */
export function canRespond(socket: Socket): boolean {
  if (!socket.writable) return false;
  const response = currentResponse(socket);
  return response === undefined || (!response.headersSent && !response.req.complete);
}

/**
 * Has a connection closed after the answers to the requests that came whole, where what came behind
 * them cannot be read. False where there are none.
 */
export function endAfterAnswers(socket: Socket): boolean {
  const response = currentResponse(socket);
  // Closing already: more bytes may come meanwhile, at which to close at once would reset the
  // connection before its peer has read all.
  if (socket.writableEnded) return true;
  if (!socket.writable || !response?.req.complete) return false;
  // It is called again for whatever else comes.
  if (!response.listeners('finish').includes(endOrGoOn)) response.once('finish', endOrGoOn);
  return true;
}

/** When an answer is sent: another one may be under way on its connection by now. */
function endOrGoOn(this: ServerResponse<IncomingMessage>): void {
  const { socket } = this.req;
  if (currentResponse(socket) && endAfterAnswers(socket)) return;
  socket.end();
  destroySoon(socket);
}

/**
 * Sends the last that a connection is to send, and closes it, whether or not its peer does so too.
 */
export function respondAndClose(socket: Socket, bytes: string): void {
  socket.end(bytes);
  destroySoon(socket);
}

/**
 * Has a connection closed after its next answer although a request's body is still arriving. What
 * arrives is read and dropped for a moment: closing at once would reset the connection, and a peer
 * that is still sending would lose the answer.
 */
export function closeAfterResponse(request: IncomingMessage): void {
  const { socket } = request;
  // Node calls it when the last answer of a connection is sent.
  socket.destroySoon = () => {
    if (request.complete) return Socket.prototype.destroySoon.call(socket);
    socket.end();
    request.once('end', () => socket.destroy());
    destroySoon(socket);
  };
}

function destroySoon(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), CLOSE_WITHIN_MS);
  socket.once('close', () => clearTimeout(timer));
}

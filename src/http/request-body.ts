import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest, preParsingAsyncHookHandler } from 'fastify';
import type { FindCaller } from './caller.js';
import { httpError } from './error-responses.js';

export interface BodyLimits {
  /** Of a caller whose token is accepted. */
  readonly bodyBytes: number;
  /**
   * The limit for requests without a valid token, and for bodies that are read before the token is
   * looked up.
   */
  readonly anonymousBodyBytes: number;
  /** Of all bodies above `anonymousBodyBytes` that are being received. */
  readonly bodyBytesInFlight: number;
}

/** Told how many bytes of a body have arrived; throws when they are too many. */
export type CountBytes = (bytes: number) => void;

declare module 'fastify' {
  interface FastifyRequest {
    /** Of bodies that are large, or of which nobody said how large they are. */
    countBody: CountBytes | undefined;
  }
}

/**
 * Accepts small bodies from everyone and large ones only from authenticated callers: a request with
 * a large body, or without a length, is authenticated before its body is read. Received bytes are
 * counted, so that a slow sender reserves no more memory than it has sent, and all of them together
 * no more than `bodyBytesInFlight`.
 */
export function limitBody(limits: BodyLimits, findCaller: FindCaller): preParsingAsyncHookHandler {
  let received = 0;

  /** Counts one body; throws where it may not come. */
  async function counter(
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<CountBytes | undefined> {
    const contentLength = request.headers['content-length'];
    if (contentLength !== undefined && Number(contentLength) <= limits.anonymousBodyBytes)
      return undefined;
    if (contentLength === undefined && request.headers['transfer-encoding'] === undefined)
      return undefined;
    if (Number(contentLength) > limits.bodyBytes) throw tooLarge(limits.bodyBytes, true);
    const { principal } = await findCaller(request, reply);
    const appError = principal.kind !== 'nobody';
    const limit = appError ? limits.bodyBytes : limits.anonymousBodyBytes;
    if (Number(contentLength) > limit) throw tooLarge(limit, appError);
    let limitForCaller = 0;
    reply.raw.once('close', () => {
      received -= limitForCaller;
      limitForCaller = 0;
    });
    return bytes => {
      limitForCaller += bytes;
      received += bytes;
      if (limitForCaller > limit) throw tooLarge(limit, appError);
      if (received > limits.bodyBytesInFlight)
        throw httpError(
          503,
          'Too many large requests are arriving at the moment. Try again shortly.',
        );
    };
  }

  return async (request, reply, payload) => {
    // Of other methods no body is read.
    if (request.method !== 'POST') return payload;
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && !/^identity$/i.test(encoding))
      throw httpError(
        415,
        'Encoded bodies are not supported. Send the body without the header ' +
          `"content-encoding: ${encoding}".`,
      );
    request.countBody = await counter(request, reply);
    if (request.headers.expect !== undefined && request.raw.httpVersion === '1.1')
      reply.raw.writeContinue();
    return payload;
  };
}

/**
 * All of a body. Only what reads it listens to it: of a body that is not read, Node drops the bytes
 * and reports no errors. A body that is refused on the way is dropped as well, and not destroyed,
 * which would take the connection with it and the answer.
 */
export function readBody(payload: Readable, count: CountBytes = () => {}): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const take = (chunk: Buffer): void => {
    try {
      count(chunk.length);
      chunks.push(chunk);
    } catch (error) {
      payload.off('data', take).resume();
      reject(error as Error);
    }
  };
  payload.on('data', take);
  payload.once('end', () => resolve(Buffer.concat(chunks)));
  for (const event of ['error', 'close'])
    payload.on(event, () =>
      reject(httpError(400, 'The request ended before all of its body had arrived.')),
    );
  return promise;
}

function tooLarge(limit: number, appError: boolean): Error {
  return httpError(
    413,
    `The request body is larger than the limit of ${limit} ` +
      `bytes${appError ? '' : ' for requests without a valid token'}.`,
  );
}

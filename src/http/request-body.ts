import { Transform } from 'node:stream';
import type { preParsingAsyncHookHandler } from 'fastify';
import type { FindCaller } from './caller.js';

export interface BodyLimits {
  /** Of a caller whose token is accepted. */
  readonly bodyBytes: number;
  /** Of everyone else, and what is read without asking who sends it. */
  readonly anonymousBodyBytes: number;
  /** Of all bodies above `anonymousBodyBytes` that are being received. */
  readonly bodyBytesInFlight: number;
}

/**
 * Lets small bodies pass, and large ones from callers that are known: whoever announces a large one, or does not say how large it is, is
 * asked for a token before any of it is read. What arrives is counted, so that a slow or lying sender holds no more memory than it fills,
 * and all of them together no more than there is for them.
 */
export function limitBody(limits: BodyLimits, findCaller: FindCaller): preParsingAsyncHookHandler {
  let received = 0;
  return async (request, reply, payload) => {
    const announced = request.headers['content-length'];
    if (announced !== undefined && Number(announced) <= limits.anonymousBodyBytes) return payload;
    if (announced === undefined && request.headers['transfer-encoding'] === undefined) return payload;
    if (Number(announced) > limits.bodyBytes) throw tooLarge(limits.bodyBytes, true);
    const { principal } = await findCaller(request, reply).catch((error: unknown) => {
      // What was not read would be taken for the next request.
      reply.header('connection', 'close');
      throw error;
    });
    const known = principal.kind !== 'nobody';
    const limit = known ? limits.bodyBytes : limits.anonymousBodyBytes;
    if (Number(announced) > limit) throw tooLarge(limit, known);
    let own = 0;
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        own += chunk.length;
        received += chunk.length;
        if (own > limit) return done(tooLarge(limit, known));
        if (received > limits.bodyBytesInFlight) return done(Object.assign(new Error('Too many large requests are arriving at the moment. Try again shortly.'), { statusCode: 503 }));
        done(null, chunk);
      },
    });
    reply.raw.once('close', () => {
      received -= own;
      own = 0;
    });
    payload.on('error', error => counted.destroy(error));
    return payload.pipe(counted);
  };
}

function tooLarge(limit: number, known: boolean): Error {
  return Object.assign(new Error(`The request body is larger than the limit of ${limit} bytes${known ? '' : ' without a token that is accepted'}.`), { statusCode: 413 });
}

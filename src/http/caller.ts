import type { FastifyReply, FastifyRequest } from 'fastify';
import { refuseOtherTenant } from '../auth/named-tenant.js';
import type { Principal } from '../auth/principal.js';
import type { Limits } from '../config/limits.js';
import type { Database } from '../db/database.js';
import { GATEWAY_SCOPE } from '../db/database-scope.js';
import type { OperationReads } from '../db/operation-reads.js';
import { rateLimitHeaders, type withRateLimit } from '../rate-limits/with-rate-limit.js';
import { operationSignal } from './operation-signal.js';

/** Who sent a request. */
export interface HttpCaller {
  readonly principal: Principal;
  /** The reads that looked up the token, which the operation continues. */
  readonly lookUp: OperationReads;
  /** Of a guess: settled once it has proved right, and never if not. */
  readonly confirmed?: Promise<void>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the first call of `FindCaller`. */
    caller: Promise<HttpCaller> | undefined;
  }
}

/**
 * Finds who sent a request, and counts the request once, however often it is called. Rejects if the
 * caller is refused, with the reason. `onGuess` is told meanwhile who it was last time, if anybody
 * can guess: with the very same principal, the guess was right.
 */
export type FindCaller = (
  request: FastifyRequest,
  reply: FastifyReply,
  onGuess?: (guess: HttpCaller) => void,
) => Promise<HttpCaller>;

export function callerFinder(
  database: Database,
  authenticate: ReturnType<typeof withRateLimit>,
  limits: Limits,
): FindCaller {
  const findOnce: FindCaller = async (request, reply, onGuess) => {
    const signal = operationSignal(reply, limits.operationMs);
    const lookUp = database.reads(GATEWAY_SCOPE, {
      statementMs: limits.operationMs,
      lockMs: limits.lockMs,
      signal,
    });
    const { principal, rateLimit } = await authenticate({
      headers: request.headers,
      address: request.ip,
      lookUp,
      onGuess: onGuess && (guess => onGuess({ principal: guess, lookUp })),
    });
    if (rateLimit) reply.headers(rateLimitHeaders(rateLimit));
    refuseOtherTenant(request.headers, principal);
    return { principal, lookUp };
  };
  return (request, reply, onGuess) => (request.caller ??= findOnce(request, reply, onGuess));
}

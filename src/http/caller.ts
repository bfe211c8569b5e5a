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
  /** What the token was looked up with, for the operation's reads to continue. */
  readonly lookUp: OperationReads;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** As soon as somebody has asked `FindCaller`. */
    caller: Promise<HttpCaller> | undefined;
  }
}

/**
 * Who sent a request, found and counted once for it, however often it is asked. Rejects where the
 * caller is refused, with the reason.
 */
export type FindCaller = (request: FastifyRequest, reply: FastifyReply) => Promise<HttpCaller>;

export function callerFinder(
  database: Database,
  authenticate: ReturnType<typeof withRateLimit>,
  limits: Limits,
): FindCaller {
  const findOnce: FindCaller = async (request, reply) => {
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
    });
    if (rateLimit) reply.headers(rateLimitHeaders(rateLimit));
    refuseOtherTenant(request.headers, principal);
    return { principal, lookUp };
  };
  return (request, reply) => (request.caller ??= findOnce(request, reply));
}

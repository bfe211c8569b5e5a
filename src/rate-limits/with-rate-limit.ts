import type { Authenticate, AuthRequest } from '../auth/authenticate.js';
import type { Principal } from '../auth/principal.js';
import { AppError } from '../base/app-error.js';
import type { RateLimits } from '../config/limits.js';
import type { RateLimiter, RateLimitStatus } from './rate-limiter.js';
import { failedTokensSubject, subjectOf } from './subjects.js';

export interface AdmittedCaller {
  readonly principal: Principal;
  /** undefined for the operator, who has no limit. */
  readonly rateLimit: RateLimitStatus | undefined;
}

/**
 * Authenticates and counts the request. Also throws `RATE_LIMITED`. An invalid token counts for its
 * address, but never causes the refusal of a valid token, because a whole office may share an
 * address.
 */
export function withRateLimit(
  authenticate: Authenticate,
  limiter: RateLimiter,
  limits: RateLimits,
): (request: AuthRequest) => Promise<AdmittedCaller> {
  return async request => {
    const { address, onGuess } = request;
    let principal: Principal;
    try {
      // Whoever is about to be refused has nothing read before that.
      principal = await authenticate({
        ...request,
        onGuess:
          onGuess &&
          (guess => {
            if (limiter.hasSome(subjectOf(guess, address, limits)!)) onGuess(guess);
          }),
      });
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAUTHENTICATED')
        await limiter.consume(failedTokensSubject(request.address, limits));
      throw error;
    }
    const subject = subjectOf(principal, request.address, limits);
    return { principal, rateLimit: subject && (await limiter.consume(subject)) };
  };
}

/**
 * Header fields by which clients pace themselves:
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 */
export function rateLimitHeaders({
  limit,
  remaining,
  resetMs,
}: RateLimitStatus): Record<string, string> {
  return {
    'ratelimit-policy': `"minute";q=${limit};w=60`,
    ratelimit: `"minute";r=${remaining};t=${Math.ceil(resetMs / 1_000)}`,
  };
}

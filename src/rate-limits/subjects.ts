import { createHash } from 'node:crypto';
import type { Principal } from '../auth/principal.js';
import type { RateLimits } from '../config/limits.js';
import { networkOf } from './network-of.js';
import type { Subject } from './rate-limiter.js';

/**
 * The subject that a caller's requests are counted for; undefined for the operator, who has no
 * limit.
 */
export function subjectOf(
  principal: Principal,
  address: string,
  limits: RateLimits,
): Subject | undefined {
  switch (principal.kind) {
    case 'apiKey':
      return { name: `key:${principal.keyId}`, rpm: principal.rateLimitRpm };
    case 'user':
      return { name: `user:${principal.userId}`, rpm: limits.userRpm };
    case 'operator':
      return undefined;
    case 'nobody':
      return {
        name: `anonymous:${digest(address)}`,
        rpm: limits.anonymousRpm,
        worksWithoutDatabase: true,
      };
  }
}

/** The subject that counts the invalid tokens from an address. */
export function failedTokensSubject(address: string, limits: RateLimits): Subject {
  return { name: `failures:${digest(address)}`, rpm: limits.failedTokensRpm };
}

/** The digest of an address: enough to tell addresses apart, without storing them. */
function digest(address: string): string {
  return createHash('sha256').update(networkOf(address)).digest('hex').slice(0, 32);
}

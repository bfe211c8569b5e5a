import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Principal } from '../auth/principal.js';
import type { RateLimits } from '../config/limits.js';
import type { Subject } from './rate-limiter.js';

/** Whose requests a caller's count as; undefined for the operator, who has no limit. */
export function subjectOf(principal: Principal, address: string, limits: RateLimits): Subject | undefined {
  switch (principal.kind) {
    case 'apiKey':
      return { name: `key:${principal.keyId}`, rpm: principal.rateLimitRpm };
    case 'user':
      return { name: `user:${principal.userId}`, rpm: limits.userRpm };
    case 'operator':
      return undefined;
    case 'nobody':
      return { name: `anonymous:${digest(address)}`, rpm: limits.anonymousRpm, withoutDatabase: true };
  }
}

/** Tokens from an address that were not accepted. */
export function failuresOf(address: string, limits: RateLimits): Subject {
  return { name: `failures:${digest(address)}`, rpm: limits.failedTokensRpm };
}

/** Addresses are nobody's business beyond telling them apart. Of IPv6, whoever has one address has its /64. */
function digest(address: string): string {
  return createHash('sha256').update(isIPv6(address) && !address.includes('.') ? networkOf(address) : address).digest('hex').slice(0, 32);
}

function networkOf(address: string): string {
  const [head = '', tail = ''] = address.split('%')[0]!.split('::');
  const groups = head.split(':').filter(Boolean);
  const after = tail.split(':').filter(Boolean);
  const all = address.includes('::') ? [...groups, ...Array<string>(8 - groups.length - after.length).fill('0'), ...after] : groups;
  return all.slice(0, 4).map(group => Number.parseInt(group, 16).toString(16)).join(':');
}

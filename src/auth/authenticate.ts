import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../base/app-error.js';
import type { ReadScope } from '../db/read-scope.js';
import type { Principal } from './principal.js';

/**
 * Recognises one kind of token, with reads as the operator, since it must be found before it is known whose it is. null: the token is
 * of another kind. Throws `UNAUTHENTICATED`: of this kind, and not valid.
 */
export type AuthStrategy = (token: string, lookUp: ReadScope) => Promise<Principal | null>;

/** Who sent a request with these headers. Throws `UNAUTHENTICATED` when there is a token and no strategy accepts it. */
export type Authenticate = (headers: IncomingHttpHeaders, lookUp: ReadScope) => Promise<Principal>;

const NOBODY: Principal = { kind: 'nobody' };

/** Longer than any token of ours; what is longer is not looked at. */
const MAX_TOKEN_LENGTH = 4_096;

export function authenticator(strategies: readonly AuthStrategy[]): Authenticate {
  return async (headers, lookUp) => {
    const token = tokenOf(headers);
    if (token === undefined) return NOBODY;
    if (token.length > MAX_TOKEN_LENGTH) throw invalidToken();
    for (const strategy of strategies) {
      const principal = await strategy(token, lookUp);
      if (principal) return principal;
    }
    throw invalidToken();
  };
}

/** One answer for every token that does not open the door, so that it tells nothing about which exist. */
export function invalidToken(): AppError {
  return new AppError('UNAUTHENTICATED', 'The token is not valid: it is unknown, revoked or expired.');
}

function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const authorization = headers.authorization?.trim();
  const apiKey = String(headers['x-api-key'] ?? '').trim() || undefined;
  if (!authorization) return apiKey;
  // https://www.rfc-editor.org/rfc/rfc6750#section-2.1
  const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (token === undefined) throw new AppError('UNAUTHENTICATED', 'The Authorization header must read "Bearer <token>".');
  // Whichever were taken, somebody would be surprised whose rows these are.
  if (apiKey !== undefined && apiKey !== token) {
    throw new AppError('UNAUTHENTICATED', 'Authorization and X-API-Key hold different tokens. Send one of them.');
  }
  return token;
}

import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../base/app-error.js';
import type { Principal } from './principal.js';

/** Recognises one kind of token. null: the token is of another kind. Throws `UNAUTHENTICATED`: of this kind, and not valid. */
export type AuthStrategy = (token: string) => Promise<Principal | null>;

/** Who sent a request with these headers. Throws `UNAUTHENTICATED` when there is a token and no strategy accepts it. */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Principal>;

const NOBODY: Principal = { kind: 'nobody' };

export function authenticator(strategies: readonly AuthStrategy[]): Authenticate {
  return async headers => {
    const token = tokenOf(headers);
    if (token === undefined) return NOBODY;
    for (const strategy of strategies) {
      const principal = await strategy(token);
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
  if (authorization) {
    // https://www.rfc-editor.org/rfc/rfc6750#section-2.1
    const bearer = /^bearer +(\S+)$/i.exec(authorization);
    if (!bearer) throw new AppError('UNAUTHENTICATED', 'The Authorization header must read "Bearer <token>".');
    return bearer[1];
  }
  const apiKey = headers['x-api-key'];
  return typeof apiKey === 'string' && apiKey.trim() !== '' ? apiKey.trim() : undefined;
}

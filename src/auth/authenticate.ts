import type { IncomingHttpHeaders } from 'node:http';
import { AppError, badInput } from '../base/app-error.js';
import type { OperationReads } from '../db/operation-reads.js';
import type { Principal } from './principal.js';

/** What a strategy has to go by beside the token. */
export interface AuthRequest {
  readonly headers: IncomingHttpHeaders;
  /** Where the request comes from. */
  readonly address: string;
  /**
   * Reads under the operator's role, because a token must be found before its tenant is known. No
   * network call may follow a read in the same iteration of the event loop.
   */
  readonly lookUp: OperationReads;
  /**
   * Told, where the look-up is under way and the same token was looked up before, whose it was
   * then: a guess, until this request is found to be of the very same principal. What is read as
   * that tenant is sent with the look-up.
   */
  readonly onGuess?: ((guess: Principal & { kind: 'apiKey' }) => void) | undefined;
}

/**
 * Recognises one kind of token. null: the token is of another kind. Throws `UNAUTHENTICATED`: of
 * this kind, and not valid.
 */
export type AuthStrategy = (token: string, request: AuthRequest) => Promise<Principal | null>;

/**
 * Who sent a request. Throws `UNAUTHENTICATED` when there is a token and no strategy accepts it.
 */
export type Authenticate = (request: AuthRequest) => Promise<Principal>;

const NOBODY: Principal = { kind: 'nobody' };

/** Longer than any valid token. Longer tokens are not examined. */
const MAX_TOKEN_LENGTH = 8_192;

export function authenticator(strategies: readonly AuthStrategy[]): Authenticate {
  return async request => {
    const token = tokenOf(request.headers);
    if (token === undefined) return NOBODY;
    if (token.length > MAX_TOKEN_LENGTH) throw invalidToken();
    for (const strategy of strategies) {
      const principal = await strategy(token, request);
      if (principal) return principal;
    }
    throw invalidToken(new Error('the token has no format that this gateway accepts'));
  };
}

/**
 * The same error for every token that is not accepted, so that it does not reveal which tokens
 * exist. `cause` is only logged.
 */
export function invalidToken(cause?: unknown): AppError {
  return new AppError(
    'UNAUTHENTICATED',
    'The token is not valid: it is unknown, revoked or expired.',
    { cause },
  );
}

function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const authorization = headers.authorization?.trim();
  const apiKey = String(headers['x-api-key'] ?? '').trim() || undefined;
  if (!authorization) return apiKey;
  // https://www.rfc-editor.org/rfc/rfc6750#section-2.1
  const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (token === undefined)
    throw new AppError('UNAUTHENTICATED', 'The Authorization header must read "Bearer <token>".');
  // Whichever were taken, somebody would be surprised whose rows these are.
  if (apiKey !== undefined && apiKey !== token)
    throw badInput(
      'X-API-Key',
      'Authorization and X-API-Key hold different tokens. Send one of them.',
    );
  return token;
}

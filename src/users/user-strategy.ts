import { errors, jwtVerify, type JWTVerifyGetKey, type JWTVerifyResult } from 'jose';
import type { Logger } from 'pino';
import { invalidToken, type AuthStrategy } from '../auth/authenticate.js';
import type { UserRole } from '../auth/principal.js';
import { AppError } from '../base/app-error.js';
import type { UserTokenConfig } from '../config.js';
import { fixedStatement } from '../db/statement.js';
import { publishedKeys } from './published-keys.js';
import { claimsProblem } from './token-claims.js';

interface ProfileRow {
  id: string;
  tenant_id: string;
  role: UserRole;
}

// Like a key, a user must be found before the tenant is known. Looked up for each request, so that
// a change of role holds at once.
const PROFILE_BY_ID = fixedStatement(
  'profileById',
  'select id, tenant_id, role from profiles where id = $1::uuid',
);

const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * Recognises users' tokens: JWTs of the identity provider whose subject is a profile's id. Tenant
 * and role are the profile's, whatever the token says.
 */
export function userStrategy(config: UserTokenConfig, log: Logger): AuthStrategy {
  const verify = createVerifier(config, log);
  return async (token, { lookUp }) => {
    if (!JWT.test(token)) return null;
    const { payload, protectedHeader } = await verify(token);
    const problem = claimsProblem(protectedHeader, payload);
    if (problem) throw invalidToken(new Error(problem));
    const [profile] = await lookUp.query<ProfileRow>(PROFILE_BY_ID, [payload.sub]);
    if (!profile) throw invalidToken(new Error('no user has the subject (sub) as their id'));
    return { kind: 'user', tenantId: profile.tenant_id, userId: profile.id, role: profile.role };
  };
}

function createVerifier(
  config: UserTokenConfig,
  log: Logger,
): (token: string) => Promise<JWTVerifyResult> {
  const options = {
    algorithms: config.algorithms,
    issuer: config.issuer,
    audience: config.audience,
    clockTolerance: config.clockToleranceSeconds,
    requiredClaims: ['sub', 'exp'],
  };
  const key = keyOf(config, log);
  return async token => {
    try {
      return await jwtVerify(token, key, options);
    } catch (error) {
      if (error instanceof AppError) throw error;
      // What is not jose's own is a key that the provider published and that cannot be used.
      if (!(error instanceof errors.JOSEError))
        log.warn({ err: error }, 'A key of the identity provider cannot be used');
      throw invalidToken(error);
    }
  };
}

function keyOf({ keys }: UserTokenConfig, log: Logger): JWTVerifyGetKey {
  if (keys.kind === 'jwks') return publishedKeys(keys.url, log);
  const secret = new TextEncoder().encode(keys.secret);
  return async () => secret;
}

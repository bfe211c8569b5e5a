import type { JWTHeaderParameters, JWTPayload } from 'jose';
import { z } from 'zod';

/** The last second of the year 9999. */
const MAX_DATE = 253_402_300_799;

/**
 * Seconds since 1970: https://www.rfc-editor.org/rfc/rfc7519#section-2. A number of JSON may be
 * beyond a double, as `1e400`.
 */
const numericDate = z.number().min(0).max(MAX_DATE);

/**
 * The registered claims, of the types that RFC 7519 gives them:
 * https://www.rfc-editor.org/rfc/rfc7519#section-4.1
 */
const CLAIMS = z.object({
  iss: z.string(),
  sub: z.guid(),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: numericDate,
  nbf: numericDate.optional(),
  iat: numericDate.optional(),
  jti: z.string().optional(),
});

/**
 * Tokens that let somebody in. A provider signs others with the same keys, such as `logout+jwt`:
 * https://www.rfc-editor.org/rfc/rfc8725#section-3.11
 */
const TYPES = new Set(['jwt', 'at+jwt']);

/**
 * Why a token whose signature, issuer, audience and time are right lets nobody in all the same;
 * undefined where nothing is wrong.
 */
export function claimsProblem(
  { typ }: Pick<JWTHeaderParameters, 'typ'>,
  claims: JWTPayload,
): string | undefined {
  if (
    typ !== undefined &&
    !(typeof typ === 'string' && TYPES.has(typ.toLowerCase().replace(/^application\//, '')))
  ) {
    return 'the type (typ) is not JWT or at+jwt';
  }
  const { error } = CLAIMS.safeParse(claims);
  return (
    error &&
    `the claim ${String(error.issues[0]!.path[0])} does not conform to RFC 7519 or to ` +
      `Weaver's rules: ${error.issues[0]!.message}`
  );
}

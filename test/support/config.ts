import { readConfig, type Config } from '../../src/config.js';

export const OPERATOR_TOKEN = 'test-operator-token-of-forty-characters!';

export const ISSUER = 'https://login.example.com';
export const AUDIENCE = 'weaver';
/** Signs users' tokens, unless a test brings keys of its own. */
export const USER_SECRET = 'a secret that only the provider and the gateway know';

/** The configuration of a gateway under test: on a free port of this machine, with an operator and users, else as the defaults have it. */
export function testConfig(env: Record<string, string> = {}): Config {
  return readConfig({ HOST: '127.0.0.1', PORT: '0', WEAVER_OPERATOR_TOKEN: OPERATOR_TOKEN, LOG_LEVEL: 'silent', JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE, ...(env.JWT_JWKS_URL === undefined && { JWT_SECRET: USER_SECRET }), ...env });
}

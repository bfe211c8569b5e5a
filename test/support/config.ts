import { readConfig, type Config } from '../../src/config.js';

export const OPERATOR_TOKEN = 'test-operator-token-of-forty-characters!';

export const ISSUER = 'https://login.example.com';
export const AUDIENCE = 'weaver';
/** Signs users' tokens, unless a test brings keys of its own. */
export const USER_SECRET = 'a secret that only the provider and the gateway know';

/** Tests send more than anybody else; those about rates set their own. */
const UNLIMITED = {
  WEAVER_MAX_ANONYMOUS_RPM: '1000000',
  WEAVER_MAX_USER_RPM: '1000000',
  WEAVER_MAX_FAILED_TOKENS_RPM: '1000000',
};

/** No test fails because the machine is busy; those about time limits set their own. */
const PATIENT = { WEAVER_MAX_OPERATION_MS: '120000' };

/**
 * The configuration of a gateway under test: on a free port of this machine, with an operator and
 * users, else as the defaults have it.
 */
export function testConfig(env: Record<string, string> = {}): Config {
  const config = readConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    WEAVER_OPERATOR_TOKEN: OPERATOR_TOKEN,
    LOG_LEVEL: 'silent',
    ...UNLIMITED,
    ...PATIENT,
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
    ...(env.JWT_JWKS_URL === undefined && { JWT_SECRET: USER_SECRET }),
    ...env,
  });
  // Tests that ingest files say so: others count statements and look at sessions.
  return env.WEAVER_WORK === undefined
    ? { ...config, ingestion: { ...config.ingestion, inline: false } }
    : config;
}

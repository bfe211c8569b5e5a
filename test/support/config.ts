import { readConfig, type Config } from '../../src/config.js';

export const OPERATOR_TOKEN = 'test-operator-token-of-forty-characters!';

/** The configuration of a gateway under test: on a free port of this machine, with an operator, else as the defaults have it. */
export function testConfig(env: Record<string, string> = {}): Config {
  return readConfig({ HOST: '127.0.0.1', PORT: '0', WEAVER_OPERATOR_TOKEN: OPERATOR_TOKEN, LOG_LEVEL: 'silent', ...env });
}

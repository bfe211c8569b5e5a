import { describe, expect, test } from 'vitest';
import {
  enterScopeSql,
  OPERATOR_SCOPE,
  scopeSettings,
  tenantScope,
} from '../../../src/db/database-scope.js';

const TENANT = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10';

describe('tenantScope', () => {
  test.each([
    '',
    'all',
    `${TENANT}'`,
    `${TENANT}\n`,
    ` ${TENANT}`,
    `{${TENANT}}`,
    TENANT.replaceAll('-', ''),
    `', true); reset role; --`,
  ])('takes nothing but a UUID: %j', text => {
    expect(() => tenantScope(text)).toThrow(TypeError);
  });
});

describe('enterScopeSql', () => {
  test('sets tenant, time zone, no compiling and role for the transaction, the role last', () => {
    expect(enterScopeSql(tenantScope(TENANT))).toBe(
      `select set_config('app.tenant_id', '${TENANT}', true); ` +
        "set local timezone = 'UTC'; set local jit = off; set local role weaver_tenant",
    );
  });

  test('leaves the operator without a tenant', () => {
    expect(enterScopeSql(OPERATOR_SCOPE)).toBe(
      "set local app.tenant_id = ''; set local timezone = 'UTC'; set local jit = off; " +
        'set local role weaver_operator',
    );
    expect(scopeSettings(OPERATOR_SCOPE)).toEqual({
      'app.tenant_id': '',
      timezone: 'UTC',
      jit: 'off',
      role: 'weaver_operator',
    });
  });
});

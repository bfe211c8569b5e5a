import { describe, expect, test } from 'vitest';
import { bootstrapScript, loginNameProblem } from '../../../../src/ops/bootstrap/bootstrap.js';
import { newPassword, storedPassword } from '../../../../src/ops/bootstrap/password.js';

describe('bootstrapScript', () => {
  test('asks for no login that nobody named', () => {
    expect(bootstrapScript({})).not.toContain(' login');
    expect(bootstrapScript({})).not.toContain('\\password');
  });

  test('leaves passwords to whoever runs it', () => {
    const script = bootstrapScript({ login: 'gateway', owner: 'owner' });
    expect(script).toContain('--   \\password owner\n--   \\password gateway\n');
    expect(script).not.toMatch(/ password '/);
  });

  test("denies the gateway the roles' rights, by attribute and, from 16 on, by membership", () => {
    const script = bootstrapScript({ login: 'gateway' });
    expect(script).toContain('alter role "gateway" login noinherit;');
    expect(script).toContain('grant weaver_tenant to "gateway" with inherit false, set true');
    expect(script).toContain('grant weaver_operator to "gateway" with inherit false, set true');
  });
});

describe('loginNameProblem', () => {
  test.each(['weaver_gateway', 'gateway-2', '_x', 'a'.repeat(63)])('%s may be a login', name => {
    expect(loginNameProblem(name)).toBeUndefined();
  });

  test.each([
    '',
    '2x',
    'a b',
    `x"; drop role y`,
    "x'",
    'a'.repeat(64),
    'pg_x',
    'PG_x',
    'weaver_tenant',
    'weaver_operator',
    'public',
  ])('%s may not', name => {
    expect(loginNameProblem(name)).toEqual(expect.any(String));
  });
});

describe('storedPassword', () => {
  // The example of RFC 7677: https://www.rfc-editor.org/rfc/rfc7677#section-3
  test('is what SCRAM-SHA-256 stores', () => {
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
    expect(storedPassword('pencil', salt)).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$' +
        'WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:' +
        'wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
  });

  test('is another one each time', () => {
    expect(storedPassword('pencil')).not.toBe(storedPassword('pencil'));
  });
});

test('a new password has 24 characters that need no escaping in a URL', () => {
  const password = newPassword();
  expect(password).toMatch(/^[\w-]{24}$/);
  expect(encodeURIComponent(password)).toBe(password);
  expect(newPassword()).not.toBe(password);
});

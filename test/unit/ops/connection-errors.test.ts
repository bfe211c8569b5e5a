import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../../src/config/database-address.js';
import { connectionError, reasonWithoutValues } from '../../../src/ops/connection-errors.js';
import { joinPatterns } from '../../support/join-patterns.js';

const ADDRESS = parseAddress('postgresql://weaver%40x:secret@db.example.com/main');
const failure = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code });

describe('connectionError', () => {
  test.each([
    [
      failure('28P01', 'password authentication failed for user "weaver"'),
      joinPatterns(
        /^PostgreSQL at db\.example\.com:5432 refuses the login weaver@x: /,
        /password authentication .* Check user and password in DATABASE_URL\.$/,
      ),
    ],
    [
      failure('28000', 'no pg_hba.conf entry for host'),
      /refuses the login weaver@x: no pg_hba\.conf entry/,
    ],
    [
      new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'),
      joinPatterns(
        /^PostgreSQL at db\.example\.com:5432 wants a password of the login weaver@x, /,
        /and DATABASE_URL has none\.$/,
      ),
    ],
    [
      new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: server nonce is too short'),
      /refuses the login weaver@x: SASL: .* Check user and password in DATABASE_URL\.$/,
    ],
    [
      failure('3D000', 'database "main" does not exist'),
      joinPatterns(
        /^PostgreSQL at db\.example\.com:5432 has no database main\. Create it, /,
        /for example with "createdb main", or correct DATABASE_URL\.$/,
      ),
    ],
    [
      failure('53300', 'too many clients already'),
      /takes no more connections: too many clients already\. Lower DATABASE_POOL_SIZE/,
    ],
    [
      failure('42501', 'permission denied for database main'),
      /does not let weaver@x into the database main/,
    ],
    [
      failure('ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:5432'),
      joinPatterns(
        /^PostgreSQL at db\.example\.com:5432 cannot be reached: /,
        /connect ECONNREFUSED 10\.0\.0\.1:5432\. Check DATABASE_URL and that the server is /,
        /running\.$/,
      ),
    ],
    [
      new AggregateError([failure('ECONNREFUSED', 'connect ECONNREFUSED ::1:5432')], ''),
      /cannot be reached: connect ECONNREFUSED ::1:5432/,
    ],
    [new Error('timeout exceeded when trying to connect'), /cannot be reached: timeout exceeded/],
    [
      new Error('The server does not support SSL connections'),
      /does not encrypt, and sslmode in DATABASE_URL asks for it/,
    ],
    [
      failure('CERT_HAS_EXPIRED', 'certificate has expired'),
      /^The certificate of PostgreSQL at db\.example\.com:5432, .* has expired\./,
    ],
    [failure('CERT_REVOKED', 'certificate revoked'), /cannot be trusted: certificate revoked/],
    [
      failure('42704', 'unrecognized configuration parameter "x"'),
      /does not start a session for weaver@x: .* \(SQLSTATE 42704\)\./,
    ],
    [
      new Error('wrapped', { cause: failure('3D000', 'database "main" does not exist') }),
      /has no database main/,
    ],
  ])('%s', (error, message) => {
    const found = connectionError(error, ADDRESS, 'DATABASE_URL')!;
    expect(found.message).toMatch(message);
    expect(found.message).not.toContain('secret');
    expect(found.message).not.toContain('\n');
  });

  test('leaves errors of other kinds alone', () => {
    expect(
      connectionError(new TypeError('x is not a function'), ADDRESS, 'DATABASE_URL'),
    ).toBeUndefined();
  });
});

describe('what the server says of a value that does not fit', () => {
  test.each([
    [
      'invalid input syntax for type integer: "4711 Ada"',
      'invalid input syntax for type integer: "…"',
    ],
    ['invalid input: »Ada "A."«', 'invalid input: "…"'],
    ['invalid input : « Ada »', 'invalid input : "…"'],
    ['division by zero', 'division by zero'],
  ])('is told without the value: %s', (message, told) => {
    expect(reasonWithoutValues(failure('22P02', message))).toBe(told);
  });

  test('names stay in the messages of other errors', () => {
    const message = 'relation "docs" does not exist';
    expect(reasonWithoutValues(failure('42P01', message))).toBe(message);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AddressError,
  addressAs,
  addressUrl,
  isSameAddress,
  parseAddress,
  serverName,
  type DatabaseAddress,
} from '../../../src/config/database-address.js';

const read = (text: string, env?: Record<string, string>): Partial<DatabaseAddress> =>
  parseAddress(text, env);

function problemOf(text: string, env?: Record<string, string>): string {
  try {
    parseAddress(text, env);
  } catch (error) {
    if (error instanceof AddressError) return error.problems.join('\n');
    throw error;
  }
  throw new Error(`${text} was taken`);
}

describe('an address is read as libpq reads it', () => {
  test.each<[string, Partial<DatabaseAddress>]>([
    [
      'postgresql://u:p@db.example.com:6432/main',
      { host: 'db.example.com', port: 6432, user: 'u', password: 'p', database: 'main' },
    ],
    [
      'postgres://u@localhost',
      { host: 'localhost', port: 5432, user: 'u', password: undefined, database: 'u' },
    ],
    ['postgresql+asyncpg://u:p@localhost/main', { host: 'localhost', user: 'u', database: 'main' }],
    ['postgresql://u:p@[2001:db8::1]:5433/main', { host: '2001:db8::1', port: 5433 }],
    ['postgresql://u:p@[::1]/main', { host: '::1', port: 5432 }],
    ['postgresql://u:p@%2Fvar%2Frun:5599/main', { host: '/var/run', port: 5599, database: 'main' }],
    [
      'postgresql://u:p@/main?host=/cloudsql/project:region:instance',
      { host: '/cloudsql/project:region:instance', user: 'u', database: 'main' },
    ],
    [
      'postgresql:///main?host=/tmp&port=5599&user=u',
      { host: '/tmp', port: 5599, user: 'u', database: 'main' },
    ],
    ['postgresql://u@localhost/same?port=5599&dbname=other', { port: 5599, database: 'other' }],
    ['postgresql://u@db/main?hostaddr=192.0.2.7', { host: 'db', hostAddress: '192.0.2.7' }],
    ['postgresql://u:a%25b%40c%2Fd@localhost/main', { password: 'a%b@c/d' }],
    [
      'postgresql://u:what?is#this@localhost/main',
      { password: 'what?is#this', host: 'localhost', database: 'main' },
    ],
    ['postgresql://u@localhost/a%20b', { database: 'a b' }],
    ['  postgresql://u@localhost/main  ', { host: 'localhost' }],
  ])('%s', (text, expected) => {
    expect(read(text)).toMatchObject(expected);
  });

  test.each<[string, Record<string, string>]>([
    ['sslmode=verify-full&sslrootcert=/ca.pem', { sslmode: 'verify-full', sslrootcert: '/ca.pem' }],
    ['ssl=true', { sslmode: 'require' }],
    ['ssl=verify-full', { sslmode: 'verify-full' }],
    ['requiressl=1', { sslmode: 'require' }],
    ['sslmode=require&channel_binding=require', { sslmode: 'require', channel_binding: 'require' }],
    [
      'options=-c%20lock_timeout%3D5s&application_name=jobs',
      { options: '-c lock_timeout=5s', application_name: 'jobs' },
    ],
    [
      'target_session_attrs=read-write&connect_timeout=10',
      { target_session_attrs: 'read-write', connect_timeout: '10' },
    ],
  ])('?%s', (query, parameters) => {
    expect(parseAddress(`postgresql://u@localhost/main?${query}`).parameters).toEqual(parameters);
  });

  test('how to connect may stand in variables of libpq, and the URL goes first', () => {
    const env = {
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: 'system',
      PGPASSWORD: 'from-environment',
      PGAPPNAME: 'jobs',
    };
    expect(read('postgresql://u@localhost/main', env)).toMatchObject({
      password: 'from-environment',
      parameters: { sslmode: 'verify-full', sslrootcert: 'system', application_name: 'jobs' },
    });
    expect(read('postgresql://u:own@localhost/main?sslmode=disable', env)).toMatchObject({
      password: 'own',
      parameters: { sslmode: 'disable' },
    });
  });
});

describe('what cannot be done is refused by name', () => {
  test.each([
    ['mysql://localhost/main', /^must be a URL such as postgresql:/],
    ['postgresql://u:100%@localhost/db', /^must be a URL such as .*write % as %25/],
    ['postgresql://u:pa/ss@localhost/db', /write .* as %2F/],
    ['postgresql://u:secret@localhost:port/db', /^must be a URL/],
    ['postgresql://u@localhost:70000/db', /^must be a URL/],
    ['postgresql://u@one,two/db', /names several hosts/],
    ['postgresql://u@localhost/db?host=one,two', /names several hosts/],
    [
      'postgresql://u@localhost/db?sslmod=require',
      /the parameter sslmod, which is not one that libpq knows/,
    ],
    ['postgresql://u@localhost/db?sslmode=allow', /sslmode, which cannot be allow: use prefer/],
    ['postgresql://u@localhost/db?sslmode=no-verify', /use require/],
    [
      'postgresql://u@localhost/db?sslmode=on',
      /sslmode, which must be disable, prefer, require, verify-ca, or verify-full/,
    ],
    ['postgresql://u@localhost/db?ssl=1', /sslmode, which must be/],
    [
      'postgresql://u@localhost/db?schema=app',
      /schema, which is not libpq's: Weaver keeps its tables in the schema public/,
    ],
    ['postgresql://u@localhost/db?pgbouncer=true', /DATABASE_POOLER=transaction/],
    ['postgresql://u@localhost/db?target_session_attrs=read-only', /Weaver writes/],
    [
      'postgresql://u@localhost/db?service=x',
      /service, which is not supported: write the settings of the service/,
    ],
    [
      'postgresql://u@localhost/db?constructor=x',
      /the parameter constructor, which is not one that libpq knows/,
    ],
    ['postgresql://u@localhost/db?__proto__=x', /the parameter __proto__/],
    ['postgresql://u@localhost/db?sslmode', /must have a name and a value in each parameter/],
    ['postgresql://u@localhost/db?client_encoding=LATIN1', /client_encoding, which must be UTF8/],
  ])('%s', (text, problem) => {
    expect(problemOf(text)).toMatch(problem);
  });

  test('every mistake at once', () => {
    expect(
      problemOf('postgresql://u@localhost/db?nonsense=1&sslmode=maybe').split('\n'),
    ).toHaveLength(2);
  });

  test.each([
    [
      'postgresql://u@/db',
      { PGHOST: 'elsewhere' },
      /names no host, while PGHOST is set: write the host into the URL, or unset PGHOST/,
    ],
    ['postgresql://u@/db', { PGHOSTADDR: '192.0.2.1' }, /PGHOSTADDR/],
    ['postgresql://u@localhost/db', { PGPORT: '5599' }, /names no port, while PGPORT/],
    [
      'postgresql://u@localhost:5432',
      { PGDATABASE: 'other' },
      /names no database, while PGDATABASE/,
    ],
    ['postgresql://localhost:5432/db', { PGUSER: 'other' }, /names no user, while PGUSER/],
    [
      'postgresql://u@localhost:5432/db',
      { PGSSLMODE: 'sometimes' },
      /is used with PGSSLMODE, which must be/,
    ],
  ])('%s with a variable that leads elsewhere', (text, env, problem) => {
    expect(problemOf(text, env as unknown as Record<string, string>)).toMatch(problem);
  });

  test('variables of place have no say where the URL is complete', () => {
    const env = {
      PGHOST: 'elsewhere',
      PGHOSTADDR: '192.0.2.1',
      PGPORT: '1',
      PGUSER: 'x',
      PGDATABASE: 'y',
      PGSERVICE: 'z',
    };
    expect(parseAddress('postgresql://u@localhost:5432/db', env)).toEqual(
      parseAddress('postgresql://u@localhost:5432/db'),
    );
  });

  test('no part of an address that cannot be read is shown', () => {
    for (const text of [
      'postgresql://u:s3cret/@h/db',
      'postgresql://u:s3cret%@h/db',
      'postgresql://u:x@y:s3cret@h/db',
    ]) {
      expect(problemOf(text)).not.toContain('s3cret');
    }
  });
});

describe('an address as a URL', () => {
  const texts = fc
    .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
    .filter(text => !text.includes('\0') && text.isWellFormed());

  test('is read as the same address, whatever user, password and database hold', () => {
    fc.assert(
      fc.property(
        texts,
        texts,
        texts,
        fc.constantFrom('db.example.com', '::1', '/var/run/postgresql'),
        (user, password, database, host) => {
          const address = addressAs(
            { ...parseAddress('postgresql://x@h/d?sslmode=require'), host, database },
            user,
            password,
          );
          expect(parseAddress(addressUrl(address))).toEqual(address);
          expect(isSameAddress(address, parseAddress(addressUrl(address)))).toBe(true);
        },
      ),
    );
  });

  test('names the server without login and password', () => {
    expect(serverName(parseAddress('postgresql://u:p@db.example.com/main'))).toBe(
      'PostgreSQL at db.example.com:5432',
    );
    expect(serverName(parseAddress('postgresql://u:p@[::1]:6432/main'))).toBe(
      'PostgreSQL at [::1]:6432',
    );
    expect(serverName(parseAddress('postgresql://u:p@%2Ftmp/main'))).toBe(
      'PostgreSQL at the socket in /tmp, port 5432',
    );
  });
});

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parseAddress } from '../../../src/config/database-address.js';
import { cancelStatements } from '../../../src/db/cancel-statements.js';
import { Database } from '../../../src/db/database.js';
import { ENTITIES } from '../../../src/entities.js';
import { Commands, weaver } from '../../support/command.js';
import { until } from '../../support/row-locks.js';
import { poolOf } from '../../support/session-state.js';
import { canStartServer, startTlsServer, type TlsServer } from '../../support/tls-server.js';

const testable = inject('template').kind === 'postgres' && canStartServer;
if (!testable && process.env.WEAVER_REQUIRE_TLS_SERVER === '1')
  throw new Error('No server with TLS can be started: install PostgreSQL and OpenSSL.');

describe.runIf(testable)('the address of a PostgreSQL', () => {
  let server: TlsServer;
  let plain: TlsServer;
  beforeAll(async () => {
    server = await startTlsServer();
    plain = await startTlsServer({ encrypted: false });
  });
  afterAll(async () => {
    await server?.close();
    await plain?.close();
  });

  const urlOf = (
    { port, password }: TlsServer,
    {
      host = 'localhost',
      user = 'admin',
      query = '',
      at = port,
    }: { host?: string; user?: string; query?: string; at?: number | '' } = {},
  ): string => {
    const authority = at === '' ? host : `${host}:${at}`;
    const login = `${user}:${encodeURIComponent(password)}`;
    return `postgresql://${login}@${authority}/postgres${query && `?${query}`}`;
  };

  /** What the server says of a connection of the gateway's pool. */
  async function connectionAt(
    url: string,
  ): Promise<{ ssl: boolean; address: string | null; application: string; lockTimeout: string }> {
    const address = parseAddress(url);
    const database = await Database.open(
      { kind: 'postgres', address, ownerAddress: address, pooler: 'none', poolSize: 2 },
      ENTITIES,
    );
    try {
      const [row] = await database.orm.em.getDriver().getConnection().execute(`
        select s.ssl, host(a.client_addr) as address, a.application_name as application,
          current_setting('lock_timeout') as "lockTimeout"
          from pg_stat_activity a join pg_stat_ssl s using (pid) where pid = pg_backend_pid()`);
      return row;
    } finally {
      await database.close();
    }
  }

  test.each([
    ['by default wherever the server encrypts', '', 'localhost', true],
    ['with sslmode=require, whoever signed the certificate', 'sslmode=require', '127.0.0.1', true],
    [
      'with sslmode=verify-ca, whatever name it has',
      'sslmode=verify-ca&sslrootcert=AUTHORITY',
      '127.0.0.1',
      true,
    ],
    [
      'with sslmode=verify-full, for the name that it has',
      'sslmode=verify-full&sslrootcert=AUTHORITY',
      'localhost',
      true,
    ],
    [
      'for the name where another address is to be connected to',
      'sslmode=verify-full&sslrootcert=AUTHORITY&hostaddr=127.0.0.1',
      'localhost',
      true,
    ],
    [
      'and both sides prove it with channel_binding=require',
      'sslmode=require&channel_binding=require',
      'localhost',
      true,
    ],
    ['not with sslmode=disable', 'sslmode=disable', 'localhost', false],
  ])('a connection is encrypted %s', async (_what, query, host, ssl) => {
    expect(
      await connectionAt(
        urlOf(server, { host, query: query.replace('AUTHORITY', server.authority) }),
      ),
    ).toMatchObject({ ssl });
  });

  test.each([
    [
      'another authority',
      'localhost',
      'sslmode=verify-full&sslrootcert=OTHER',
      /^The certificate of .* is not signed .*other-authority\.crt: .*sslrootcert of DATABASE_URL/,
    ],
    [
      'another authority, with sslmode=require',
      'localhost',
      'sslmode=require&sslrootcert=OTHER',
      /^The certificate of .* is not signed by the authority in .*other-authority\.crt/,
    ],
    [
      'another name',
      '127.0.0.1',
      'sslmode=verify-full&sslrootcert=AUTHORITY',
      /^The certificate of .* is for other names: DNS:localhost\. Use a name that it has/,
    ],
    [
      'an authority of the public',
      'localhost',
      'sslmode=verify-full&sslrootcert=system',
      /^The certificate of .* is not signed by an authority that this system knows/,
    ],
    [
      'no authority named',
      'localhost',
      'sslmode=verify-full',
      /sslmode=verify-full requires the certificate of the authority .* sslrootcert/,
    ],
    [
      'a file that is not there',
      'localhost',
      'sslmode=verify-full&sslrootcert=/no/such.crt',
      /sslrootcert names the file \/no\/such\.crt, which cannot be read \(ENOENT\)/,
    ],
    [
      'a file that is no certificate',
      'localhost',
      'sslmode=verify-full&sslrootcert=/etc/passwd',
      /sslrootcert names the file \/etc\/passwd, which is not in PEM format/,
    ],
    [
      'a version of TLS that the server does not take',
      'localhost',
      'sslmode=require&ssl_max_protocol_version=TLSv1',
      /^No encrypted connection to .* can be made: .*TLS versions/,
    ],
    [
      'a setting that the server does not know',
      'localhost',
      'options=-c%20nonsense=1',
      /does not start a session for admin: .*"nonsense" \(SQLSTATE 42704\)\. Check .* in "options"/,
    ],
    [
      'an authority that anybody has',
      'localhost',
      'sslmode=require&sslrootcert=system',
      /sslrootcert=system requires sslmode=verify-full/,
    ],
  ])('is refused in a sentence with %s', async (_what, host, query, sentence) => {
    const url = urlOf(server, {
      host,
      query: query.replace('AUTHORITY', server.authority).replace('OTHER', server.otherAuthority),
    });
    const { code, err, out } = await weaver({ DATABASE_URL: url }, ['db', 'current']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(sentence);
    expect(err.split('\n')).toHaveLength(1);
  });

  test('a server that wants encryption is reached unless sslmode=disable forbids it', async () => {
    expect(await connectionAt(urlOf(server, { user: server.encryptedUser }))).toMatchObject({
      ssl: true,
    });
    const { code, err } = await weaver(
      { DATABASE_URL: urlOf(server, { user: server.encryptedUser, query: 'sslmode=disable' }) },
      ['db', 'current'],
    );
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /refuses the login encrypted on a connection that is not encrypted: .*Add sslmode=require/,
      ),
    });
  });

  test('a server without encryption is reached unless sslmode=require wants it', async () => {
    expect(await connectionAt(urlOf(plain))).toMatchObject({ ssl: false });
    const { code, err } = await weaver(
      { DATABASE_URL: urlOf(plain, { query: 'sslmode=require' }) },
      ['db', 'current'],
    );
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(/does not encrypt, and sslmode in DATABASE_URL asks for it/),
    });
    const bound = await weaver(
      { DATABASE_URL: urlOf(plain, { query: 'channel_binding=require' }) },
      ['db', 'current'],
    );
    expect(bound.err).toMatch(/does not offer channel binding/);
  });

  test('IPv6, sockets, and hosts and ports among the parameters lead where they say', async () => {
    expect(await connectionAt(urlOf(server, { host: '[::1]' }))).toMatchObject({
      ssl: true,
      address: '::1',
    });
    expect(
      await connectionAt(urlOf(server, { host: encodeURIComponent(server.folder) })),
    ).toMatchObject({ ssl: false, address: null });
    expect(
      await connectionAt(
        urlOf(server, { host: '', at: '', query: `host=${server.folder}&port=${server.port}` }),
      ),
    ).toMatchObject({ address: null });
    expect(
      await connectionAt(urlOf(server, { at: 1, query: `port=${server.port}` })),
    ).toMatchObject({ address: '127.0.0.1' });
  });

  test('options and application_name reach the server', async () => {
    expect(
      await connectionAt(
        urlOf(server, { query: 'options=-c%20lock_timeout%3D7s&application_name=jobs' }),
      ),
    ).toMatchObject({ application: 'jobs', lockTimeout: '7s' });
    expect(await connectionAt(urlOf(server))).toMatchObject({ application: 'weaver' });
  });

  test('target_session_attrs refuses a server that does not take writes', async () => {
    expect(
      await connectionAt(urlOf(server, { query: 'target_session_attrs=read-write' })),
    ).toMatchObject({ ssl: true });
    const { code, err } = await weaver(
      {
        DATABASE_URL: urlOf(server, {
          query: 'target_session_attrs=read-write&options=-c%20default_transaction_read_only%3Don',
        }),
      },
      ['db', 'current'],
    );
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(/is read-only, and target_session_attrs asks for read-write/),
    });
  });

  test('MikroORM and the tools for backups connect in the same way', async () => {
    const commands = new Commands();
    try {
      const good = urlOf(server, { query: `sslmode=verify-full&sslrootcert=${server.authority}` });
      const migrated = await commands.mikroOrm({ DATABASE_URL: good }, 'migration:up').outcome();
      expect(migrated, migrated.err).toMatchObject({ code: 0 });
      const wrong = await commands
        .mikroOrm(
          {
            DATABASE_URL: urlOf(server, {
              query: `sslmode=verify-full&sslrootcert=${server.otherAuthority}`,
            }),
          },
          'migration:pending',
        )
        .outcome();
      expect(wrong.err + wrong.out).toMatch(
        /^The certificate of .* is not signed by the authority in /,
      );
      for (const url of [
        good,
        urlOf(server, { host: '[::1]' }),
        urlOf(server, { host: '', at: '', query: `host=${server.folder}&port=${server.port}` }),
      ]) {
        const file = `${server.folder}/${Math.random().toString(36).slice(2)}.backup`;
        expect(await weaver({ DATABASE_URL: url }, ['db', 'backup', file])).toMatchObject({
          code: 0,
        });
      }
    } finally {
      await commands.close();
    }
  });

  test.each([
    [
      'encrypted',
      () => urlOf(server, { query: `sslmode=verify-full&sslrootcert=${server.authority}` }),
    ],
    ['plain', () => urlOf(plain)],
    ['a socket', () => urlOf(server, { host: encodeURIComponent(server.folder) })],
  ])(
    'a statement that runs too long is stopped on the server as well, where the connection is %s',
    async (_, url) => {
      const address = parseAddress(url());
      const database = await Database.open(
        { kind: 'postgres', address, ownerAddress: address, pooler: 'none', poolSize: 2 },
        ENTITIES,
      );
      const pool = await poolOf(database);
      const client = await pool.connect();
      try {
        const stopped = expect(client.query('select pg_sleep(50)')).rejects.toMatchObject({
          code: '57014',
        });
        await until(
          async () =>
            (
              await pool.query(
                "select from pg_stat_activity where query like 'select pg_sleep%' " +
                  "and state = 'active'",
              )
            ).rowCount === 1,
        );
        await cancelStatements(pool, client);
        await stopped;
      } finally {
        client.release(true);
        await database.close();
      }
    },
  );

  test('the doctor says whether the connection is encrypted', async () => {
    const checked = await weaver(
      {
        DATABASE_URL: urlOf(server, {
          query: `sslmode=verify-full&sslrootcert=${server.authority}`,
        }),
      },
      ['db', 'doctor'],
    );
    expect(checked.out).toMatch(
      /ok +The connection is encrypted \(TLSv1\.3\), and .* certificate is checked for its name/,
    );
    expect((await weaver({ DATABASE_URL: urlOf(server) }, ['db', 'doctor'])).out).toMatch(
      /ok +The connection is encrypted \(TLSv1\.3\).*not checked/,
    );
    expect((await weaver({ DATABASE_URL: urlOf(plain) }, ['db', 'doctor'])).out).toMatch(
      /The connection is not encrypted/,
    );
    expect(
      (
        await weaver({ DATABASE_URL: urlOf(server, { host: encodeURIComponent(server.folder) }) }, [
          'db',
          'doctor',
        ])
      ).out,
    ).toMatch(/ok +The connection is a socket of this machine/);
  });
});

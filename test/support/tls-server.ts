import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const BIN = [process.env.PG_BIN_DIR, '/usr/lib/postgresql/15/bin'].find(
  folder => folder && existsSync(join(folder, 'initdb')),
);

/**
 * Whether a server of the test's own can be started: on Linux, where PostgreSQL's programs and
 * OpenSSL are installed.
 */
export const canStartServer =
  process.platform === 'linux' && BIN !== undefined && existsSync('/usr/bin/openssl');

/**
 * A PostgreSQL of its own: encrypted, on 127.0.0.1, ::1 and a Unix socket, signing in by SCRAM. Its
 * certificate is for `localhost`.
 */
export interface TlsServer {
  readonly port: number;
  /** Folder of the socket, and of the files below. */
  readonly folder: string;
  /** The file of the authority that signed the server's certificate, and of one that did not. */
  readonly authority: string;
  readonly otherAuthority: string;
  /** Signs in with a password on any connection, and only on encrypted ones. */
  readonly user: string;
  readonly encryptedUser: string;
  readonly password: string;
  close(): Promise<void>;
}

const STARTS = 5;
const PASSWORD = "p@ss/w:rd?#100% 'of it'";

/** A standby of `server`, on the same addresses and with the same logins. */
export async function startStandby({
  folder,
  port: primary,
}: TlsServer): Promise<{ readonly port: number; close(): Promise<void> }> {
  const as = asServer();
  const run = (...command: string[]): Buffer =>
    execFileSync('setpriv', [...as, ...command], {
      cwd: folder,
      env: { PGPASSWORD: PASSWORD },
      stdio: 'pipe',
    });
  run(
    join(BIN!, 'pg_basebackup'),
    '-h',
    folder,
    '-p',
    String(primary),
    '-U',
    'admin',
    '-D',
    join(folder, 'standby'),
    '--write-recovery-conf',
    '--checkpoint=fast',
  );
  const { port, child } = await start(folder, 'standby', true, as);
  return { port, close: () => ended(child) };
}

export async function startTlsServer({ encrypted = true } = {}): Promise<TlsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'weaver-tls-'));
  const as = asServer();
  const dataFolder = join(folder, 'data');
  makeCertificates(folder);
  writeFileSync(join(folder, 'password'), PASSWORD);
  if (as.length > 0) execFileSync('chown', ['-R', 'postgres', folder]);
  execFileSync(
    'setpriv',
    [
      ...as,
      join(BIN!, 'initdb'),
      `--pgdata=${dataFolder}`,
      '--username=admin',
      '--auth=scram-sha-256',
      `--pwfile=${join(folder, 'password')}`,
      '--no-sync',
      '--encoding=UTF8',
      '--locale=C.UTF-8',
    ],
    { cwd: folder, stdio: 'ignore' },
  );
  writeFileSync(
    join(dataFolder, 'pg_hba.conf'),
    [
      'hostnossl all encrypted all reject',
      'local all,replication all scram-sha-256',
      'host all all all scram-sha-256',
      '',
    ].join('\n'),
  );
  const { port, child } = await start(folder, 'data', encrypted, as);
  const psql = (sql: string): Buffer =>
    execFileSync(
      join(BIN!, 'psql'),
      ['-h', folder, '-p', String(port), '-U', 'admin', '-d', 'postgres', '-c', sql],
      { env: { PGPASSWORD: PASSWORD }, stdio: 'pipe' },
    );
  psql(`create role encrypted superuser login password '${PASSWORD.replaceAll("'", "''")}'`);
  return {
    port,
    folder,
    authority: join(folder, 'authority.crt'),
    otherAuthority: join(folder, 'other-authority.crt'),
    user: 'admin',
    encryptedUser: 'encrypted',
    password: PASSWORD,
    async close() {
      await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL does not run as root. */
function asServer(): string[] {
  return process.getuid!() === 0 ? ['--reuid=postgres', '--regid=postgres', '--init-groups'] : [];
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGINT');
  if (child.exitCode === null) await once(child, 'close');
}

function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void =>
    void execFileSync('/usr/bin/openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  for (const name of ['authority', 'other-authority'])
    openssl(
      'req',
      '-x509',
      ...key,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
    );
  openssl(
    'req',
    ...key.slice(0, -2),
    '-subj',
    '/CN=localhost',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
  );
  writeFileSync(join(folder, 'server.ext'), 'subjectAltName=DNS:localhost\n');
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'authority.crt',
    '-CAkey',
    'authority.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'server.ext',
    '-out',
    'server.crt',
  );
}

/** Somebody else may take a port that was free a moment ago: then another one. */
async function start(
  folder: string,
  dataFolder: string,
  encrypted: boolean,
  as: string[],
): Promise<{ port: number; child: ChildProcess }> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const settings = {
      listen_addresses: '127.0.0.1,::1',
      unix_socket_directories: folder,
      ssl: encrypted ? 'on' : 'off',
      ssl_cert_file: join(folder, 'server.crt'),
      ssl_key_file: join(folder, 'server.key'),
      fsync: 'off',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(
      'setpriv',
      [
        ...as,
        '--pdeathsig',
        'QUIT',
        join(BIN!, 'postgres'),
        '-D',
        join(folder, dataFolder),
        '-p',
        String(port),
        ...options,
      ],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let written = '';
    child.stderr!.on('data', text => void (written += text));
    while (child.exitCode === null && !isReady(join(folder, dataFolder))) await sleep(50);
    if (child.exitCode === null) return { port, child };
    if (tries === STARTS || !written.includes('Address already in use'))
      throw new Error(`PostgreSQL did not start:\n${written}`);
  }
}

function isReady(dataFolder: string): boolean {
  const file = join(dataFolder, 'postmaster.pid');
  return (
    existsSync(file) &&
    /^(ready|standby)$/.test(readFileSync(file, 'utf8').split('\n')[7]?.trim() ?? '')
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

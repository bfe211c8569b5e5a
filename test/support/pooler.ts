import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';

const PROGRAM = process.env.PGBOUNCER_PATH ?? '/usr/sbin/pgbouncer';
const onPostgres = inject('template').kind === 'postgres';

/**
 * Whether there is a pooler to test with: before PostgreSQL only, on Linux, where PgBouncer is
 * installed.
 */
export const hasPooler = onPostgres && process.platform === 'linux' && existsSync(PROGRAM);
if (onPostgres && !hasPooler) {
  const problem =
    `There is no PgBouncer at ${PROGRAM}: install it (Debian: apt-get install pgbouncer) ` +
    'or set PGBOUNCER_PATH. On Linux only.';
  if (process.env.WEAVER_REQUIRE_POOLER === '1') throw new Error(problem);
  console.warn(`\n*** Nothing is tested behind a pooler. ${problem} ***\n`);
}

export interface Pooler {
  /** How many connections to the server it keeps for a login and a database. */
  readonly size: number;
  /** Where the test's login reaches the database of `url` through the pooler. */
  urlOf(url: string): string;
  close(): Promise<void>;
}

const STARTS = 5;

/**
 * A PgBouncer in transaction mode before the run's server, for the run's login. All else is as its
 * defaults are: connections are handed on as the last transaction left them.
 */
export async function startPooler(size: number): Promise<Pooler> {
  const template = inject('template');
  if (template.kind !== 'postgres') throw new Error('There is no server to put a pooler before.');
  const folder = mkdtempSync(join(tmpdir(), 'weaver-pooler-'));
  const server = new URL(template.adminUrl);
  writeFileSync(join(folder, 'users'), `"${template.login}" "${template.password}"\n`);
  const settings = (port: number): string => `
[databases]
* = host=${server.hostname} port=${server.port || 5432}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(folder, 'users')}
pool_mode = transaction
default_pool_size = ${size}
`;
  const { port, child } = await start(folder, settings);
  return {
    size,
    urlOf(url) {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String(port);
      return through.href;
    },
    async close() {
      child.kill('SIGTERM');
      await once(child, 'close');
      rmSync(folder, { recursive: true });
    },
  };
}

/** Somebody else may take a port that was free a moment ago: then another one. */
async function start(
  folder: string,
  settings: (port: number) => string,
): Promise<{ port: number; child: ChildProcess }> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    writeFileSync(join(folder, 'settings'), settings(port));
    // It refuses to run as root. Whatever ends this process ends it as well.
    const isRoot = process.getuid!() === 0;
    if (isRoot) execFileSync('chown', ['-R', 'postgres', folder]);
    const as = isRoot ? ['--reuid=postgres', '--regid=postgres', '--init-groups'] : [];
    const child = spawn(
      'setpriv',
      [...as, '--pdeathsig', 'TERM', PROGRAM, join(folder, 'settings')],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const failure = await up(child);
    if (failure === undefined) return { port, child };
    if (tries === STARTS || !failure.includes('Address already in use'))
      throw new Error(`PgBouncer did not start:\n${failure}`);
  }
}

/** Resolves when it listens, or with what it wrote before it ended. */
async function up(child: ChildProcess): Promise<string | undefined> {
  let written = '';
  const listens = new Promise<undefined>(resolve => {
    child.stderr!.on('data', data => {
      written += data;
      if (written.includes('process up')) resolve(undefined);
    });
  });
  return Promise.race([listens, once(child, 'close').then(() => written)]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

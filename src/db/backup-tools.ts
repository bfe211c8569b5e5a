import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { StartupError } from '../base/startup-error.js';
import type { DatabaseAddress } from '../config/database-address.js';
import { hostOf } from './connection-options.js';

/** The variable of libpq for each parameter that has an effect on its programs. */
const VARIABLES: Readonly<Record<string, string>> = {
  options: 'PGOPTIONS',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  sslmode: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslcrl: 'PGSSLCRL',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  channel_binding: 'PGCHANNELBINDING',
  gssencmode: 'PGGSSENCMODE',
};

/** The connection as libpq's variables: nothing of it, the password least of all, stands among the arguments that every user of a machine can read. */
export function libpqEnvironment(address: DatabaseAddress): Record<string, string> {
  const { hostAddress, port, user, password, database, parameters } = address;
  return {
    PGHOST: hostOf(address),
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGAPPNAME: parameters.application_name ?? 'weaver',
    ...(hostAddress !== undefined && { PGHOSTADDR: hostAddress }),
    ...(password !== undefined && { PGPASSWORD: password }),
    ...Object.fromEntries(Object.entries(parameters).flatMap(([name, value]) => (VARIABLES[name] ? [[VARIABLES[name], value]] : []))),
  };
}

/** Runs one of PostgreSQL's own programs. Of the environment it is told PATH, to be found by, and HOME, where libpq looks for its files. Gives what it wrote, line by line, to `each`. Fails with its own last words. */
export async function runTool(
  { PATH, HOME }: NodeJS.ProcessEnv,
  name: 'pg_dump' | 'pg_restore',
  args: readonly string[],
  connection: Record<string, string>,
  each: { out?: (line: string) => void; err?: (line: string) => void } = {},
): Promise<void> {
  const child = spawn(name, args, { env: { PATH, HOME, LC_ALL: 'C', ...connection }, stdio: ['ignore', 'pipe', 'pipe'] });
  const complaints: string[] = [];
  createInterface({ input: child.stdout }).on('line', line => each.out?.(line));
  createInterface({ input: child.stderr }).on('line', line => {
    each.err?.(line);
    if (/error|fatal|aborting|mismatch/i.test(line)) complaints.push(line.replace(/^\w+: (error: )?/, ''));
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', error =>
      reject((error as { code?: string }).code === 'ENOENT' ? new StartupError(`${name} is not installed here. Install PostgreSQL's client programs, of the server's version or later.`) : error),
    );
    child.once('close', resolve);
  });
  if (code !== 0) throw new StartupError(`${name} failed: ${complaints.slice(0, 3).join(' ') || `exit code ${code}`}.${hint(complaints.join(' '))}`);
}

/** Refuses a program that is older than the server: it would not read, or not write, what the server has. */
export async function checkToolVersion(env: NodeJS.ProcessEnv, name: 'pg_dump' | 'pg_restore', serverVersion: number): Promise<void> {
  let version = '';
  await runTool(env, name, ['--version'], {}, { out: line => void (version ||= line) });
  const major = Number(/ (\d+)/.exec(version)?.[1]);
  if (major < serverVersion) throw new StartupError(`${version} is older than the server, PostgreSQL ${serverVersion}: install the client programs of version ${serverVersion} or later, and put them first in PATH.`);
}

function hint(complaint: string): string {
  if (/row-level security/.test(complaint)) return ' Back up as a superuser or a role with BYPASSRLS (WEAVER_MIGRATION_URL).';
  return '';
}

import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { StartupError } from '../../base/startup-error.js';
import type { DatabaseAddress } from '../../config/database-address.js';
import { hostName } from '../../db/open/connection-options.js';
import type { BackupContext } from './backup-context.js';

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

/**
 * The connection as libpq's variables: nothing of it, the password least of all, stands among the
 * arguments that every user of a machine can read.
 */
export function libpqEnvironment(address: DatabaseAddress): Record<string, string> {
  const { hostAddress, port, user, password, database, parameters } = address;
  return {
    PGHOST: hostName(address),
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGAPPNAME: parameters.application_name ?? 'weaver',
    ...(hostAddress !== undefined && { PGHOSTADDR: hostAddress }),
    ...(password !== undefined && { PGPASSWORD: password }),
    ...Object.fromEntries(
      Object.entries(parameters).flatMap(([name, value]) =>
        VARIABLES[name] ? [[VARIABLES[name], value]] : [],
      ),
    ),
  };
}

/** One of PostgreSQL's programs is not there, or too old: nothing was begun. */
export class MissingProgram extends StartupError {}

export type ProgramName = 'pg_dump' | 'pg_restore' | 'psql';

type ProgramContext = Pick<BackupContext, 'env' | 'signal'>;

interface ProgramOptions {
  /** The connection, as libpq's variables. */
  readonly connection?: Record<string, string>;
  /** What it reads. Without it there is nothing to read. */
  readonly input?: (to: NodeJS.WritableStream) => Promise<void>;
  /** Where its output goes: the number of an open file, or whoever reads it to the end. */
  readonly output?: number | ((from: Readable) => Promise<void>);
  /** Each line of what it says beside its output. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs one of PostgreSQL's own programs. Of the environment it is told PATH, to be found by, and
 * HOME, where libpq looks for its files. Fails with its own first words of complaint, or with the
 * reason of `signal`, which ends the program, too.
 */
export async function runProgram(
  name: ProgramName,
  args: readonly string[],
  { env: { PATH, HOME }, signal }: ProgramContext,
  options: ProgramOptions = {},
): Promise<void> {
  const { connection = {}, input, output, onLine } = options;
  signal.throwIfAborted();
  const child = spawn(name, args, {
    env: { PATH, HOME, LC_ALL: 'C', ...connection },
    stdio: [input ? 'pipe' : 'ignore', typeof output === 'number' ? output : 'pipe', 'pipe'],
  });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  const complaints: string[] = [];
  eachLine(child.stderr!, line => {
    onLine?.(line);
    if (COMPLAINT.test(line) && !SHOWS_VALUES.test(line)) complaints.push(stripPrefix(line));
  });
  child.stdin?.on('error', () => {}); // It ended before it read everything, and says why.
  try {
    const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, by) => resolve(code ?? by!));
    });
    const reading =
      typeof output === 'function' ? output(child.stdout!) : void child.stdout?.resume();
    const writing = input?.(child.stdin!);
    // Whoever feeds it or reads it ends it by failing; else its own end comes first and says more.
    const failed = Promise.all([reading, writing]).then(
      () => undefined,
      (error: unknown) => (child.kill('SIGTERM'), { error }),
    );
    const code = await ended;
    await turn();
    signal.throwIfAborted();
    if (code !== 0 && complaints.length > 0)
      throw new StartupError(failureSentence(name, complaints));
    const failure = await failed;
    if (failure) throw failure.error;
    if (code === 'SIGXFSZ')
      throw new StartupError(`${name} failed: the file system takes no file that large.`);
    if (code !== 0)
      throw new StartupError(
        `${name} failed: ` +
          `${typeof code === 'number' ? `exit code ${code}` : `it was ended by ${code}`}.`,
      );
  } catch (error) {
    if (
      (error as { code?: string }).code !== 'ENOENT' ||
      !(error as { syscall?: string }).syscall?.startsWith('spawn')
    )
      throw error;
    throw new MissingProgram(
      `${name} is not installed here. Install PostgreSQL's client programs, of the ` +
        "server's version or later.",
      { cause: error },
    );
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

const COMPLAINT = /error|fatal|detail|aborting|mismatch|could not|No space/i;
/** What a value is wrong with, and what could be somebody's data. */
const SHOWS_VALUES = /(Failing row contains|Key \(|Token ".*" is invalid|CONTEXT)/;

/**
 * Lines as PostgreSQL's programs end them. Node's own reader of lines also ends them where texts
 * may have other separators.
 */
function eachLine(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => rest && onLine(rest));
}

/** The lines of a program's output. */
export async function linesOf(
  name: ProgramName,
  args: readonly string[],
  context: ProgramContext,
): Promise<string[]> {
  const lines: string[] = [];
  const output = async (from: Readable): Promise<void> => {
    eachLine(from, line => lines.push(line));
    await new Promise(resolve => from.once('close', resolve));
  };
  await runProgram(name, args, context, { output });
  return lines;
}

/**
 * Refuses a program that is older than the server: it would not read, or not write, what the server
 * has.
 */
export async function checkProgramVersion(
  name: ProgramName,
  serverVersion: number,
  context: ProgramContext,
): Promise<void> {
  const [version = ''] = await linesOf(name, ['--version'], context);
  const major = Number(/ (\d+)/.exec(version)?.[1]);
  if (major < serverVersion)
    throw new MissingProgram(
      `${version} is older than the server, PostgreSQL ${serverVersion}: install the ` +
        `client programs of version ${serverVersion} or later, and put them first in PATH.`,
    );
}

function stripPrefix(line: string): string {
  return line
    .replace(/^(?:\w+|psql:\S*): (?:error: |ERROR: {2})?/, '')
    .replace(/^(DETAIL|ERROR): {2}/, '');
}

function failureSentence(name: ProgramName, complaints: readonly string[]): string {
  const all = complaints.join(' ');
  const summary = complaints.slice(0, 3).join(' ').replace(/\.$/, '');
  if (/No space left on device/.test(all)) return `${name} failed: the disk is full (${summary}).`;
  return `${name} failed: ${summary}.${hint(all)}`;
}

function hint(complaint: string): string {
  if (/row-level security/.test(complaint))
    return ' Back up as a superuser or a role with BYPASSRLS (WEAVER_MIGRATION_URL).';
  if (/role "weaver_\w+" does not exist/.test(complaint))
    return ' Run "npx weaver db bootstrap" first: roles belong to the server and are in no backup.';
  if (/role ".*" does not exist/.test(complaint))
    return ' Roles belong to the server and are in no backup: create that role first.';
  if (/must be owner of|permission denied|must be superuser|extension/.test(complaint))
    return " Restore as a superuser, or Weaver's own tables alone: --only-weaver.";
  return '';
}

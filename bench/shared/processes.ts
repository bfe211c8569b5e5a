import { fork, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Round, RoundResult } from './load-generator.js';

const ROOT = join(import.meta.dirname, '../..');
const START_MS = 30_000;

/** A server under measurement, in a process of its own. */
export interface Server {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A gateway that tells how long its event loop was held. */
export interface WatchedServer extends Server {
  /** Milliseconds, at most, since the last time that this was asked. */
  longestHold(): Promise<number>;
}

/**
 * The built gateway as a user runs it in production, its log in a file. Without `databaseUrl`, on
 * the embedded database that `settings` name.
 */
export async function startGateway(
  name: string,
  databaseUrl: string | undefined,
  operatorToken: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<WatchedServer> {
  const folder = mkdtempSync(join(tmpdir(), 'weaver-bench-'));
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'w');
  const watchFile = join(folder, 'loop');
  const watch = ['--import', join(import.meta.dirname, 'loop-watch.mjs')];
  const child = spawn(
    process.execPath,
    [...watch, ...gatewayOptions(), join(ROOT, 'dist/src/main.js'), 'serve'],
    {
      cwd: folder,
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        PORT: '0',
        ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
        WEAVER_OPERATOR_TOKEN: operatorToken,
        LOOP_WATCH_FILE: watchFile,
        ...settings,
      },
    },
  );
  const longestHold = async (): Promise<number> => {
    rmSync(watchFile, { force: true });
    child.kill('SIGUSR2');
    for (let waited = 0; waited < START_MS; waited += 20) {
      await new Promise(resolve => setTimeout(resolve, 20));
      const text = read(watchFile);
      if (text) return Number(text);
    }
    throw new Error('The gateway does not tell how long its event loop was held.');
  };
  const stop = async (): Promise<void> => {
    await stopped(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const urlInLog = async (): Promise<string> => {
    for (let waited = 0; waited < START_MS && child.exitCode === null; waited += 50) {
      const url = /GraphQL +(http:\S+)\/graphql/.exec(readFileSync(logFile, 'utf8'))?.[1];
      if (url) return url;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    throw new Error(`The gateway did not start:\n${readFileSync(logFile, 'utf8')}`);
  };
  try {
    return { name, url: await urlInLog(), pid: child.pid!, stop, longestHold };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Options of Node for the gateway's process, such as `--cpu-prof`, from the environment. */
function gatewayOptions(): string[] {
  return process.env.WEAVER_BENCH_NODE_OPTIONS?.split(' ') ?? [];
}

/** One of the servers beside the gateway: a program that sends its address when it listens. */
export async function startPeer(
  name: string,
  program: string,
  variant: string,
  databaseUrl: string,
): Promise<Server> {
  const child = fork(program, [variant], {
    execArgv: ['--import', 'tsx'],
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      GRAPHILE_ENV: 'production',
      DATABASE_URL: databaseUrl,
    },
  });
  return {
    name,
    url: await firstMessage<string>(child),
    pid: child.pid!,
    stop: () => stopped(child),
  };
}

export interface LoadGenerator {
  run(round: Round): Promise<RoundResult>;
  stop(): Promise<void>;
}

export async function startLoadGenerator(): Promise<LoadGenerator> {
  const child = fork(join(import.meta.dirname, 'load-generator.ts'), {
    execArgv: ['--import', 'tsx'],
  });
  await firstMessage(child);
  return {
    async run(round) {
      const answer = firstMessage<{ result: RoundResult } | { error: string }>(child);
      child.send(round);
      const message = await answer;
      if ('error' in message) throw new Error(message.error);
      return message.result;
    },
    stop: () => stopped(child),
  };
}

function firstMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error('A process of the bench ended early.'));
    child.once('exit', onExit);
    child.once('message', message => {
      child.off('exit', onExit);
      resolve(message as T);
    });
  });
}

function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise(resolve => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

const TICKS_PER_SECOND = 100;

/**
 * Milliseconds of CPU that a process and those it started have used; undefined where the system
 * does not tell.
 */
export function cpuMs(pid: number): number | undefined {
  return sumOf(pid, one => ticksMs(one, USER_TIME, SYSTEM_TIME));
}

/** The same with those that have ended. */
export function cpuMsWithEnded(pid: number): number | undefined {
  return sumOf(pid, one =>
    ticksMs(one, USER_TIME, SYSTEM_TIME, ENDED_USER_TIME, ENDED_SYSTEM_TIME),
  );
}

export function parentOf(pid: number): number | undefined {
  const fields = statOf(pid);
  return fields && Number(fields[PARENT]);
}

/**
 * Places behind the name, which is the second field:
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
const PARENT = 1;
const USER_TIME = 11;
const SYSTEM_TIME = 12;
const ENDED_USER_TIME = 13;
const ENDED_SYSTEM_TIME = 14;

function ticksMs(pid: number, ...places: number[]): number | undefined {
  const fields = statOf(pid);
  return (
    fields &&
    (places.reduce((sum, place) => sum + Number(fields[place]), 0) * 1_000) / TICKS_PER_SECOND
  );
}

/** The name may hold spaces; the rest follows its parenthesis. */
function statOf(pid: number): string[] | undefined {
  return read(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ');
}

/**
 * Memory of a process and those it started, in megabytes: what they hold now, and the most that
 * each has held. undefined where the system does not tell.
 */
export function memoryMb(pid: number): {
  readonly now: number | undefined;
  readonly peak: number | undefined;
} {
  const of = (field: string): number | undefined =>
    sumOf(pid, one => {
      const kilobytes = new RegExp(`${field}:\\s+(\\d+)`).exec(
        read(`/proc/${one}/status`) ?? '',
      )?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
    });
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

function sumOf(pid: number, of: (pid: number) => number | undefined): number | undefined {
  const children =
    read(`/proc/${pid}/task/${pid}/children`)?.trim().split(' ').filter(Boolean).map(Number) ?? [];
  return [of(pid), ...children.map(child => sumOf(child, of))].reduce((sum, value) =>
    sum === undefined || value === undefined ? undefined : sum + value,
  );
}

/** Whether a process of PostgreSQL with this id runs on this machine. */
export function isLocalPostgres(pid: number): boolean {
  return read(`/proc/${pid}/comm`)?.trim() === 'postgres';
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

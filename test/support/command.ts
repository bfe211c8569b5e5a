import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { inject } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.js';
import { envExample } from '../../src/config.js';
import { Database } from '../../src/db/database.js';
import { IN_MEMORY } from '../../src/db/open/database-options.js';
import { applyMigrations } from '../../src/ops/migrations/run.js';
import { ENTITIES } from '../../src/entities.js';
import { databaseUrl } from './template-database.js';
import { postgresAt } from './postgres-at.js';

const ROOT = join(import.meta.dirname, '../..');

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs `weaver` with this environment, and where programs and the user's files are, within this
 * process.
 */
export async function weaver(
  env: Record<string, string>,
  args: readonly string[],
  input = '',
): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommandLine(['node', 'weaver', ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    out: line => void out.push(line),
    say: line => void err.push(line),
    read: async () => input,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/**
 * Every variable, empty: so a developer's own `.env` in the project's folder sets none, and no test
 * reaches the database that it names.
 */
const EMPTY_ENVIRONMENT = Object.fromEntries(
  [...envExample().matchAll(/^# ([A-Z_]+)=/gm)].map(match => [match[1]!, '']),
);

/** A process of its own, with what it wrote so far. */
export class Running {
  out = '';
  err = '';
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(readonly child: ChildProcess) {
    child.stdout!.on('data', data => void (this.out += data));
    child.stderr!.on('data', data => void (this.err += data));
    this.exited = new Promise(resolve =>
      child.on('close', (code, signal) => resolve({ code, signal })),
    );
  }

  /** Resolves when it has written `text`; rejects when it ends before. */
  async until(text: string, where: 'out' | 'err' = 'out'): Promise<void> {
    const ended = async (): Promise<void> => {
      const { code } = await this.exited;
      if (!this[where].includes(text))
        throw new Error(
          `It ended with ${code} before it wrote "${text}":\n${this.out}\n${this.err}`,
        );
    };
    const written = new Promise<void>(resolve => {
      const look = (): void => {
        if (this[where].includes(text)) resolve();
      };
      this.child[where === 'out' ? 'stdout' : 'stderr']!.on('data', look);
      look();
    });
    await Promise.race([written, ended()]);
  }

  async outcome(): Promise<Outcome> {
    const { code } = await this.exited;
    return { code, out: this.out, err: this.err };
  }

  /** Sends the signal and waits for the end. */
  async end(
    signal: NodeJS.Signals,
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.child.kill(signal);
    return this.exited;
  }
}

/** Starts built commands, and ends those that still run when asked to. */
export class Commands {
  readonly #running: Running[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'weaver-commands-'));

  /** `root` holds the built package. */
  constructor(private readonly root = ROOT) {}

  /** `npx weaver …`, in an empty folder. */
  weaver(env: Record<string, string>, ...args: string[]): Running {
    return this.#start([join(this.root, 'bin/weaver.js'), ...args], env, this.#folder);
  }

  /** `npx mikro-orm …`, in the project's folder, where its configuration is found. */
  mikroOrm(env: Record<string, string>, ...args: string[]): Running {
    return this.#start(
      [join(this.root, 'node_modules/@mikro-orm/cli/cli.js'), ...args],
      env,
      this.root,
    );
  }

  /** Another program in a Node of its own, in the project's folder. */
  script(env: Record<string, string>, source: string): Running {
    return this.#start(['--input-type=module', '--eval', source], env, ROOT);
  }

  #start(args: string[], env: Record<string, string>, cwd: string): Running {
    const child = spawn(process.execPath, args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: this.#folder, ...EMPTY_ENVIRONMENT, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = new Running(child);
    this.#running.push(running);
    return running;
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.map(({ child, exited }) => (child.kill('SIGKILL'), exited)));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface FreshDatabase {
  /** The environment that configures it. */
  readonly env: Record<string, string>;
  /** Of a PostgreSQL database. */
  readonly urls: { readonly admin: string; readonly maintenance: string } | undefined;
  close(): Promise<void>;
}

let made = 0;

/**
 * A new database of the run's kind: one that PostgreSQL has just made, or a folder that does not
 * exist yet. `migrated` makes it from the run's template, which spares the embedded one its slow
 * birth.
 */
export async function freshDatabase({ migrated = false } = {}): Promise<FreshDatabase> {
  const template = inject('template');
  if (template.kind === 'embedded') {
    const folder = mkdtempSync(join(tmpdir(), 'weaver-cli-'));
    if (migrated) {
      const cluster = join(folder, 'data', 'pg');
      mkdirSync(cluster, { recursive: true });
      const { status, stderr } = spawnSync('tar', ['-xf', template.imageFile, '-C', cluster], {
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`The template cannot be unpacked: ${stderr}`);
    }
    return {
      env: { WEAVER_DATA_DIR: join(folder, 'data') },
      urls: undefined,
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  }
  const name = `weaver_cli_${process.pid}_${Date.now().toString(36)}_${made++}`;
  const maintenance = new Client({ connectionString: template.adminUrl });
  await maintenance.connect();
  await maintenance.query(
    `create database ${name}${migrated ? ` template ${template.database}` : ''}`,
  );
  const admin = databaseUrl(template.adminUrl, name);
  return {
    env: { DATABASE_URL: admin },
    urls: { admin, maintenance: template.adminUrl },
    async close() {
      await maintenance.query(`drop database if exists ${name} with (force)`);
      await maintenance.end();
    },
  };
}

/** A migrated database that nobody else has, opened by the owner of its tables. */
export async function openAsOwner(): Promise<{
  database: Database;
  urls: FreshDatabase['urls'];
  close(): Promise<void>;
}> {
  const template = inject('template');
  if (template.kind === 'embedded') {
    const database = await Database.open(
      { kind: 'embedded', dataDir: IN_MEMORY },
      ENTITIES,
      'migrate',
      new Blob([readFileSync(template.imageFile)]),
    );
    return { database, urls: undefined, close: () => database.close() };
  }
  const fresh = await freshDatabase();
  const { admin } = fresh.urls!;
  const database = await Database.open(postgresAt(admin, { poolSize: 1 }), ENTITIES, 'migrate');
  await applyMigrations(database);
  return {
    database,
    urls: fresh.urls,
    async close() {
      await database.close();
      await fresh.close();
    },
  };
}

/** Rows of one statement, as the superuser. */
export async function sqlAt<R>(url: string, sql: string, parameters: unknown[] = []): Promise<R[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, parameters)).rows as R[];
  } finally {
    await client.end();
  }
}

import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Commands, type Outcome, type Running } from './command.js';

const ROOT = join(import.meta.dirname, '../..');

export interface TestMigration {
  readonly up: readonly string[];
  /** Left out: there is no `down`. */
  readonly down?: readonly string[];
  readonly transactional?: boolean;
  /** Code of `up` instead of its statements. */
  readonly code?: string;
}

/**
 * A copy of the built package with migrations of the test's own beside the real ones, whose
 * commands run as processes.
 */
export class Sandbox {
  readonly #folder = mkdtempSync(join(tmpdir(), 'weaver-sandbox-'));
  readonly #commands = new Commands(this.#folder);

  constructor() {
    for (const part of ['bin', 'dist', 'package.json', 'tsconfig.json'])
      cpSync(join(ROOT, part), join(this.#folder, part), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  /** Adds, or changes, the migration of a name. */
  write(name: string, { up, down, transactional = true, code }: TestMigration): void {
    const adds = (statements: readonly string[]): string =>
      statements.map(sql => `this.addSql(${JSON.stringify(sql)});`).join('\n');
    writeFileSync(
      this.#file(name),
      `import { Migration } from '@mikro-orm/migrations';
export class ${name} extends Migration {
  name = '${name}';
  isTransactional() { return ${transactional}; }
  async up() { ${code ?? adds(up)} }
  ${down ? `async down() { ${adds(down)} }` : ''}
}
`,
    );
  }

  remove(name: string): void {
    rmSync(this.#file(name), { force: true });
  }

  async weaver(env: Record<string, string>, ...args: string[]): Promise<Outcome> {
    return this.#commands.weaver(env, ...args).outcome();
  }

  startWeaver(env: Record<string, string>, ...args: string[]): Running {
    return this.#commands.weaver(env, ...args);
  }

  mikroOrmRunning(env: Record<string, string>, ...args: string[]): Running {
    return this.#commands.mikroOrm(env, ...args);
  }

  async mikroOrm(env: Record<string, string>, ...args: string[]): Promise<Outcome> {
    return this.#commands.mikroOrm(env, ...args).outcome();
  }

  async close(): Promise<void> {
    await this.#commands.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#folder, 'dist/migrations', `${name}.js`);
  }
}

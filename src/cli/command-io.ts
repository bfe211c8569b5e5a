import { text } from 'node:stream/consumers';

/** What a command reads and writes. Results go to `out`; what is said about them, and errors, to `say`. */
export interface CommandIo {
  readonly env: NodeJS.ProcessEnv;
  out(line: string): void;
  say(line: string): void;
  /** All of standard input. */
  read(): Promise<string>;
}

export function processIo(env: NodeJS.ProcessEnv): CommandIo {
  // Whoever reads our output may stop reading, as `head` does: then there is nobody left to tell.
  process.stdout.on('error', error => {
    if ((error as { code?: string }).code !== 'EPIPE') throw error;
  });
  return {
    env,
    out: line => void process.stdout.write(`${line}\n`),
    say: line => void process.stderr.write(`${line}\n`),
    read: () => text(process.stdin),
  };
}

export interface CommandContext {
  readonly io: CommandIo;
  /** For a command that has told all by itself, and yet could not do what was asked. */
  fail(): void;
}

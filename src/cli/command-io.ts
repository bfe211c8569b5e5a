import { text } from 'node:stream/consumers';

/** What a command reads and writes. Results go to `out`; what is said about them, and errors, to `say`. */
export interface CommandIo {
  readonly env: NodeJS.ProcessEnv;
  out(line: string): void;
  say(line: string): void;
  /** In a terminal: shows a line in place of the last one that was shown, until something else is said. Elsewhere there is none. */
  show?: (line: string) => void;
  /** All of standard input. */
  read(): Promise<string>;
}

export function processIo(env: NodeJS.ProcessEnv): CommandIo {
  // Whoever reads our output may stop reading, as `head` does: then there is nobody left to tell.
  process.stdout.on('error', error => {
    if ((error as { code?: string }).code !== 'EPIPE') throw error;
  });
  const terminal = process.stderr.isTTY === true;
  // Takes away a line that is only shown: https://en.wikipedia.org/wiki/ANSI_escape_code#CSI
  const clear = terminal ? '\r\x1b[K' : '';
  return {
    env,
    out: line => {
      if (terminal && process.stdout.isTTY) process.stderr.write(clear);
      process.stdout.write(`${line}\n`);
    },
    say: line => void process.stderr.write(`${clear}${line}\n`),
    ...(terminal && { show: line => void process.stderr.write(`${clear}${line.slice(0, (process.stderr.columns || 80) - 1)}`) }),
    read: () => text(process.stdin),
  };
}

export interface CommandContext {
  readonly io: CommandIo;
  /** For a command that has told all by itself, and yet could not do what was asked. */
  fail(): void;
}

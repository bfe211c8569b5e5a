import { text } from 'node:stream/consumers';
import { escapeLine, escapeLines } from '../base/control-characters.js';

/**
 * What a command reads and writes. Results go to `out`; what is said about them, and errors, to
 * `say`. Names in the database and values in the environment may hold anything, also what a
 * terminal obeys: control characters are escaped here, for all commands.
 */
export interface CommandIo {
  readonly env: NodeJS.ProcessEnv;
  /**
   * One line of the result; with several columns, tabs stand between them. Line breaks in it are
   * escaped, too.
   */
  out(...columns: readonly string[]): void;
  /** One line about the result. */
  say(line: string): void;
  /** Several lines that Weaver wrote, such as a script. Nobody's names belong in there. */
  outLines(lines: string): void;
  sayLines(lines: string): void;
  /**
   * In a terminal: shows a line in place of the last one that was shown, until something else is
   * said. Elsewhere there is none.
   */
  show?: (line: string) => void;
  /** All of standard input. */
  read(): Promise<string>;
}

/** Where a command runs: the texts that it gets are shown as they are. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  out(text: string): void;
  say(text: string): void;
  show?: (line: string) => void;
  read(): Promise<string>;
}

export function commandIo(terminal: Terminal): CommandIo {
  const { show } = terminal;
  return {
    env: terminal.env,
    out: (...columns) => terminal.out(columns.map(escapeLine).join('\t')),
    say: line => terminal.say(escapeLine(line)),
    outLines: lines => terminal.out(escapeLines(lines)),
    sayLines: lines => terminal.say(escapeLines(lines)),
    ...(show && { show: line => show(escapeLine(line)) }),
    read: () => terminal.read(),
  };
}

export function processTerminal(env: NodeJS.ProcessEnv): Terminal {
  let hasFailed = false;
  // Whoever reads our output may stop reading, as `head` does: then there is nobody left to tell.
  // Other results that are lost, on a full disk, make a command fail, and nothing that it is about
  // to do.
  process.stdout.on('error', error => {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE' || hasFailed) return;
    hasFailed = true;
    process.stderr.write(`Standard output cannot be written: ${error.message}.\n`);
    process.once('exit', code => void (process.exitCode = code || 1));
  });
  process.stderr.on('error', () => {});
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
    ...(terminal && {
      show: line =>
        void process.stderr.write(`${clear}${line.slice(0, (process.stderr.columns || 80) - 1)}`),
    }),
    read: () => text(process.stdin),
  };
}

export interface CommandContext {
  readonly io: CommandIo;
  /** For a command that has told all by itself, and yet could not do what was asked. */
  fail(): void;
}

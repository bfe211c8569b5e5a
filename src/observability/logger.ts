import { writeSync } from 'node:fs';
import { pino, type DestinationStream, type Logger } from 'pino';
import { AppError } from '../base/app-error.js';
import { escapeLines } from '../base/control-characters.js';
import type { LogLevel } from '../config.js';

/**
 * Writes JSON lines, to standard output by default. Tokens are never logged: requests are logged
 * without headers, bodies and variables, and errors without the statements and values that database
 * drivers attach to them.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const hooks = { streamWrite: escapeLines };
  return pino(
    {
      level,
      hooks,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: errorForLog },
    },
    destination ?? new LogOutput(STANDARD_OUTPUT),
  );
}

const STANDARD_OUTPUT = 1;

/**
 * Below the 4,096 bytes that are written to a pipe as a whole, so that lines of several processes
 * stay lines.
 */
const FLUSH_BYTES = 2_048;
const FLUSH_INTERVAL_MS = 100;

/** What waits for a slow reader, at most. Lines beyond are lost, and counted. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/**
 * At the end of the process, how often it is tried to write to a slow reader, and how long after
 * the last time.
 */
const MAX_FINAL_TRIES = 10;
const RETRY_DELAY_MS = 100;

const NOTHING = Buffer.alloc(0);
const LINE_BREAK = 10;

/**
 * A file descriptor, to which lines are written several at a time, but soon; warnings and errors,
 * and whatever there is at the end, at once.
 *
 * It never throws, and waits for nothing but a slow reader at the end, for a moment: one that is
 * gone or stands still, or a full disk, costs lines of the log and nothing else. pino's own
 * destination would do both. After any error but EAGAIN, and after that one while nobody reads, its
 * `flushSync` stops the process's only thread for ever.
 */
export class LogOutput implements DestinationStream {
  /** Asks pino for each line's level: https://getpino.io/#/docs/api?id=destinationstream */
  readonly [pino.symbols.needsMetadataGsym] = true;
  lastLevel = 0;
  /** Of a write that did not take all of it. */
  #unwritten = NOTHING;
  #lines = '';
  #lostLines = 0;
  /** Whether the last that was written is the beginning of a line. */
  #endsMidLine = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly descriptor: number) {
    process.once('exit', () => this.#end());
  }

  write(line: string): void {
    if (this.#unwritten.length + this.#lines.length > MAX_BUFFERED_BYTES) {
      this.#lostLines += 1;
      return;
    }
    this.#lines += line;
    // The reader has not read what it was sent before: the timer tries again.
    if (this.#unwritten.length > 0) return;
    if (this.#lines.length >= FLUSH_BYTES || this.lastLevel >= pino.levels.values.warn!)
      this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const notice = this.#lostLines > 0 ? this.#notice() : '';
    const bytes = Buffer.concat([this.#unwritten, Buffer.from(notice + this.#lines)]);
    let written = 0;
    this.#lines = '';
    try {
      while (written < bytes.length) written += writeSync(this.descriptor, bytes, written);
      this.#unwritten = NOTHING;
      this.#lostLines = 0;
      this.#endsMidLine = false;
    } catch (error) {
      const left = bytes.subarray(written);
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
        this.#unwritten = left;
        this.#lostLines = 0;
        this.#timer = setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS).unref();
      } else {
        this.#unwritten = NOTHING;
        this.#lostLines += Math.max(0, lineBreaks(left) - lineBreaks(Buffer.from(notice)));
        if (written > 0) this.#endsMidLine = bytes[written - 1] !== LINE_BREAK;
      }
    }
  }

  #notice(): string {
    const line = JSON.stringify({
      level: pino.levels.values.warn,
      time: new Date().toISOString(),
      lost: this.#lostLines,
      msg: 'Log lines are missing here because they could not be written',
    });
    return `${this.#endsMidLine ? '\n' : ''}${line}\n`;
  }

  #end(): void {
    this.#flush();
    for (let tries = 1; this.#unwritten.length > 0 && tries < MAX_FINAL_TRIES; tries += 1) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_DELAY_MS);
      this.#flush();
    }
  }
}

function lineBreaks(bytes: Buffer): number {
  return bytes.filter(byte => byte === LINE_BREAK).length;
}

/**
 * The properties that say where an error of PostgreSQL comes from and contain no rows:
 * https://www.postgresql.org/docs/current/protocol-error-fields.html
 */
const SHOWN = ['code', 'schema', 'table', 'column', 'constraint', 'routine'] as const;

/**
 * An error as it is logged: what it is, where it happened and what caused it. Everything else that
 * hangs on it may be a tenant's. Where one happened that callers are told of, such as a service
 * that is down, matters to nobody.
 */
function errorForLog(error: unknown, depth = 0, isExpected = error instanceof AppError): unknown {
  if (!(error instanceof Error)) return error;
  const { cause } = error;
  const details = error as Partial<Record<(typeof SHOWN)[number], unknown>>;
  // Errors of PostgreSQL's class 22, data exceptions, quote the value that they are about.
  const message = /^22\w{3}$/.test(String(details.code))
    ? error.message.replace(/".*"/s, '"…"')
    : error.message;
  return {
    type: error.constructor.name,
    message,
    ...(!isExpected && { stack: error.stack?.replace(error.message, () => message) }),
    ...Object.fromEntries(
      SHOWN.flatMap(name => (details[name] === undefined ? [] : [[name, details[name]]])),
    ),
    ...(cause instanceof Error &&
      depth < 5 && { cause: errorForLog(cause, depth + 1, isExpected) }),
  };
}

import { pino, type DestinationStream, type Logger } from 'pino';
import { AppError } from '../base/app-error.js';
import { escapeLines } from '../base/control-characters.js';
import type { LogLevel } from '../config.js';

/**
 * JSON lines, on standard output where no other place is given. Tokens never get here: requests are logged without their headers,
 * bodies and variables, and errors without the statements and values that database drivers attach to them.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const hooks = { streamWrite: escapeLines };
  return pino({ level, hooks, base: undefined, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: errorForLog } }, destination ?? new StandardOutput());
}

/** Below the 4,096 bytes that are written to a pipe as a whole, so that lines of several processes stay lines. */
const WRITE_AT_BYTES = 2_048;
const WRITE_WITHIN_MS = 100;

/** Standard output, to which lines are written several at a time, but soon; warnings and errors, and whatever there is at the end, at once. */
class StandardOutput implements DestinationStream {
  /** Asks pino for each line's level: https://getpino.io/#/docs/api?id=destinationstream */
  readonly [pino.symbols.needsMetadataGsym] = true;
  lastLevel = 0;
  readonly #out = pino.destination({ dest: 1, sync: true, minLength: WRITE_AT_BYTES, periodicFlush: WRITE_WITHIN_MS });

  constructor() {
    process.once('exit', () => this.#out.flushSync());
  }

  write(line: string): void {
    this.#out.write(line);
    if (this.lastLevel >= pino.levels.values.warn!) this.#out.flushSync();
  }
}

/** What tells where an error of PostgreSQL is from, and holds no rows: https://www.postgresql.org/docs/current/protocol-error-fields.html */
const SHOWN = ['code', 'schema', 'table', 'column', 'constraint', 'routine'] as const;

/**
 * An error as it is logged: what it is, where it happened and what caused it. Everything else that hangs on it may be a tenant's. Where one
 * happened that callers are told of, such as a service that is down, matters to nobody.
 */
function errorForLog(error: unknown, depth = 0, isExpected = error instanceof AppError): unknown {
  if (!(error instanceof Error)) return error;
  const { cause } = error;
  const details = error as Partial<Record<(typeof SHOWN)[number], unknown>>;
  // Errors of PostgreSQL's class 22, data exceptions, quote the value that they are about.
  const message = /^22\w{3}$/.test(String(details.code)) ? error.message.replace(/".*"/s, '"…"') : error.message;
  return {
    type: error.constructor.name,
    message,
    ...(!isExpected && { stack: error.stack?.replace(error.message, () => message) }),
    ...Object.fromEntries(SHOWN.flatMap(name => (details[name] === undefined ? [] : [[name, details[name]]]))),
    ...(cause instanceof Error && depth < 5 && { cause: errorForLog(cause, depth + 1, isExpected) }),
  };
}

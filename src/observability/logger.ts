import { pino, type Logger } from 'pino';
import type { LogLevel } from '../config.js';

/** JSON lines on standard output. Tokens never get here: requests are logged without their headers, bodies and variables. */
export function createLogger(level: LogLevel): Logger {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime });
}

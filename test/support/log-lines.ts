import type { Logger } from 'pino';
import { createLogger } from '../../src/observability/logger.js';

/** A log of everything that can be logged, and what was written to it. */
export function collectLog(): { log: Logger; lines: string[]; entries(): Record<string, any>[] } {
  const lines: string[] = [];
  const log = createLogger('debug', { write: line => void lines.push(line) });
  return { log, lines, entries: () => lines.map(line => JSON.parse(line) as Record<string, any>) };
}

import type { Database } from '../../src/db/database.js';
import type { Statement } from '../../src/db/statement.js';

/** A statement as the gateway sent it. */
export interface SentStatement {
  readonly statement: Statement;
  readonly parameters: readonly unknown[];
}

/** From this time on, a text that comes again is prepared (`src/db/statement.ts`). */
const TIMES = 3;

export interface SentStatements {
  /** The last time, in order. */
  readonly statements: readonly SentStatement[];
  /** What was sent the first time only, as the gateway remembers the answer for a while. */
  readonly preparedTexts: readonly SentStatement[];
}

/**
 * The read statements that `ask` leads to. It is asked several times, so that what the gateway
 * prepares is prepared. Nobody else may ask this database meanwhile.
 */
export async function sentStatements(
  database: Database,
  ask: () => Promise<unknown>,
): Promise<SentStatements> {
  const times: SentStatement[][] = [];
  const before = database.onStatement;
  database.onStatement = (statement, parameters) =>
    void times.at(-1)!.push({ statement, parameters });
  try {
    while (times.length < TIMES) {
      times.push([]);
      await ask();
    }
  } finally {
    database.onStatement = before;
  }
  const statements = times.at(-1)!;
  const texts = new Set(statements.map(({ statement }) => statement.text));
  return {
    statements,
    preparedTexts: times[0]!.filter(({ statement }) => !texts.has(statement.text)),
  };
}

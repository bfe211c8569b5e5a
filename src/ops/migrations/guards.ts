import { escapeLine } from '../../base/control-characters.js';
import type { Removal } from './removals.js';
import type { RowChange } from './rows-of-owner.js';

/** What a run of migrations is about to do. */
export interface RunPlan {
  readonly method: 'up' | 'down';
  readonly names: readonly string[];
  readonly removals: readonly Removal[];
}

/** What whoever migrates has agreed to, and how it is spoken to. */
export interface MigrationGuards {
  /** How long to wait while another process migrates. 0 fails at once. */
  lockTimeoutMs: number;
  /** How long one of their statements waits for a lock on PostgreSQL. 0 has no limit. */
  statementLockTimeoutMs: number;
  /** Apply migrations that are older than applied ones. */
  allowOutOfOrder: boolean;
  /** Go on although applied migrations emit other SQL now than they did then. */
  acceptEdited: boolean;
  /** Lose rows. */
  confirmed: boolean;
  /** Ends the run before its next statement, and cancels the one that runs. */
  readonly signal?: AbortSignal;
  /** The end of a refusal: what to add to agree, as a sentence. */
  readonly hints: {
    readonly confirm: string;
    readonly allowOutOfOrder: string;
    readonly acceptEdited: string;
    readonly lockTimeout: string;
    readonly statementLockTimeout: string;
  };
  /** Told before anything is changed. */
  announce(plan: RunPlan): void;
  /**
   * Told after the run of each statement that writes rows. Not of a new database, which has none.
   */
  changed(migration: string, change: RowChange): void;
  warn(line: string): void;
}

const DEFAULT_LOCK_TIMEOUT_MS = 60_000;
const DEFAULT_STATEMENT_LOCK_TIMEOUT_MS = 5_000;

/** Nothing is agreed to: as `weaver db` runs without options. */
export const DEFAULT_GUARDS: MigrationGuards = {
  lockTimeoutMs: DEFAULT_LOCK_TIMEOUT_MS,
  statementLockTimeoutMs: DEFAULT_STATEMENT_LOCK_TIMEOUT_MS,
  allowOutOfOrder: false,
  acceptEdited: false,
  confirmed: false,
  hints: {
    confirm: 'Add --yes to lose these rows.',
    allowOutOfOrder:
      'Give it a later timestamp, or, where the order does not matter, add ' +
      '--allow-out-of-order to "npx weaver db up".',
    acceptEdited:
      'Undo the edit and put the change into a new migration, or, where the database is ' +
      'right as it is, add --accept-edited to "npx weaver db up".',
    lockTimeout: 'Try again later, or give --lock-timeout <seconds>.',
    statementLockTimeout:
      'Let that session end, then run it again, or give --statement-lock-timeout <seconds>.',
  },
  announce: () => {},
  changed: () => {},
  warn: line => void process.stderr.write(`${escapeLine(line)}\n`),
};

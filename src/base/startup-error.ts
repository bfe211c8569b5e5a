/**
 * Weaver cannot start, or a command cannot run, for a reason that the user can correct. The message
 * says how. It is shown without a stack.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** A command that was typed wrongly, whatever the state of the database. */
export class UsageError extends StartupError {}

/**
 * Weaver cannot start, or a command cannot run, for a reason that its user can mend: the message
 * says how. Shown without a stack.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

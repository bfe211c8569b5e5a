/** One thing that was looked at, and what came of it. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do about it, as a sentence. */
  readonly hint?: string;
}

export const ok = (message: string): Finding => ({ level: 'ok', message });
export const warn = (message: string, hint?: string): Finding => ({
  level: 'warn',
  message,
  ...(hint && { hint }),
});
export const fail = (message: string, hint: string): Finding => ({ level: 'fail', message, hint });

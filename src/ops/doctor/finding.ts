/** One thing that was looked at, and what came of it. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do about it, as a sentence. */
  readonly mend?: string;
}

export const ok = (message: string): Finding => ({ level: 'ok', message });
export const warn = (message: string, mend?: string): Finding => ({
  level: 'warn',
  message,
  ...(mend && { mend }),
});
export const fail = (message: string, mend: string): Finding => ({ level: 'fail', message, mend });

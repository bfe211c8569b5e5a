/**
 * Every error code that a caller of the API can meet. Stable: clients switch on them.
 * `docs/errors.md` says what each means and what to do about it.
 */
export const ERROR_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'BAD_USER_INPUT',
  'CONFLICT',
  'RATE_LIMITED',
  'QUERY_TOO_COMPLEX',
  'QUOTA_EXCEEDED',
  'CHECKSUM_MISMATCH',
  'UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface AppErrorDetails {
  /** Path of the input that is wrong, such as `first` or `input.topK`. */
  field?: string;
  /** After how many milliseconds a retry can succeed. */
  retryAfterMs?: number;
  /** What went wrong underneath; logged, never shown. */
  cause?: unknown;
}

/**
 * An error whose message is written for the caller and shown unchanged. The messages of all other
 * errors are hidden.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly field: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: AppErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.field = details.field;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The input named by `field` cannot be used; `message` says why and what the limit is. */
export function badInput(field: string, message: string): AppError {
  return new AppError('BAD_USER_INPUT', message, { field });
}

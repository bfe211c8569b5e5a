import { AppError } from '../base/app-error.js';

/**
 * Why an operation ends whose caller waits for it no more. Nobody gets to see it, and it is nothing
 * that the log must tell.
 */
export const CLIENT_DISCONNECTED = new AppError('UNAVAILABLE', 'The caller has gone.');

/** Why an operation ends that takes longer than it may. */
export function operationTimeout(ms: number): AppError {
  return new AppError(
    'UNAVAILABLE',
    `The operation took longer than the limit of ${ms} ms. Request less data, or try again later.`,
    { retryAfterMs: 1_000 },
  );
}

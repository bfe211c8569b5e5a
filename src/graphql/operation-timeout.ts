import { AppError } from '../base/app-error.js';

/**
 * The reason of an operation that ends because its client has disconnected. It is neither shown nor
 * logged.
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

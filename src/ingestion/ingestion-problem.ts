import type { IngestionError } from './ingestion-error.type.js';
import type { Ingestion } from './ingestion.entity.js';

/** The error of an ingestion's row. */
export function errorOf({
  errorCode,
  errorMessage,
  errorRetryable,
}: Pick<Ingestion, 'errorCode' | 'errorMessage' | 'errorRetryable'>): IngestionError | null {
  return errorCode == null
    ? null
    : { code: errorCode, message: errorMessage!, retryable: errorRetryable! };
}

/**
 * Why a file did not become passages, beside what `ExtractionError` says of the file itself.
 * Stable: they are stored, and `docs/ingestion.md` explains each.
 */
type FailureCode =
  | 'EMBEDDING_UNAVAILABLE'
  | 'EMBEDDING_REFUSED'
  | 'FILE_MISSING'
  | 'INTERNAL'
  | 'SUPERSEDED'
  | 'WORKER_CRASHED';

/** As it is stored and shown. */
export interface IngestionProblem {
  readonly code: string;
  /** One sentence for the owner of the file: nothing of a stack, of SQL or of a library. */
  readonly message: string;
  /** Whether the same file may succeed at another time. */
  readonly retryable: boolean;
}

/** Ends an ingestion for good, unless `retryIngestion` begins it again. */
export class IngestionFailure extends Error implements IngestionProblem {
  override readonly name = 'IngestionFailure';
  readonly retryable = false;

  constructor(
    readonly code: FailureCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * The ingestion is somebody else's by now: another worker's, or it was cancelled or deleted.
 * Nothing of this attempt may be stored any more.
 */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export const CRASHED: IngestionProblem = {
  code: 'WORKER_CRASHED',
  message:
    'The process that worked on the file ended several times before it had finished. The file ' +
    'may need more memory than there is.',
  retryable: true,
};

export const UNEXPECTED: IngestionProblem = {
  code: 'INTERNAL',
  message: 'The file could not be processed because of an unexpected error.',
  retryable: true,
};

/** Why a file gives no text. Stable: they are stored, and `docs/files.md` explains each. */
export const EXTRACTION_CODES = [
  'TOO_LARGE',
  'TYPE_NOT_SUPPORTED',
  'TYPE_MISMATCH',
  'ENCRYPTED',
  'NO_TEXT',
  'NO_TEXT_LAYER',
  'ZIP_BOMB',
  'TOO_MANY_PAGES',
  'TIMEOUT',
  'CORRUPT',
  'WORKER_CRASHED',
] as const;
export type ExtractionCode = (typeof EXTRACTION_CODES)[number];

/** The message is written for whoever sent the file, and shows nothing of a library or a stack. */
export class ExtractionError extends Error {
  override readonly name = 'ExtractionError';

  constructor(
    readonly code: ExtractionCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether the same file may give a text at another time. */
  get retryable(): boolean {
    return this.code === 'WORKER_CRASHED';
  }
}

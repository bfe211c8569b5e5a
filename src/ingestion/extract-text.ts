import type { Logger } from 'pino';

/** What was read from a file. Offsets count characters as PostgreSQL does. */
export interface ExtractedText {
  readonly text: string;
  readonly pageStarts: readonly number[];
  readonly extractor: string;
  readonly extractorVersion: string;
}

/** Why a file gives no text. */
export class ExtractionError extends Error {
  override readonly name = 'ExtractionError';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  get retryable(): boolean {
    return this.code === 'WORKER_CRASHED';
  }
}

/** The text of a text file in UTF-8. */
export async function extractText(
  bytes: Uint8Array,
  _options: {
    readonly filename: string;
    readonly contentType?: string;
    readonly signal?: AbortSignal;
    readonly log: Logger;
  },
): Promise<ExtractedText> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (text.includes('\0')) throw new Error('NUL');
    return { text, pageStarts: [], extractor: 'text', extractorVersion: '1' };
  } catch {
    throw new ExtractionError(
      'CORRUPT',
      'The file is no text in UTF-8. Save it in this encoding and upload it again.',
    );
  }
}

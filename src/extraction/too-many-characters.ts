import { ExtractionError } from './extraction-error.js';

export function tooManyCharacters(limit: number): ExtractionError {
  return new ExtractionError(
    'TOO_LARGE',
    `The text of the file has more than ${limit} characters. Send it in parts.`,
  );
}

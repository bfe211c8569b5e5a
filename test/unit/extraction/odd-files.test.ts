import { describe, expect, it } from 'vitest';
import { ExtractionError } from '../../../src/extraction/extraction-error.js';
import { readFile } from '../../../src/extraction/read-file.js';
import { EXTRACTION_LIMITS } from '../../support/extraction-limits.js';
import { ODD_FILES } from '../../support/odd-files.js';

describe('A file from a stranger', () => {
  it.each(ODD_FILES)('with $about gives its text or its refusal', async file => {
    const limits = { ...EXTRACTION_LIMITS, ...file.limits };
    const answer = await readFile(await file.make(), file, limits).catch((error: unknown) => error);
    if (file.refused) {
      expect(answer).toBeInstanceOf(ExtractionError);
      const { code, message, retryable } = answer as ExtractionError;
      expect({ code, retryable }, message).toEqual({ code: file.refused, retryable: false });
      expect(message).toMatch(file.message ?? /\.$/);
    } else {
      const { text, ...others } = file.gives!;
      expect(answer).toMatchObject(others);
      if (typeof text === 'string') expect(answer).toHaveProperty('text', text);
      else if (text) expect(answer).toHaveProperty('text', expect.stringMatching(text));
    }
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { QuestionSet } from './question-set.js';

interface LanguageFile {
  readonly name: string;
  /** One document each. */
  readonly passages: readonly string[];
  /** `expected` are places in `passages`. */
  readonly questions: readonly { readonly text: string; readonly expected: readonly number[] }[];
}

const FILES = ['arabic', 'chinese', 'japanese', 'thai'];

/** Short passages in scripts of their own, with a question for each. */
export function languageQuestions(): QuestionSet[] {
  return FILES.map(file => {
    const { name, passages, questions } = JSON.parse(
      readFileSync(join(import.meta.dirname, 'languages', `${file}.json`), 'utf8'),
    ) as LanguageFile;
    const filename = (index: number): string => `${String(index + 1).padStart(2, '0')}.txt`;
    return {
      name,
      documents: passages.map((text, index) => ({ filename: filename(index), text })),
      questions: questions.map(({ text, expected }) => ({
        text,
        expected: expected.map(filename),
      })),
    };
  });
}

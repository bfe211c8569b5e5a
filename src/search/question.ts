import { LRUCache } from 'lru-cache';
import type { OperationReads } from '../db/operation-reads.js';
import { statement } from '../db/statement.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import { wordsCte } from './words.js';

/** A word to look for: a chunk has it if it has any of the lexemes. */
export interface QuestionWord {
  readonly lexemes: readonly string[];
}

/** What is to be ranked by of a text that is searched for. */
export interface Question {
  readonly text: string;
  readonly words: readonly QuestionWord[];
  /**
   * Whether phrases or exclusions ask more of a chunk than one of the words: `any_word` of
   * `wordsCte`.
   */
  readonly hasOperators: boolean;
}

/** Bytes that questions may take. */
const MAX_BYTES = 8 * 2 ** 20;

/** What texts ask for, kept: reading one is a statement, and always gives the same. */
export class QuestionCache {
  readonly #questions = new LRUCache<string, Question>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ text, words }) => 1_000 + 4 * text.length + 200 * words.length,
  });

  async read(reads: OperationReads, text: string): Promise<Question> {
    const known = this.#questions.get(text);
    if (known) return known;
    const question = await readQuestion(reads, text);
    this.#questions.set(text, question);
    return question;
  }
}

interface QuestionRow {
  readonly any_word: string | null;
}

/** A quoted lexeme in the text of a `tsquery`. */
const QUOTED = /'((?:[^'\\]|''|\\\\)*)'/g;

async function readQuestion(reads: OperationReads, text: string): Promise<Question> {
  const parameters = new SqlParameters();
  const sql = `with ${wordsCte(text, parameters)}
    select wanted::text as wanted, any_word::text as any_word from words`;
  const [row] = await reads.query<QuestionRow & { readonly wanted: string | null }>(
    statement('searchQuestion', sql),
    parameters.values,
  );
  const { wanted, any_word: anyWord } = row!;
  const lexemes = new Set(
    Array.from((wanted ?? '').matchAll(QUOTED), ([, quoted]) =>
      quoted!.replaceAll("''", "'").replaceAll('\\\\', '\\'),
    ),
  );
  return {
    text,
    words: Array.from(lexemes, lexeme => ({ lexemes: [lexeme] })),
    hasOperators: /[<!]/.test((anyWord ?? '').replaceAll(QUOTED, '')),
  };
}

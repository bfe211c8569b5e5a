import type { OperationReads } from '../db/operation-reads.js';
import { statement } from '../db/statement.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import type { KeywordQuery } from './keyword-query.js';
import { wordsCte } from './words.js';

/** A word to look for: a chunk has it if it has any of the lexemes. */
interface QuestionWord {
  readonly lexemes: readonly string[];
}

/** What a query asks for, as the database reads its words. */
export interface Question {
  /** Those that are wanted, in their order, each once. */
  readonly words: readonly QuestionWord[];
  /** Queries of the words: all that are wanted, any; null where nothing is. */
  readonly allWords: string | null;
  readonly anyWord: string | null;
  /**
   * Whether phrases or exclusions ask more of a chunk than to have one of the words: what
   * `anyWord` says.
   */
  readonly hasOperators: boolean;
  /** Whether only the first words of the text count. */
  readonly isCut: boolean;
}

interface QuestionRow {
  readonly all_words: string | null;
  readonly any_word: string | null;
  readonly is_cut: boolean;
  readonly words: string[][] | null;
}

export async function readQuestion(
  reads: OperationReads,
  tenantId: string,
  query: KeywordQuery,
): Promise<Question> {
  const parameters = new SqlParameters();
  const tenant = parameters.add(tenantId, 'uuid');
  const sql = `with ${wordsCte(query, tenant, parameters)}
    select all_words::text as all_words, any_word::text as any_word, is_cut,
           (select jsonb_agg(lexemes order by number)
              from (select number, jsonb_agg(distinct lexeme) as lexemes
                      from read_words
                     where number in (select number from counted_words where not "isExcluded")
                     group by number) word) as words
      from words`;
  const [row] = await reads.query<QuestionRow>(statement('searchQuestion', sql), parameters.values);
  const { all_words: allWords, any_word: anyWord, is_cut: isCut, words } = row!;
  const byLexemes = new Map(words?.map(lexemes => [lexemes.join(' '), { lexemes }]));
  return {
    words: [...byLexemes.values()],
    allWords,
    anyWord,
    hasOperators:
      query.excluded.length > 0 || query.clauses.some(clause => clause.some(term => term.isPhrase)),
    isCut,
  };
}

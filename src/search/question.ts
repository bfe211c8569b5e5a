import type { OperationReads } from '../db/operation-reads.js';
import { statement } from '../db/statement.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import type { KeywordQuery } from './keyword-query.js';
import { wordsCte } from './words.js';

/** A word to look for. */
interface QuestionWord {
  /** Those of the whole and of its parts. */
  readonly lexemes: readonly string[];
  /** What a chunk meets that has it: as a whole, or its parts side by side. */
  readonly query: string;
  /** Of a joined word the lexemes of each part, else none. */
  readonly parts: readonly (readonly string[])[];
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
  readonly words: QuestionWord[] | null;
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
           (select jsonb_agg(jsonb_build_object('lexemes', lexemes, 'parts',
                     coalesce(joined.parts, '[]'),
                     'query', concat_ws(' | ', wanted.whole, '(' || wanted.parts || ')'))
                     order by number)
              from (select distinct number, whole, parts from counted_words
                     where not "isExcluded") wanted
              join (select number, jsonb_agg(distinct lexeme) as lexemes
                      from read_words group by number) word using (number)
              left join (select number, jsonb_agg(lexemes order by place) as parts
                           from (select number, place, jsonb_agg(distinct lexeme) as lexemes
                                   from read_words where not is_whole group by number, place) part
                          group by number) joined using (number)) as words
      from words`;
  const [row] = await reads.query<QuestionRow>(statement('searchQuestion', sql), parameters.values);
  const { all_words: allWords, any_word: anyWord, is_cut: isCut, words } = row!;
  const byLexemes = new Map(words?.map(word => [word.lexemes.join(' '), word]));
  return {
    words: [...byLexemes.values()],
    allWords,
    anyWord,
    hasOperators:
      query.excluded.length > 0 || query.clauses.some(clause => clause.some(term => term.isPhrase)),
    isCut,
  };
}

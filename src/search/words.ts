import type { SqlParameters } from '../graphql/sql-parameters.js';
import { KeywordMatch } from './search.types.js';

/**
 * Dashes without a word between them, as a drawn line has: PostgreSQL would take each for a
 * negation of the next, and gives up at 32.
 */
const DASHES = /-(?:[^\p{L}\p{N}"-]*-)+/gu;

/**
 * From more words and operators than this on (16 words), looking at where words stand takes too
 * long: its time grows with the cube of their number.
 */
const MAX_ORDERED_NODES = 31;

/**
 * The words of a text as the common table `words (all_words, any_word, wanted, has_words,
 * is_long)`. `wanted` is `any_word` without what is excluded.
 *
 * `any_word` has `|` for every `&` between words and phrases, and excludes what `all_words`
 * excludes. `querytree` is the query without its negations, or `T` where nothing else is left; both
 * are PostgreSQL's own text, in which operators stand between spaces and words in quotes without
 * any.
 */
export function wordsCte(text: string, parameters: SqlParameters): string {
  return `
    words as materialized (
      select all_words, numnode(all_words) > 0 as has_words,
             numnode(all_words) > ${MAX_ORDERED_NODES} as is_long, wanted,
             case when excluded is null then wanted else wanted && excluded end as any_word
        from (
          select all_words,
                 nullif(
                   replace(nullif(querytree(all_words), 'T'), ' & ', ' | '), ''
                 )::tsquery as wanted,
                 (select string_agg(n[1], ' & ')::tsquery
                    from regexp_matches(
                           all_words::text, '(!(?:''(?:[^'']|'''')*''|\\( .*? \\)))', 'g'
                         ) n) as excluded
            from websearch_to_tsquery(
                   'english', ${parameters.add(text.replace(DASHES, ' '), 'text')}) all_words
        ) parts
    )`;
}

/**
 * Divided by the logarithm of the chunk's length, and scaled to 0 to 1:
 * https://www.postgresql.org/docs/current/textsearch-controls.html#TEXTSEARCH-RANKING
 */
const NORMALIZATION = '1 | 32';

const WANTED = '(select wanted from words)';
/**
 * Of all words, it matters how close together they stand, unless there are very many. Of any, how
 * many different ones there are: `ts_rank` adds less for each repetition. What is excluded would
 * make it rank as if all were asked for.
 */
const ANY_WORD_SCORE = `ts_rank(t.search_vector, ${WANTED}, ${NORMALIZATION})::float8`;
const ALL_WORDS_SCORE = `
  case when (select is_long and wanted is not null from words) then ${ANY_WORD_SCORE}
       else ts_rank_cd(
              t.search_vector, (select all_words from words), ${NORMALIZATION}
            )::float8 end`;

/** How well `doc_chunks t` has the words that count; null where it does not have them. */
export function scoreSql(match: KeywordMatch): string {
  const [words, score] =
    match === KeywordMatch.ALL_WORDS
      ? ['all_words', ALL_WORDS_SCORE]
      : ['any_word', ANY_WORD_SCORE];
  return `case when t.search_vector @@ (select ${words} from words) then ${score} end`;
}

/**
 * Common tables: `matched (id, score)` are the chunks that meet `conditions` on `doc_chunks t` and
 * have all words or, where there are none, any; `match` says which. With `match` given, that one
 * only.
 */
export function matchedCtes(conditions: string, match: KeywordMatch | undefined): string {
  const all =
    `select t.id, ${ALL_WORDS_SCORE} as score from doc_chunks t where ${conditions} ` +
    'and t.search_vector @@ (select all_words from words)';
  const any =
    `select t.id, ${ANY_WORD_SCORE} as score from doc_chunks t where ${conditions} ` +
    'and t.search_vector @@ (select any_word from words)';
  if (match === KeywordMatch.ALL_WORDS)
    return `matched as materialized (${all}), match as materialized (select '${match}' as kind)`;
  if (match === KeywordMatch.ANY_WORD)
    return `matched as materialized (${any}), match as materialized (select '${match}' as kind)`;
  // The condition without a column is asked once: where there are chunks with all words, nothing is
  // looked up by any.
  return `
    with_all as materialized (${all}),
    matched as materialized (
      select * from with_all
       union all
      (${any} and not exists (select from with_all))
    ),
    match as materialized (
      select case when exists (select from with_all) then '${KeywordMatch.ALL_WORDS}'
                  when exists (select from matched) then '${KeywordMatch.ANY_WORD}' end as kind
    )`;
}

/**
 * Signs that no text needs, to find the words again in what `ts_headline` gives: their markup would
 * be told from the text's own by nobody.
 */
const START = '\u0002';
const STOP = '\u0003';
/** Stands for `<`: PostgreSQL takes what follows one for a tag, and leaves tags out. */
const LESS_THAN_SIGN = '\u0004';

/**
 * The text's fragments around the words, with signs about each word. Costs reading the text again:
 * for the chunks that are shown only. `null` where there is no match to show.
 */
export function headlineSql(): string {
  const options =
    `StartSel=${START}, StopSel=${STOP}, MaxFragments=3, MaxWords=30, MinWords=10, ` +
    'FragmentDelimiter=" … "';
  const text = `translate(t.text, '<${LESS_THAN_SIGN}${START}${STOP}', '${LESS_THAN_SIGN}')`;
  return (
    `(select ts_headline('english', ${text}, case when kind = '${KeywordMatch.ALL_WORDS}' ` +
    `and not is_long then all_words else wanted end, '${options}') from words, match ` +
    'where kind is not null)'
  );
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  [LESS_THAN_SIGN]: '&lt;',
  [START]: '<mark>',
  [STOP]: '</mark>',
};

/**
 * A headline as HTML that is safe to show: only the words' marks are markup. Null where no word
 * stands in it.
 */
export function headlineHtml(headline: string | null): string | null {
  if (headline === null || !headline.includes(START)) return null;
  return Array.from(headline, sign => ESCAPES[sign] ?? sign).join('');
}

import type { SqlParameters } from '../graphql/sql-parameters.js';

/**
 * Dashes without a word between them, as a drawn line has: PostgreSQL would take each for a
 * negation of the next, and gives up at 32.
 */
const DASHES = /-(?:[^\p{L}\p{N}"-]*-)+/gu;

/**
 * The words of a text as the common table `words (all_words, any_word, wanted)`. `wanted` is
 * `any_word` without what is excluded.
 *
 * `any_word` has `|` for every `&` between words and phrases, and excludes what `all_words`
 * excludes. `querytree` is the query without its negations, or `T` where nothing else is left; both
 * are PostgreSQL's own text, in which operators stand between spaces and words in quotes without
 * any.
 */
export function wordsCte(text: string, parameters: SqlParameters): string {
  return `
    words as materialized (
      select all_words, wanted,
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
    `(select ts_headline('english', ${text}, wanted, '${options}') from words ` +
    'where wanted is not null)'
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

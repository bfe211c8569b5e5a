import type { SqlParameters } from '../graphql/sql-parameters.js';
import type { KeywordQuery } from './keyword-query.js';
import { KeywordMatch } from './search.types.js';

/** From more words than this on, looking at where words stand takes too long. */
const MAX_ORDERED_WORDS = 16;
/** Of a long text the first words count. */
const MAX_WORDS = 100;

/**
 * The words of a query as the common table `words (all_words, any_word, wanted, excluded, lexemes,
 * has_words, is_long, is_cut)`, read by the database as the texts were. `wanted` is `any_word`
 * without what is excluded, `lexemes` all that stand in it. A word that is joined of several is
 * found as a whole or by its parts side by side. Words that English texts are full of count where
 * the query has no others.
 *
 * The languages are those of the tenant's documents; `tenant` is the parameter that names it.
 */
export function wordsCte(query: KeywordQuery, tenant: string, parameters: SqlParameters): string {
  const terms = [
    ...query.clauses.flatMap((clause, index) =>
      clause.map(term => ({ ...term, clause: index, isExcluded: false })),
    ),
    ...query.excluded.map(term => ({ ...term, clause: query.clauses.length, isExcluded: true })),
  ].map((term, index) => ({ ...term, term: index }));
  return `
    read_words as materialized (
      select term.clause, term.term, term."isExcluded", term."isPhrase", read.word, read.place,
             read.is_whole, read.lexeme,
             ts_lexize('pg_catalog.english_stem', read.lexeme) = '{}' as is_stop,
             dense_rank() over (order by term.term, read.word) as number
        from jsonb_to_recordset(${parameters.add(JSON.stringify(terms), 'jsonb')}) as term(
               clause int, term int, "isExcluded" boolean, "isPhrase" boolean, text text),
             lateral weaver_question(term.text, weaver_languages(${tenant})) read
    ),
    word_places as (
      select number, place, is_whole, string_agg(distinct '''' || lexeme || '''', ' | ') as lexemes
        from read_words where number <= ${MAX_WORDS} group by number, place, is_whole
    ),
    word_queries as (
      select number, string_agg(lexemes, ' | ') filter (where is_whole) as whole,
             string_agg('(' || lexemes || ')', ' <-> ' order by place)
               filter (where not is_whole) as parts
        from word_places group by number
    ),
    word_terms as (
      select clause, term, "isExcluded", "isPhrase", number, whole, parts, is_stop
        from word_queries join (
          select number, clause, term, "isExcluded", "isPhrase", bool_and(is_stop) as is_stop
            from read_words group by 1, 2, 3, 4, 5
        ) word using (number)
    ),
    counted_words as (
      select * from word_terms
       where "isPhrase" or "isExcluded" or not is_stop or not exists (
         select from word_terms where not is_stop and not "isExcluded")
    ),
    term_queries as (
      select clause, "isExcluded",
             case when "isPhrase"
                  then string_agg('(' || coalesce(parts, whole) || ')', ' <-> ' order by number)
                  else string_agg('(' || whole || coalesce(' | (' || parts || ')', '') || ')',
                                  ' & ' order by number) end as all_of,
             case when "isPhrase"
                  then string_agg('(' || coalesce(parts, whole) || ')', ' <-> ' order by number)
                  else string_agg('(' || whole || coalesce(' | (' || parts || ')', '') || ')',
                                  ' | ' order by number) end as any_of
        from counted_words group by clause, term, "isExcluded", "isPhrase"
    ),
    clause_queries as (
      select "isExcluded", string_agg('(' || all_of || ')', ' | ') as all_of,
             string_agg('(' || any_of || ')', ' | ') as any_of
        from term_queries group by clause, "isExcluded"
    ),
    words as materialized (
      select case when excluded is null then all_wanted else all_wanted && excluded end
               as all_words,
             case when excluded is null then wanted else wanted && excluded end as any_word,
             wanted, excluded, lexemes, wanted is not null as has_words,
             words > ${MAX_ORDERED_WORDS} as is_long, is_cut
        from (
          select string_agg('(' || all_of || ')', ' & ') filter (where not "isExcluded")::tsquery
                   as all_wanted,
                 string_agg('(' || any_of || ')', ' | ') filter (where not "isExcluded")::tsquery
                   as wanted,
                 string_agg('!(' || all_of || ')', ' & ') filter (where "isExcluded")::tsquery
                   as excluded
            from clause_queries
        ) queries,
        (select count(*) as words from counted_words where not "isExcluded") counted,
        (select array_agg(distinct lexeme) as lexemes from read_words
          where number in (select number from counted_words where not "isExcluded")) found,
        (select coalesce(max(number), 0) > ${MAX_WORDS} as is_cut from read_words) size
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
 * The text of `doc_chunks t` and which of the wanted lexemes stand where in it, for `highlightOf`;
 * null where there is no match to show. Words beside the text have a label and are left out.
 */
export function foundWordsSql(): string {
  return `(
    select jsonb_build_object('text', t.text, 'found', coalesce((
             select jsonb_agg(jsonb_build_array(place, lexeme) order by place, lexeme)
               from unnest(t.search_vector) v(lexeme, positions, weights),
                    unnest(positions, weights) p(place, weight)
              where lexeme = any(lexemes) and weight = 'D'), '[]'))
      from words, match where kind is not null)`;
}

import type { SqlParameters } from '../graphql/sql-parameters.js';
import type { KeywordQuery } from './keyword-query.js';
import type { Highlights } from './highlight.js';

/** Of a long text the first words count. */
const MAX_WORDS = 100;

/**
 * The words of a query as the common table `words (all_words, any_word, wanted, excluded, lexemes,
 * is_cut)`, read by the database as the texts were. `wanted` is `any_word`
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
             wanted, excluded, lexemes, is_cut
        from (
          select string_agg('(' || all_of || ')', ' & ') filter (where not "isExcluded")::tsquery
                   as all_wanted,
                 string_agg('(' || any_of || ')', ' | ') filter (where not "isExcluded")::tsquery
                   as wanted,
                 string_agg('!(' || all_of || ')', ' & ') filter (where "isExcluded")::tsquery
                   as excluded
            from clause_queries
        ) queries,
        (select array_agg(distinct lexeme) as lexemes from read_words
          where number in (select number from counted_words where not "isExcluded")) found,
        (select coalesce(max(number), 0) > ${MAX_WORDS} as is_cut from read_words) size
    )`;
}

/** A word's label says whether it stands in a chunk's text or in its context. */
const IN_TEXT = 'D';
const IN_CONTEXT = 'C';

/**
 * The text of `doc_chunks t` and which of the wanted lexemes stand where in it, and the same of its
 * context where that is shown, for `highlightOf`; null where there is no match to show.
 */
export function foundWordsSql({ highlight, contextHighlight }: Highlights): string {
  if (!highlight && !contextHighlight) return 'null::jsonb';
  const context = contextHighlight
    ? `, 'context', jsonb_build_object('text', coalesce(t.context, ''),
         'found', ${placesSql(IN_CONTEXT, `place - ${LAST_PLACE_OF_TEXT}`)})`
    : '';
  return `(
    select jsonb_build_object('text', t.text, 'found', ${placesSql(IN_TEXT, 'place')}${context})
      from words where lexemes is not null)`;
}

/** The words of the context come after those of the text, and count on from the last of these. */
const LAST_PLACE_OF_TEXT = `(
             select coalesce(max(place_in_text), 0)
               from unnest(t.search_vector) v2(lexeme, positions, weights),
                    unnest(positions, weights) p2(place_in_text, weight)
              where weight = '${IN_TEXT}')`;

function placesSql(label: string, place: string): string {
  return `coalesce((
             select jsonb_agg(jsonb_build_array(${place}, lexeme) order by place, lexeme)
               from unnest(t.search_vector) v(lexeme, positions, weights),
                    unnest(positions, weights) p(place, weight)
              where lexeme = any(lexemes) and weight = '${label}'), '[]')`;
}

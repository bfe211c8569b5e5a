// oxlint-disable max-lines -- a migration that was applied stays as it is, in one file
import { Migration } from '@mikro-orm/migrations';

// Classes of characters as hexadecimal ranges, of Unicode 16 in its NFKC form. Written out, since
// what PostgreSQL takes for a letter depends on the database's locale and may be ASCII alone.

/** Neither letters, marks nor digits. */
const SEPARATORS =
  '80-bf d7 f7 2c2-2c5 2d2-2eb 2ed 2ef-2ff 375 3f6 482 55a-55f 589-58f 5be 5c0 5c3 5c6 5f3-60f ' +
  '61b-61f 66a-66d 6d4 6dd-6de 6e9 6fd-6fe 700-70f 7f6-7f9 7fe-7ff 830-83e 85e 888 890-891 8e2 ' +
  '964-965 970 9f2-9f3 9fa-9fb 9fd a76 af0-af1 b70 bf3-bfa c77 c7f c84 d4f d79 df4 e3f e4f ' +
  'e5a-e5b f01-f17 f1a-f1f f34 f36 f38 f3a-f3d f85 fbe-fc5 fc7-fda 104a-104f 109e-109f 10fb ' +
  '1360-1368 1390-1399 1400 166d-166e 1680 169b-169c 16eb-16ed 1735-1736 17d4-17d6 17d8-17db ' +
  '1800-180a 1940-1945 19de-19ff 1a1e-1a1f 1aa0-1aa6 1aa8-1aad 1b4e-1b4f 1b5a-1b6a 1b74-1b7f ' +
  '1bfc-1bff 1c3b-1c3f 1c7e-1c7f 1cc0-1cc7 1cd3 2010-20c1 2104-212e 213a-214d 214f 218a-2319 ' +
  '231c-23e8 23f4-23f7 23fb-244a 2500-25ff 27c0-2b1a 2b1d-2b4f 2b51-2b54 2b56-2bff 2ce5-2cea ' +
  '2cf9-2cfc 2cfe-2cff 2d70 2e00-2e2e 2e30-3004 3008-3020 3030 3037 303d-303f 30a0 30fb ' +
  '3190-3191 31c0-31ef 327f 4dc0-4dff a490-a4c6 a4fe-a4ff a60d-a60f a673 a67e a6f2-a716 ' +
  'a720-a721 a789-a78a a828-a82b a836-a839 a874-a877 a8ce-a8cf a8f8-a8fa a8fc a92e-a92f a95f ' +
  'a9c1-a9cd a9de-a9df aa5c-aa5f aa77-aa79 aade-aadf aaf0-aaf1 ab5b ab6a-ab6b abeb e000-f8ff ' +
  'fbb2-fdff fe45-fe46 fff9-fffd 10100-10102 10137-1013f 10179-10189 1018c-101fc 1039f 103d0 ' +
  '1056f 10857 10877-10878 1091f 1093f 10a50-10a58 10a7f 10ac8 10af0-10af6 10b39-10b3f ' +
  '10b99-10b9c 11047-1104d 110bb-110c1 11140-11143 111c5-111c8 12470-12474 1d000-1d241 ' +
  '1d300-1d356 1d800-1d9ff 1fb00-1fbfa';
/** Pictures, of which each is a word. */
const PICTURES = '231a-231b 23e9-23f3 23f8-23fa 2600-27bf 2b1b-2b1c 2b50 2b55 1f000-1faff';
/** Scripts without spaces: Han, Hiragana, Katakana, Thai, Lao, Khmer and Burmese. */
const UNSPACED =
  '3005-3007 3021-3029 3038-303b 3041-3096 309d-309f 30a1-30fa 30fc-30ff 31f0-31ff 3400-4dbf ' +
  '4e00-9fff f900-faff 20000-3ffff e01-e3a e40-e4e e80-ecf edc-eff 1780-17d3 17dc-17dd ' +
  '1000-103f 1050-109d a9e0-a9ef aa60-aa76 aa7a-aa7f';
/** Characters that show nothing, the Arabic tatweel, and the signs about a tone of skin. */
const INVISIBLE =
  'ad 34f 61c 640 115f-1160 17b4-17b5 180b-180f 200b-200f 202a-202e 2060-206f 3164 fe00-fe0f ' +
  'feff ffa0 fff0-fff8 1bca0-1bca3 1d173-1d17a 1f3fb-1f3ff e0000-e0fff';
/** Marks above, below or in a letter, of European scripts, Arabic and Hebrew. */
const MARKS =
  '300-36f 483-487 591-5bd 5bf 5c1-5c2 5c4-5c5 5c7 610-61a 64b-65f 670 6d6-6dc 6df-6e4 6e7-6e8 ' +
  '6ea-6ed 1ab0-1aff 1dc0-1dff 20d0-20ff fe20-fe2f';
/** Letters beyond ASCII that stand beside digits and at ends of lines. */
const LETTERS = 'c0-d6 d8-f6 f8-24f 370-5ff 620-64a 671-6d3 900-dff 10a0-10ff 1e00-1fff ac00-d7a3';

/** As it stands in a bracket expression. */
function bracket(ranges: string): string {
  const escape = (code: string): string =>
    code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`;
  return ranges
    .split(' ')
    .map(range => range.split('-').map(escape).join('-'))
    .join('');
}

// Stand for what is set apart within a word: a change of case or from letters to digits, and a
// hyphen at the end of a line. Then the signs that belong to names: + # . & of C++, C#, .NET, AT&T.
const [BORDER, LINE_HYPHEN, PLUS, SHARP, DOT, AND] = [1, 2, 3, 4, 5, 6].map(
  code => `\\u000${code}`,
) as [string, string, string, string, string, string];

/** As they stand in a bracket expression; control characters are separators too. */
const ASCII_SEPARATORS = `\\u0008-\\u001f !"$%()*,;<=>?\\[\\]^\`{|}~''\\u007f`;

/** What joins the parts of a word, the loosest first. */
const JOINERS = ['/@:#', '.', `_\\-${LINE_HYPHEN}`, `${BORDER}${AND}`];
const ANY_JOINER = `./@:#_\\-${LINE_HYPHEN}${BORDER}`;
const LETTER = `A-Za-z${bracket(LETTERS)}`;

const LANGUAGES: Record<string, string> = {
  ar: 'arabic',
  ca: 'catalan',
  da: 'danish',
  de: 'german',
  el: 'greek',
  en: 'english',
  es: 'spanish',
  eu: 'basque',
  fi: 'finnish',
  fr: 'french',
  ga: 'irish',
  hi: 'hindi',
  hu: 'hungarian',
  hy: 'armenian',
  id: 'indonesian',
  it: 'italian',
  lt: 'lithuanian',
  ne: 'nepali',
  nl: 'dutch',
  no: 'norwegian',
  pt: 'portuguese',
  ro: 'romanian',
  ru: 'russian',
  sr: 'serbian',
  sv: 'swedish',
  ta: 'tamil',
  tr: 'turkish',
  yi: 'yiddish',
};

const STEMMER = `case code ${Object.entries(LANGUAGES)
  .map(([code, name]) => `when '${code}' then 'pg_catalog.${name}_stem'::regdictionary`)
  .join(' ')} end`;

/** Stands after a character of a script without spaces that another one follows. */
const NEIGHBOR = '\\u0007';
const IN_WORD = `${ANY_JOINER}${AND}`;

/** Statements that put the variable `t` into its read form: words between single spaces. */
const PREPARE = `
    if t ~ '[\\u0001-\\u0007]' then
      t := translate(t, E'\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007', '       ');
    end if;
    if octet_length(t) > char_length(t) then
      if t ~ '[${bracket(INVISIBLE)}]' then
        t := regexp_replace(t, '\\u00ad[ \\t]*\\r?\\n', E'-\\n', 'g');
        t := regexp_replace(t, '[${bracket(INVISIBLE)}]+', '', 'g');
      end if;
      if t is not nfkc normalized then t := normalize(t, NFKC); end if;
      if t ~ '[\\u2010\\u2011]' then
        t := replace(replace(t, E'\\u2010', '-'), E'\\u2011', '-');
      end if;
    end if;
    if t ~ '-[ \\t]*\\r?\\n' then
      t := regexp_replace(t, '([${LETTER}])-[ \\t]*\\r?\\n[ \\t]*(?=[a-z${bracket(LETTERS)}])',
        E'\\\\1${LINE_HYPHEN}', 'g');
    end if;
    if t ~ '[a-z][A-Z]|[A-Z][A-Z][a-z][a-z]' then
      t := regexp_replace(t, '([a-z])([A-Z])', E'\\\\1${BORDER}\\\\2', 'g');
      t := regexp_replace(t, '([A-Z])([A-Z][a-z][a-z])', E'\\\\1${BORDER}\\\\2', 'g');
    end if;
    if t ~ '[0-9][${LETTER}]|[${LETTER}][0-9]' then
      t := regexp_replace(t,
        '(^|[^0-9${LETTER}])([0-9]+)([${LETTER}]+)([0-9]*)(?![0-9${LETTER}])',
        E'\\\\1\\\\2${BORDER}\\\\3${BORDER}\\\\4', 'g');
      t := regexp_replace(t,
        '(^|[^0-9${LETTER}])([${LETTER}]+)([0-9]+)([${LETTER}]*)(?![0-9${LETTER}])',
        E'\\\\1\\\\2${BORDER}\\\\3${BORDER}\\\\4', 'g');
      t := regexp_replace(t, '${BORDER}(?![0-9${LETTER}])', '', 'g');
    end if;
    t := public.weaver_fold(t);
    is_ascii := octet_length(t) = char_length(t);
    t := regexp_replace(t, '[${ASCII_SEPARATORS}]+', ' ', 'g');
    t := replace(t, E'\\\\', '/');
    if not is_ascii then
      t := regexp_replace(t, '[${bracket(SEPARATORS)}]+', ' ', 'g');
      if t ~ '[${bracket(PICTURES)}]' then
        t := regexp_replace(t, '([${bracket(PICTURES)}])', ' \\1 ', 'g');
      end if;
      is_unspaced := t ~ '[${bracket(UNSPACED)}]';
      if is_unspaced then
        t := regexp_replace(t, '([${bracket(UNSPACED)}]+)', ' \\1 ', 'g');
      end if;
    end if;
    t := ' ' || t || ' ';
    has_names := t ~ '[+&]|[a-z]#| \\.net ';
    if has_names then
      t := regexp_replace(t, '([a-z])\\+\\+(?![+])', E'\\\\1${PLUS}${PLUS}', 'g');
      t := regexp_replace(t, '${PLUS}([a-z0-9])', E'${PLUS}${BORDER}\\\\1', 'g');
      t := regexp_replace(t, '([^a-z0-9])([a-z])#(?![a-z0-9])', E'\\\\1\\\\2${SHARP}', 'g');
      t := regexp_replace(t, '([^a-z0-9])([a-z]{1,3})&([a-z]{1,3})(?![a-z0-9&=])',
        E'\\\\1\\\\2${AND}\\\\3', 'g');
      t := regexp_replace(t, ' \\.net(?= )', E' ${DOT}net', 'g');
      t := translate(t, '+&', '  ');
    end if;
    if t ~ '[-./@:#_]{2}' then
      t := replace(regexp_replace(t, ':(//?|:)', ':', 'g'), '__', '_');
      t := regexp_replace(t, '[-./@:#_]{2,}', ' ', 'g');
    end if;
    t := btrim(regexp_replace(t, '[${ANY_JOINER}]* +[${ANY_JOINER} ]*', ' ', 'g'), ' ');`;

/** How the signs that belong to names are written. */
const named = (piece: string): string =>
  `translate(${piece}, E'${PLUS}${SHARP}${DOT}${AND}${BORDER}${LINE_HYPHEN}', '+#.&')`;

/** A joined word as a whole, and those parts of it that are joined themselves. */
const READ_PARTS = `create function weaver_read_parts(word text, plain_word text, place int)
  returns table (part_place int, is_whole boolean, part text, plain text)
  language plpgsql immutable parallel safe rows 3 as $function$
  declare
    pieces text[];
    plains text[];
    size int;
  begin
    for level in 0 .. 3 loop
      is_whole := level = 0;
      part_place := place;
      case level
        when 0 then
          pieces := array[word];
          plains := array[plain_word];
${[1, 2, 3]
  .map(level => {
    const joiners = JOINERS.slice(0, level).join('');
    return `        when ${level} then
          continue when word !~ '[${JOINERS[level - 1]!}]';
          pieces := regexp_split_to_array(word, '[${joiners}]');
          plains := regexp_split_to_array(plain_word, '[${joiners}]');`;
  })
  .join('\n')}
      end case;
      for i in 1 .. array_length(pieces, 1) loop
        size := char_length(pieces[i]) - char_length(translate(pieces[i], E'${IN_WORD}', '')) + 1;
        if size > 1 then
          part := left(${named('pieces[i]')}, 200);
          plain := left(${named('plains[i]')}, 200);
          return next;
        end if;
        part_place := part_place + size;
      end loop;
    end loop;
  end $function$`;

/**
 * The reading of words: one row for each place of a text, and one more for each joined word that
 * begins there and for each pair of neighbours. `place` counts the words and the parts of words;
 * `is_whole` tells what the word is from what its parts are. Lexemes may be null or come twice.
 * Without a language English; several stand between spaces; of one without a stemmer words are
 * taken as written.
 *
 * Beside its stem a word is kept as it is written where the two differ by three letters or more, or
 * where it has accents: all words twice would make the index 1.8 times as large as one of stems.
 */
const READ_WORDS =
  `create function weaver_read_words(text, language text default null)
  returns table (word int, place int, is_whole boolean, lexemes text[])
  language plpgsql immutable parallel safe rows 200 set plan_cache_mode = force_generic_plan
  as $function$
  #variable_conflict use_column
  declare
    t text collate "C" := $1;
    p text collate "C";
    stemmers regdictionary[] := case when language is null
      then array['pg_catalog.english_stem'::regdictionary]
      else array(select stemmer from (select ${STEMMER} as stemmer
                   from string_to_table(language, ' ') code) s where stemmer is not null) end;
    stems int := cardinality(stemmers);
    is_as_written boolean := stems < cardinality(string_to_array(language, ' '));
    is_ascii boolean;
    is_unspaced boolean := false;
    has_names boolean;
  begin${PREPARE}
    if t = '' then return; end if;
    t := regexp_replace(t, '([${IN_WORD}])', '\\1 ', 'g');
    if is_unspaced then
      t := regexp_replace(t, '([${bracket(UNSPACED)}])(?=[${bracket(UNSPACED)}])',
        E'\\\\1${NEIGHBOR} ', 'g');
    end if;
    if not is_ascii and t ~ '[^\\u0001-\\u007f\\u3000-\\ud7ff]' then
      p := translate(replace(replace(normalize(regexp_replace(replace(
        normalize(t, NFD), E'\\u0438\\u0306', E'\\u0439'),
        '[${bracket(MARKS)}]+', '', 'g'), NFC), 'æ', 'ae'), 'œ', 'oe'), 'đðħłøŧ', 'ddhlot');
    end if;
    if has_names then p := replace(coalesce(p, t), E'${DOT}', ''); end if;
    if p = t then p := null; end if;
    return query
    with atoms as materialized (
      select *, (1 + count(*) filter (where not is_joined) over before)::int as word,
             has_next or coalesce(lag(has_next) over (order by place), false) as is_part
        from (
          select raw, raw_plain, place::int, rtrim(raw, E'${IN_WORD}') <> raw as is_joined,
                 rtrim(raw, E'${IN_WORD}${NEIGHBOR}') <> raw as has_next,
                 left(case when has_names then ${named(`rtrim(raw, E'${IN_WORD}${NEIGHBOR}')`)}
                      else rtrim(raw, E'${IN_WORD}${NEIGHBOR}') end, 200) as piece,
                 left(case when has_names ` +
  `then ` +
  `${named(`rtrim(raw_plain, E'${IN_WORD}${NEIGHBOR}')`)}
                      else rtrim(raw_plain, E'${IN_WORD}${NEIGHBOR}') end, 200) as plain
            from unnest(string_to_array(t, ' '), string_to_array(p, ' ')) with ordinality
                   as r(raw, raw_plain, place)
        ) r
      window before as (order by place rows between unbounded preceding and 1 preceding)
    ), pieces as materialized (
      select *, (ts_lexize(stemmers[1], piece))[1] as stem
        from (
          select word, place, not is_part as is_whole, piece, plain from atoms
           union all
          select word, part_place, is_whole, part, plain
            from (select word, string_agg(raw, '' order by place) as joined,
                         string_agg(raw_plain, '' order by place) as plain_joined,
                         min(place) as first_place
                    from atoms where is_part group by word having count(*) > 1) j,
                 public.weaver_read_parts(joined, plain_joined, first_place)
        ) p
    )
    select word, place, is_whole,
           array[
             case when stem is null or is_as_written or char_length(stem) < char_length(piece) - 2
                    or plain <> piece or piece ~ '[-./@:#_]' then piece end,
             stem,
             case when plain <> piece then nullif(plain, '') end,
             case when plain <> piece then (ts_lexize(stemmers[1], plain))[1] end]
           || case when stems > 1 then array(
                select form from unnest(stemmers[2:]) stemmer, unnest(array[piece, plain]) form,
                  lateral (select (ts_lexize(stemmer, form))[1]) s(stem)
                 where stem is null or char_length(stem) < char_length(form) - 2
                 union all
                select (ts_lexize(stemmer, form))[1]
                  from unnest(stemmers[2:]) stemmer, unnest(array[piece, plain]) form) end
           || case when not is_ascii and piece ~ '[\\uac00-\\ud7a3]{2}' then array(
                select substr(piece, i, 2) from generate_series(1, char_length(piece) - 1) i) end
      from pieces
     union all
    select word, place, true, array[piece || next_piece]
      from (select word, place, piece, raw, lead(piece) over (order by place) as next_piece
              from atoms where is_unspaced) pairs
     where right(raw, 1) = E'${NEIGHBOR}';
  end $function$`;

/** A row for each lexeme of a text, at each of its places. */
const WORDS = `create function weaver_words(text, language text default null) returns tsvector
  language sql immutable parallel safe as $function$
    select coalesce(string_agg('''' || array_to_string(lexemes, ''':' || place || ' ''') ||
             ''':' || place, ' '), '')::pg_catalog.tsvector
      from public.weaver_read_words($1, $2)
  $function$`;

/**
 * The lexemes of a question by its words: as `weaver_words` has them, and each as it is written,
 * as of a language without a stemmer. Of a run of characters without spaces its pairs.
 */
const QUESTION = `create function weaver_question(text, language text default null)
  returns table (word int, lexeme text, place int, is_whole boolean)
  language sql immutable parallel safe rows 20 as $function$
    select distinct r.word, l.lexeme, r.place, r.is_whole
      from public.weaver_read_words($1, coalesce($2, 'en') || ' xx') r,
           unnest(r.lexemes) l(lexeme)
     where l.lexeme is not null and (r.is_whole or l.lexeme !~ '^[${bracket(UNSPACED)}]$')
  $function$`;

// A document's own language, or its bot's; none: English. What the embedding is made from beside
// the text (file name, headings) counts as words too, and keeps a label by which it is told apart.
const WORDS_OF_CHUNK = `create function weaver_words_of_chunk() returns trigger language plpgsql
  as $function$
  declare
    language text;
  begin
    select coalesce(d.language, b.language) into language
      from public.docs d join public.bots b on b.tenant_id = d.tenant_id and b.id = d.bot_id
     where d.tenant_id = new.tenant_id and d.id = new.doc_id;
    new.search_vector := public.weaver_words(new.text, language);
    if new.context is not null then
      new.search_vector := new.search_vector ||
        setweight(public.weaver_words(new.context, language), 'C');
    end if;
    return new;
  end $function$`;

// The trigger on chunks makes the words, whatever is written.
const WORDS_OF_DOCUMENT = `create function weaver_words_of_document() returns trigger
  language plpgsql as $function$
  begin
    update public.doc_chunks set search_vector = null
     where tenant_id = new.tenant_id and doc_id = new.id;
    return null;
  end $function$`;
const WORDS_OF_BOT = `create function weaver_words_of_bot() returns trigger language plpgsql
  as $function$
  begin
    update public.doc_chunks c set search_vector = null from public.docs d
     where d.tenant_id = new.tenant_id and d.bot_id = new.id and d.language is null
       and c.tenant_id = d.tenant_id and c.doc_id = d.id;
    return null;
  end $function$`;

/** The languages that a tenant's documents are in, as `weaver_question` takes them. */
const LANGUAGES_OF_TENANT = `create function weaver_languages(tenant uuid) returns text
  language sql stable parallel safe as $function$
    with recursive languages (language) as (
      (select language from public.docs
        where tenant_id = $1 and language is not null order by language limit 1)
       union all
      select (select d.language from public.docs d
               where d.tenant_id = $1 and d.language > l.language order by d.language limit 1)
        from languages l where l.language is not null
    )
    select string_agg(distinct language, ' ')
      from (select language from languages where language is not null
             union all
            select coalesce(language, 'en') from public.bots where tenant_id = $1) found
  $function$`;

/**
 * Reads the words of all chunks anew, in the order of their ids, as after this migration. Each
 * batch is committed with the id of its last chunk in the procedure's own comment, so that a run
 * which was broken off goes on from there; with `in_transaction`, the caller's, nothing is
 * committed. Meanwhile the owner of the tables, whom row-level security holds as well, may see the
 * rows that are read: a chunk's words depend on its document and its bot.
 */
const MAKE_WORDS_ANEW =
  'create procedure weaver_make_words_anew(in_transaction boolean default false) ' +
  `language plpgsql as $procedure$
  declare
    itself constant regprocedure := 'public.weaver_make_words_anew(boolean)'::regprocedure;
    progress text := obj_description(itself, 'pg_proc');
    last_id uuid := coalesce(split_part(progress, ' ', 1),
      '00000000-0000-0000-0000-000000000000')::uuid;
    done bigint := coalesce(split_part(progress, ' ', 2), '0')::bigint;
    batch uuid[];
    name text;
  begin
    foreach name in array '{doc_chunks,docs,bots}'::text[] loop
      if row_security_active('public.' || name) then
        execute format('drop policy if exists words_made_anew on public.%I', name);
        execute format('create policy words_made_anew on public.%I to %I using (true)', name,
          current_user);
      end if;
    end loop;
    loop
      select array_agg(id order by id) into batch
        from (select id from public.doc_chunks where id > last_id order by id limit 200) next;
      exit when batch is null;
      update public.doc_chunks set search_vector = null where id = any(batch);
      last_id := batch[cardinality(batch)];
      done := done + cardinality(batch);
      if not in_transaction then
        execute format('comment on procedure %s is %L', itself, last_id || ' ' || done);
        commit;
      end if;
      if done % 2000 < cardinality(batch) then
        raise notice 'The words of % chunks were made anew.', done;
      end if;
    end loop;
    execute format('comment on procedure %s is null', itself);
    for name in select polrelid::regclass::text from pg_policy where polname = 'words_made_anew'
    loop
      execute format('drop policy words_made_anew on %s', name);
    end loop;
  end $procedure$`;

const KNOWN = `check (language ~ '^[a-z]{2}$') not valid`;

/**
 * The database reads the words of a text, for the index and for questions alike, and the same on
 * every server. `search_vector` keeps its name and, until a later migration has come by, the words
 * that PostgreSQL's own parser found: their stems are the same, so searches go on.
 */
export class Migration20261201200000_words extends Migration {
  override name = 'Migration20261201200000_words';

  override up(): void {
    for (const sql of [
      READ_PARTS,
      READ_WORDS,
      WORDS,
      QUESTION,
      'alter table bots add column language varchar(2)',
      `alter table bots add constraint bots_language_is_code ${KNOWN}`,
      'alter table docs add column language varchar(2)',
      `alter table docs add constraint docs_language_is_code ${KNOWN}`,
      'alter table doc_chunks add column context text',
      'alter table doc_chunks alter column search_vector drop expression',
      // The trigger writes it anew, whatever it is given.
      'grant update (search_vector) on doc_chunks to weaver_tenant, weaver_operator',
      WORDS_OF_CHUNK,
      WORDS_OF_DOCUMENT,
      WORDS_OF_BOT,
      LANGUAGES_OF_TENANT,
      'create trigger doc_chunks_words before insert or update of text, context, doc_id, ' +
        'search_vector on doc_chunks for each row execute function weaver_words_of_chunk()',
      'create trigger docs_words after update of language on docs for each row ' +
        'when (old.language is distinct from new.language) ' +
        'execute function weaver_words_of_document()',
      'create trigger bots_words after update of language on bots for each row ' +
        'when (old.language is distinct from new.language) ' +
        'execute function weaver_words_of_bot()',
      MAKE_WORDS_ANEW,
    ])
      this.addSql(sql);
  }

  /** Makes the words as they were, which writes the table anew and keeps others waiting. */
  override down(): void {
    for (const sql of [
      // Of a run that was broken off.
      ...['doc_chunks', 'docs', 'bots'].map(
        table => `drop policy if exists words_made_anew on ${table}`,
      ),
      'drop procedure weaver_make_words_anew(boolean)',
      'drop trigger bots_words on bots',
      'drop trigger docs_words on docs',
      'drop trigger doc_chunks_words on doc_chunks',
      'drop function weaver_languages(uuid)',
      'drop function weaver_words_of_bot()',
      'drop function weaver_words_of_document()',
      'drop function weaver_words_of_chunk()',
      'revoke update (search_vector) on doc_chunks from weaver_tenant, weaver_operator',
      'alter table doc_chunks drop column search_vector',
      'alter table doc_chunks drop column context',
      'alter table doc_chunks add column search_vector tsvector ' +
        `generated always as (to_tsvector('english'::regconfig, text)) stored`,
      'create index doc_chunks_words on doc_chunks using gin (tenant_id, search_vector)',
      'alter table docs drop column language',
      'alter table bots drop column language',
      'drop function weaver_question(text, text)',
      'drop function weaver_words(text, text)',
      'drop function weaver_read_words(text, text)',
      'drop function weaver_read_parts(text, text, int)',
    ])
      this.addSql(sql);
  }
}

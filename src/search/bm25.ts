// oxlint-disable max-lines -- the score as SQL and as numbers, which must agree
import type { SqlParameters } from '../graphql/sql-parameters.js';
import type { Question } from './question.js';
import type { QuestionFrequencies } from './word-frequencies.js';

/**
 * The constants of BM25 (Robertson and Zaragoza, "The probabilistic relevance framework", 2009): by
 * how much a word's repetitions count, and the length of the chunk.
 */
const K1 = 2;
const B = 0.75;

/**
 * What a chunk gains, of the weight of all words together, by having all of them, and by having
 * them next to each other: enough to decide between chunks that are about as good.
 */
export const ALL_WORDS_PART = 0.1;
export const CLOSENESS_PART = 0.1;

/** From more words on, looking at where they stand takes too long. */
const MAX_ORDERED_WORDS = 16;

/**
 * Chunks that are scored exactly, of those that have the words: the best by the rarity of the words
 * that they have and by their length. Pages beyond go on with the next.
 */
export const BLOCK = 400;

/**
 * Chunks to look up by a word each, at most, the rarest words first. Words beyond are so common
 * that they only add to the score of what the others found.
 */
const MAX_LOOKED_UP = 50_000;

/** Rarities as whole numbers, whose sum does not depend on the order of adding. */
const SCALE = 1_000_000;

interface ScoredLexeme {
  readonly lexeme: string;
  readonly frequency: number;
  readonly idf: number;
}

interface ScoredWord {
  readonly lexemes: readonly ScoredLexeme[];
  readonly query: string;
  /** That of its commonest lexeme; of a joined word that of its rarest part. */
  readonly idf: number;
  /** Whether chunks are looked up by it. */
  readonly isLeading: boolean;
}

/** The words of a question with their weights in one tenant. */
export interface Bm25 {
  readonly question: Question;
  readonly counted: QuestionFrequencies;
  readonly words: readonly ScoredWord[];
  /** The sum of the words' weights: about what a chunk gets that has each of them once. */
  readonly total: number;
}

/** In how few chunks a lexeme stands: 0 and more. */
function idfOf(chunks: number, frequency: number): number {
  const all = Math.max(chunks, frequency);
  return Math.log(1 + (all - frequency + 0.5) / (frequency + 0.5));
}

export function bm25Of(question: Question, counted: QuestionFrequencies): Bm25 {
  let next = 0;
  const words = question.words.map(({ lexemes, query, parts }) => {
    const scored = lexemes.map(lexeme => {
      const frequency = counted.frequencies[next++]!;
      return { lexeme, frequency, idf: idfOf(counted.chunks, frequency) };
    });
    const idfs = new Map(scored.map(({ lexeme, idf }) => [lexeme, idf]));
    const commonest = (of: readonly string[]): number =>
      Math.min(...of.map(lexeme => idfs.get(lexeme)!));
    const idf = parts.length > 0 ? Math.max(...parts.map(commonest)) : commonest(lexemes);
    return { lexemes: scored, query, idf };
  });
  const rarestFirst = words.toSorted((a, b) => b.idf - a.idf);
  const leading = new Set<object>();
  let lookedUp = 0;
  for (const word of rarestFirst) {
    lookedUp += Math.max(...word.lexemes.map(({ frequency }) => frequency));
    if (lookedUp > MAX_LOOKED_UP && leading.size > 0) break;
    leading.add(word);
  }
  return {
    question,
    counted,
    words: words.map(word => ({ ...word, isLeading: leading.has(word) })),
    total: words.reduce(
      (sum, { lexemes, idf }) => sum + (lexemes.some(({ frequency }) => frequency > 0) ? idf : 0),
      0,
    ),
  };
}

/** Where a block begins (after) and ends (with): a chunk's key and its id. */
export interface BlockEdge {
  readonly key: number;
  readonly id: string;
}
export interface Block {
  readonly from: BlockEdge | null;
  /** Null: with the 400th, or with the last of all if a page of the block was read before. */
  readonly to: BlockEdge | null;
}
export const FIRST_BLOCK: Block = { from: null, to: null };

/** How far down a search looks for chunks. */
export interface Reach {
  /** Where the block begins. */
  readonly from: BlockEdge | null;
  /** Whether all chunks are looked for, whatever it costs. */
  readonly isAll: boolean;
}
const FIRST_REACH: Reach = { from: null, isAll: false };

/**
 * Common tables: `words (all_words, any_word, lexemes)`, `asked_words` and `asked_lexemes` are what
 * is looked for, `matched (id, key)` the chunks that have a word: all, where `isAllMatchedSql`.
 * `conditions` on `doc_chunks t` have the tenant among them.
 */
export function matchedSql(
  bm25: Bm25,
  conditions: string,
  parameters: SqlParameters,
  reach: Reach = FIRST_REACH,
): string[] {
  const operators = bm25.question.hasOperators
    ? ' and t.search_vector @@ (select any_word from words)'
    : '';
  return [
    ...askedCtes(bm25, parameters),
    ...matchedCtes(bm25, `${conditions}${operators}`, parameters, reach),
  ];
}

/** Whether `matched` has the chunks too that have only words by which none is looked up. */
export function isAllMatchedSql(bm25: Bm25, reach: Reach, parameters: SqlParameters): string {
  if (reach.isAll || isLedByAll(bm25)) return 'true';
  const left = edgesSql({ from: reach.from, to: null }, parameters);
  return `(select count(*) from led ${left}) < ${BLOCK}`;
}

function isLedByAll({ words }: Bm25): boolean {
  return words.every(({ isLeading }) => isLeading);
}

/**
 * Common tables over those of `matchedSql`: `block (id, key)` are the chunks of a block, `limit` at
 * most or all, and `scored (id, key, score, has_all)` the same with their scores.
 */
export function scoredSql(
  bm25: Bm25,
  tenant: string,
  block: Block,
  limit: number | null,
  parameters: SqlParameters,
): string[] {
  const size = limit === null ? 'null' : parameters.add(limit, 'int');
  return [
    `block as materialized (
      select id, key from matched ${edgesSql(block, parameters)}
       order by key desc, id limit ${size}
    )`,
    `scored as materialized (
      select block.id, block.key, scores.*
        from block
       cross join lateral (
         select t.search_vector, t.text from doc_chunks t
          where t.tenant_id = ${tenant} and t.id = block.id limit 1
       ) t
       cross join lateral (${scoreSql(bm25, parameters)}) scores
    )`,
  ];
}

function askedCtes({ words, question }: Bm25, parameters: SqlParameters): string[] {
  const lexemes = words.flatMap((word, index) =>
    word.lexemes.map(({ lexeme, idf }) => ({ index, lexeme, idf })),
  );
  const add = (values: readonly unknown[], type: string): string =>
    parameters.add(values, `${type}[]`);
  const { allWords, anyWord } = question;
  return [
    `words as materialized (
      select ${parameters.add(allWords, 'tsquery')} as all_words,
             ${parameters.add(anyWord, 'tsquery')} as any_word,
             ${parameters.add(
               lexemes.map(({ lexeme }) => lexeme),
               'text[]',
             )} as lexemes
    )`,
    `asked_words as materialized (
      select query::tsquery as query, weight, is_leading
        from unnest(
          ${add(
            words.map(({ query }) => query),
            'text',
          )},
          ${add(
            words.map(({ idf }) => Math.round(idf * SCALE)),
            'int',
          )},
          ${add(
            words.map(({ isLeading }) => isLeading),
            'bool',
          )}
        ) asked(query, weight, is_leading)
    )`,
    `asked_lexemes as materialized (
      select * from unnest(
          ${add(
            lexemes.map(({ index }) => index),
            'int',
          )},
          ${add(
            lexemes.map(({ lexeme }) => lexeme),
            'text',
          )},
          ${add(
            lexemes.map(({ idf }) => idf),
            'float8',
          )}
        ) asked(word, lexeme, idf)
    )`,
  ];
}

/**
 * Each word is looked up by itself in the index, so that no text's words are read to know which of
 * them it has. Where not all words lead, what has only the others comes last, and is looked for
 * only where there is too little of the rest.
 */
function matchedCtes(
  bm25: Bm25,
  conditions: string,
  parameters: SqlParameters,
  reach: Reach,
): string[] {
  const leading = `
      select id, sum(weight) * ${lengthSql('min(bytes)', '1', bm25, parameters)} as key
        from (
          select hit.id, hit.bytes, asked.weight
            from asked_words asked
           cross join lateral (
             select t.id, octet_length(t.text) as bytes from doc_chunks t
              where ${conditions} and t.search_vector @@ asked.query offset 0
           ) hit
           where asked.is_leading
        ) hits
       group by id`;
  if (isLedByAll(bm25)) return [`matched as materialized (${leading})`];
  return [
    `led as materialized (${leading})`,
    `matched as materialized (
      select id, key from led
       union all
      select t.id, -octet_length(t.text)::float8 from doc_chunks t
       where ${conditions} and t.search_vector @@ (
               select string_agg(query::text, ' | ')::tsquery from asked_words
              where not is_leading)
         and ${isAllMatchedSql(bm25, reach, parameters)}
         and not exists (select from led where led.id = t.id)
    )`,
  ];
}

/** By how much a word counts that comes `count` times in a text of so many bytes. */
function lengthSql(bytes: string, count: string, bm25: Bm25, parameters: SqlParameters): string {
  const mean = parameters.add(Math.max(1, bm25.counted.meanLength), 'float8');
  return (
    `${count} * ${K1 + 1}::float8 / ` +
    `(${count} + ${K1}::float8 * (${1 - B}::float8 + ${B}::float8 * ${bytes} / ${mean}))`
  );
}

/** The same, as a number. */
export function wordPart({ counted }: Bm25, idf: number, count: number, length: number): number {
  const mean = Math.max(1, counted.meanLength);
  return (idf * count * (K1 + 1)) / (count + K1 * (1 - B + (B * length) / mean));
}

/** A select of the `key` by which `matched` puts a chunk, whether it is among them or not. */
export function keySql(bm25: Bm25, tenant: string, id: string, parameters: SqlParameters): string {
  const length = lengthSql('octet_length(t.text)', '1', bm25, parameters);
  return `
         select coalesce((select sum(weight) from asked_words asked
                           where is_leading and t.search_vector @@ asked.query) * ${length},
                         -octet_length(t.text)::float8) as key
           from doc_chunks t where t.tenant_id = ${tenant} and t.id = ${id}`;
}

/**
 * A select of `score, has_all` of `t`, which has `search_vector` and `text`; `score` is null where
 * it has no word. Reads each word of the text: for a few hundred chunks.
 */
export function scoreSql(bm25: Bm25, parameters: SqlParameters): string {
  const all = 't.search_vector @@ (select all_words from words)';
  const total = parameters.add(bm25.total, 'float8');
  const closeness = isOrdered(bm25) ? `+ ${CLOSENESS_PART}::float8 * ${closenessSql()}` : '';
  const together =
    bm25.words.length > 1
      ? ` + ${total} * (case when ${all} then ${ALL_WORDS_PART}::float8 else 0 end ${closeness})`
      : ` + 0 * ${total}`;
  return `
         select sum(best order by word)${together} as score, ${all} as has_all
           from (
             select asked.word, max(asked.idf * ${lengthSql(
               'octet_length(t.text)',
               'found.count',
               bm25,
               parameters,
             )}) as best
               from (select lexeme, coalesce(cardinality(positions), 1) as count
                       from unnest(t.search_vector)) found
               join asked_lexemes asked on asked.lexeme = found.lexeme
              group by asked.word
           ) by_word`;
}

export function isOrdered({ words }: Bm25): boolean {
  return words.length > 1 && words.length <= MAX_ORDERED_WORDS;
}

/** 1 where all words stand side by side somewhere in `t`, less the further apart, else 0. */
export function closenessSql(): string {
  return `least(1, ts_rank_cd('{1,1,1,1}', t.search_vector, (select all_words from words)))`;
}

/** A place within a block's edges, as a `where`. */
export function edgesSql({ from, to }: Block, parameters: SqlParameters): string {
  const conditions: string[] = [];
  if (from) {
    const [key, id] = [parameters.add(from.key, 'float8'), parameters.add(from.id, 'uuid')];
    conditions.push(`(key < ${key} or (key = ${key} and id > ${id}))`);
  }
  if (to) {
    const [key, id] = [parameters.add(to.key, 'float8'), parameters.add(to.id, 'uuid')];
    conditions.push(`(key > ${key} or (key = ${key} and id <= ${id}))`);
  }
  return conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
}

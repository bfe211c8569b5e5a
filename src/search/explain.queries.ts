import type { OperationReads } from '../db/operation-reads.js';
import { statement } from '../db/statement.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import {
  ALL_WORDS_PART,
  BLOCK,
  CLOSENESS_PART,
  closenessSql,
  isOrdered,
  keySql,
  matchedSql,
  scoreSql,
  wordPart,
  type Bm25,
} from './bm25.js';
import type { Search } from './check-search.js';
import type { KeywordExplanation } from './explain.types.js';
import type { QueryVector } from './query-vector.js';
import { SearchMode } from './search.types.js';
import { filterConditions, searchFilterSql } from './search-filter.js';

/** What is true of one chunk, whatever a search made of it. */
export interface ChunkFacts {
  readonly failedFilters: readonly string[];
  readonly similarity: number | null;
  readonly vectorRank: number | null;
  readonly keywordScore: number | null;
  readonly keywordRank: number | null;
  readonly keyword: KeywordExplanation | null;
}

interface FactsRow {
  readonly similarity: number | null;
  readonly vectorRank: number | null;
  readonly keywordScore: number | null;
  readonly keywordRank: number | null;
  readonly _length: number;
  readonly _has_all: boolean | null;
  readonly _closeness: number | null;
  readonly _lexemes: string[] | null;
  readonly _counts: number[] | null;
  readonly [condition: `_filter${number}`]: boolean | null;
}

/**
 * Everything about one chunk that a search could have left it out for; undefined where there is no
 * such chunk for the caller. `bm25` are the words that count; undefined for none. One statement,
 * which compares all vectors of the scope exactly: it costs what the slowest search does.
 */
export async function chunkFacts(
  reads: OperationReads,
  search: Search,
  vector: QueryVector | undefined,
  bm25: Bm25 | undefined,
  chunkId: string,
): Promise<ChunkFacts | undefined> {
  const { filter } = search;
  const parameters = new SqlParameters();
  const tenant = parameters.add(filter.tenantId, 'uuid');
  const filters = filterConditions(filter, tenant, parameters);
  const conditions = searchFilterSql(filter, tenant, parameters);
  const similarity = `nullif(1 - (t.embedding <=> (select vector from query)), 'NaN')`;
  const filterColumns = filters.map(
    (condition, index) => `coalesce(${condition.sql}, false) as "_filter${index}"`,
  );
  const words = bm25 && bm25.words.length > 0 ? bm25 : undefined;
  // As the search does it: see `KeywordSearch.exact`.
  const isAll = search.mode === SearchMode.KEYWORD && search.exact;
  const sql = `
    with ${[
      `query as materialized (
      select ${parameters.add(vector ?? null, 'halfvec(1536)')} as vector
    )`,
      ...(words ? matchedSql(words, conditions, parameters, { from: null, isAll }) : []),
    ].join(', ')},
    of as materialized (
      select ${[
        't.id',
        `${similarity} as similarity`,
        'octet_length(t.text) as _length',
        ...filterColumns,
        words ? wordColumns(words) : NO_WORDS,
      ].join(', ')}
        from doc_chunks t
             ${words ? `cross join lateral (${scoreSql(words, parameters)}) scores` : ''}
       where t.tenant_id = ${tenant} and t.id = ${parameters.add(chunkId, 'uuid')}
    )${words ? `, ${rankTables(words, tenant, isAll, parameters)}` : ''}
    select of.*,
           case when of.similarity is not null then 1 + (
             select count(*)::int
               from (select t.id, ${similarity} as similarity from doc_chunks t
                      where ${conditions} and t.embedding is not null) other
              where other.similarity > of.similarity
                 or (other.similarity = of.similarity and other.id < of.id)
           ) end as "vectorRank",
           ${words ? RANK : 'null::int'} as "keywordRank"
      from of`;
  const [row] = await reads.query<FactsRow>(statement('explainChunk', sql), parameters.values);
  if (!row) return undefined;
  const failedFilters = filters.flatMap((condition, index) =>
    row[`_filter${index}`] === true ? [] : [condition.field],
  );
  return {
    failedFilters,
    similarity: row.similarity,
    vectorRank: row.vectorRank,
    keywordScore: row.keywordScore,
    keywordRank: row.keywordRank,
    keyword: words && row.keywordScore !== null ? keywordExplanation(words, row) : null,
  };
}

const NO_WORDS =
  'null::float8 as "keywordScore", null::bool as _has_all, null::float8 as _closeness, ' +
  'null::text[] as _lexemes, null::int[] as _counts';

function wordColumns(bm25: Bm25): string {
  return `case when ${HAS_WORD} then scores.score end
                as "keywordScore",
             scores.has_all as _has_all,
             ${isOrdered(bm25) ? closenessSql() : '0'}::float8 as _closeness,
             (select array_agg(lexeme order by lexeme) from unnest(t.search_vector)
               where lexeme in (select lexeme from asked_lexemes)) as _lexemes,
             (select array_agg(coalesce(cardinality(positions), 1) order by lexeme)
                from unnest(t.search_vector)
               where lexeme in (select lexeme from asked_lexemes)) as _counts`;
}

const HAS_WORD = 't.search_vector @@ (select any_word from words)';

/**
 * The chunks of the block that the chunk is of, or would be if it met the filters: the search ranks
 * by score only within one. A search that scores all has one block.
 */
function rankTables(bm25: Bm25, tenant: string, isAll: boolean, parameters: SqlParameters): string {
  const first = isAll ? '0' : `ahead / ${BLOCK} * ${BLOCK}`;
  return `
    place as materialized (
      select of.id, own.key, of."keywordScore" as score, ${first} as first
        from of
       cross join lateral (${keySql(bm25, tenant, 'of.id', parameters)}) own
       cross join lateral (
         select count(*)::int as ahead from matched
          where matched.key > own.key or (matched.key = own.key and matched.id < of.id)
       ) better
    ),
    others as materialized (
      select block.id, scores.score
        from (select id from matched where id <> (select id from place)
               order by key desc, id offset (select first from place)
               limit ${isAll ? 'null' : BLOCK - 1}) block
       cross join lateral (
         select t.search_vector, t.text from doc_chunks t
          where t.tenant_id = ${tenant} and t.id = block.id limit 1
       ) t
       cross join lateral (${scoreSql(bm25, parameters)}) scores
    )`;
}

const RANK = `(select place.first + 1 + (
              select count(*)::int from others
               where others.score > place.score
                  or (others.score = place.score and others.id < place.id))
             from place where place.score is not null)`;

function keywordExplanation(bm25: Bm25, row: FactsRow): KeywordExplanation {
  const counts = new Map(row._lexemes?.map((lexeme, index) => [lexeme, row._counts![index]!]));
  const { chunks, meanLength } = bm25.counted;
  const together = bm25.words.length > 1 ? bm25.total : 0;
  return {
    words: bm25.words.map(({ lexemes }) => {
      const parts = lexemes.map(({ lexeme, frequency, idf }) => {
        const count = counts.get(lexeme) ?? 0;
        const score = count === 0 ? 0 : wordPart(bm25, idf, count, row._length);
        return { word: lexeme, frequency, idf, count, score };
      });
      return parts.reduce((best, part) => (part.score > best.score ? part : best));
    }),
    allWordsPart: row._has_all ? together * ALL_WORDS_PART : 0,
    closenessPart: together * CLOSENESS_PART * (row._closeness ?? 0),
    length: row._length,
    meanLength,
    chunks,
  };
}

import type { TestDatabase } from './database.js';

const K1 = 2;
const B = 0.75;
/** Chunks that are scored exactly, of those that have the words. */
const BLOCK = 400;

/** A chunk with a word of a question. */
export interface KeywordScored {
  readonly id: string;
  readonly score: number;
  /** By which chunks are put into blocks. */
  readonly key: number;
  readonly hasAll: boolean;
  /** The weight of all words together: the same for each chunk. */
  readonly total: number;
}

/**
 * BM25 as it is defined, over what the database stored of a tenant: its chunks that meet `any`,
 * with the scores of `words`. Queries are those of `to_tsquery`.
 */
export async function keywordScores(
  db: TestDatabase,
  tenantId: string,
  words: string,
  any: string = words.replaceAll(' ', ' | '),
  all: string = words.replaceAll(' ', ' & '),
): Promise<KeywordScored[]> {
  const chunks = await db.asSuperuser<{
    id: string;
    length: number;
    counts: Record<string, number>;
    meets: boolean;
    has_all: boolean;
    closeness: number;
  }>(
    `select id, octet_length(text) as length, search_vector @@ any_word as meets,
            search_vector @@ all_words as has_all,
            least(1, ts_rank_cd('{1,1,1,1}', search_vector, all_words))::float8 as closeness,
            (select jsonb_object_agg(lexeme, cardinality(positions))
               from unnest(search_vector)) as counts
       from doc_chunks, to_tsquery('english', ?) any_word, to_tsquery('english', ?) all_words
      where tenant_id = ?`,
    [any, all, tenantId],
  );
  const asked = await db.asSuperuser<{ lexemes: string[] }>(
    `select jsonb_agg(distinct lexeme) as lexemes from weaver_question(?) group by word`,
    [words],
  );
  const mean = chunks.reduce((sum, { length }) => sum + length, 0) / chunks.length;
  const idfOf = (lexeme: string): number => {
    const frequency = chunks.filter(({ counts }) => counts?.[lexeme]).length;
    return Math.log(1 + (chunks.length - frequency + 0.5) / (frequency + 0.5));
  };
  const idfs = asked.map(({ lexemes }) => new Map(lexemes.map(lexeme => [lexeme, idfOf(lexeme)])));
  const isKnown = (lexeme: string): boolean => chunks.some(({ counts }) => counts?.[lexeme]);
  const total = idfs.reduce(
    (sum, idf) => sum + ([...idf.keys()].some(isKnown) ? Math.min(...idf.values()) : 0),
    0,
  );
  const part = (count: number, length: number): number =>
    (count * (K1 + 1)) / (count + K1 * (1 - B + (B * length) / mean));
  return chunks
    .filter(({ meets }) => meets)
    .map(({ id, counts, length, has_all: hasAll, closeness }) => {
      const found = idfs.map(idf => [...idf].filter(([lexeme]) => counts[lexeme]));
      const best = found.map(lexemes =>
        Math.max(0, ...lexemes.map(([lexeme, idf]) => idf * part(counts[lexeme]!, length))),
      );
      const together = idfs.length > 1 ? total * (0.1 * Number(hasAll) + 0.1 * closeness) : 0;
      const weight = found.reduce(
        (sum, lexemes, word) =>
          sum + (lexemes.length > 0 ? Math.round(1e6 * Math.min(...idfs[word]!.values())) : 0),
        0,
      );
      return {
        id,
        hasAll,
        total,
        score: best.reduce((sum, each) => sum + each, together),
        key: weight * part(1, length),
      };
    });
}

/** The order of a search that scores `block` chunks at a time; equals by id. */
export function ranked<T extends KeywordScored>(scored: readonly T[], block = BLOCK): T[] {
  const byKey = scored.toSorted((a, b) => b.key - a.key || (a.id < b.id ? -1 : 1));
  const blocks: T[] = [];
  for (let start = 0; start < byKey.length; start += block)
    blocks.push(
      ...byKey
        .slice(start, start + block)
        .sort((a, b) =>
          Math.abs(a.score - b.score) > 1e-12 ? b.score - a.score : a.id < b.id ? -1 : 1,
        ),
    );
  return blocks;
}

/** The weight of all words together. */
export function totalOf(scored: readonly KeywordScored[]): number {
  return scored[0]?.total ?? 0;
}

export interface FusedHit {
  readonly rank: number;
  readonly id: string;
  readonly score: number;
  readonly vectorRank: number | null;
  readonly keywordRank: number | null;
  readonly keywordScore: number | null;
}

/** The sum of two rankings, of which there are `depth` at most, best first. */
export function fusedHits(
  byVector: readonly { readonly id: string; readonly similarity: number }[],
  byWords: readonly KeywordScored[],
  {
    depth,
    weights,
    total,
  }: {
    readonly depth: number;
    readonly weights: { readonly vector: number; readonly keyword: number };
    readonly total: number;
  },
): FusedHit[] {
  const similarities = byVector.map(({ similarity }) => similarity);
  const highest = Math.max(...similarities);
  const least = Math.min(...similarities);
  const lowest = similarities.length >= depth ? least : Math.min(0, least);
  const scale = Math.max(total, ...byWords.map(({ score }) => score));
  const vector = new Map(byVector.map((each, index) => [each.id, { ...each, rank: index + 1 }]));
  const keyword = new Map(byWords.map((each, index) => [each.id, { ...each, rank: index + 1 }]));
  const share = (value: number, range: number): number => (range === 0 ? 1 : value / range);
  return [...new Set([...vector.keys(), ...keyword.keys()])]
    .map(id => {
      const [v, k] = [vector.get(id), keyword.get(id)];
      return {
        id,
        score:
          (v ? weights.vector * share(v.similarity - lowest, highest - lowest) : 0) +
          (k ? weights.keyword * share(k.score, scale) : 0),
        vectorRank: v?.rank ?? null,
        keywordRank: k?.rank ?? null,
        keywordScore: k?.score ?? null,
        counts: (v ? weights.vector : 0) + (k ? weights.keyword : 0) > 0,
      };
    })
    .filter(({ counts }) => counts)
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .map(({ counts: _counts, ...hit }, index) => ({ rank: index + 1, ...hit }));
}

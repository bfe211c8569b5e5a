import type { Block, Bm25 } from './bm25.js';
import type { FoundWords, Highlights } from './highlight.js';
import type { KeywordMatch, SearchNote, SearchPath } from './search.types.js';

/** A hit as a mode found it: its chunk's selected columns, and what it has of scores and ranks. */
export interface SearchHit {
  readonly id: string;
  readonly chunk: object;
  readonly score: number;
  readonly similarity: number | null;
  readonly keywordScore: number | null;
  readonly vectorRank: number | null;
  readonly keywordRank: number | null;
  readonly foundWords: FoundWords | null;
  /** Of the mode KEYWORD: among which chunks it was ranked. */
  readonly block?: Block;
}

/** What a mode found: the same from all of them. */
export interface SearchResult {
  /** One more than was asked for where there are more. */
  readonly hits: readonly SearchHit[];
  readonly path: SearchPath;
  readonly exact: boolean;
  /** How many chunks were ranked, if that was to be counted. */
  readonly candidates: number;
  /**
   * How many chunks could be hits of this page, were there no least similarity; not counted beyond
   * those wanted.
   */
  readonly comparable: number;
  readonly match: KeywordMatch | null;
  /** Whether the text has words; true where none are looked for. */
  readonly hasWords: boolean;
  /** The words that were looked for and what they weigh; undefined where none were. */
  readonly bm25: Bm25 | undefined;
  readonly notes: readonly SearchNote[];
  /** Chunks that better hits keep out, and by what the caller asked; undefined if it did not. */
  readonly leftOut?: ReadonlyMap<string, LeftOut>;
  /** Of the mode HYBRID. */
  readonly scale?: FusionScale;
}

/** What kept a chunk out of the hits, though it was good enough. */
export type LeftOut = 'distinct' | 'maxPerDocument';

/** What the two scores of a hit are measured by before they are added. */
export interface FusionScale {
  /** The highest similarity, and the one that counts as nothing. */
  readonly highest: number | null;
  readonly lowest: number | null;
  /** The keyword score that counts as all. */
  readonly keyword: number;
}

/** What is to be read of each hit. */
export interface HitSelection extends Highlights {
  /** The chunk's columns, of `doc_chunks t`. */
  readonly columns: string;
  /** Whether `candidates` is shown. */
  readonly withCount: boolean;
}

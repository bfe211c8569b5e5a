import type { FoundWords } from './highlight.js';
import type { KeywordQuery } from './keyword-query.js';
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
  /** What was looked for by words; undefined where nothing was. */
  readonly query: KeywordQuery | undefined;
  readonly notes: readonly SearchNote[];
}

/** What is to be read of each hit. */
export interface HitSelection {
  /** The chunk's columns, of `doc_chunks t`. */
  readonly columns: string;
  readonly highlight: boolean;
  /** Whether `candidates` is shown. */
  readonly withCount: boolean;
}

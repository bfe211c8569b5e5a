import { createHash } from 'node:crypto';
import { badInput } from '../base/app-error.js';
import { decodeCursor, encodeCursor, type Position } from '../graphql/cursor.js';
import { QueryVector } from './query-vector.js';
import type { Block, BlockEdge } from './bm25.js';
import type { SearchFilter } from './search-filter.js';
import type { SearchHit, SearchResult } from './search-result.js';
import { KeywordMatch, SearchMode, SearchNote } from './search.types.js';
import type { QuestionFrequencies } from './word-frequencies.js';

/**
 * Where a page ends: the last hit's score exactly as the database computed it, and its id. What
 * comes after has less, or as much and a greater id.
 */
export interface SearchPosition {
  readonly score: number;
  readonly id: string;
  /** How many hits there were up to here. */
  readonly hitsBefore: number;
  /**
   * What the pages before compared with: an embedding service may make other numbers of the same
   * text the next time.
   */
  readonly vector: QueryVector | undefined;
  /** Whether a chunk had all words, whatever has been stored since. */
  readonly match: KeywordMatch | undefined;
  /** What the pages before were ranked by, in the mode KEYWORD. */
  readonly keyword: KeywordPosition | undefined;
}

/** How often the words came, and the block that the hit is of. */
interface KeywordPosition {
  readonly counted: QuestionFrequencies;
  readonly block: Block;
  /** False: what the text excludes was looked for as words. */
  readonly hasExclusions: boolean;
}

/** Where a search goes on after a hit; `hitsBefore` counts it. */
export function positionOf(
  { bm25, match, notes }: SearchResult,
  { score, id, block }: SearchHit,
  hitsBefore: number,
): SearchPosition {
  return {
    score,
    id,
    hitsBefore,
    vector: undefined,
    match: match ?? undefined,
    keyword: block && {
      counted: bm25!.counted,
      block,
      hasExclusions: !notes.includes(SearchNote.EXCLUSIONS_AS_WORDS),
    },
  };
}

/** What must be the same on every page. */
export interface SearchIdentity {
  readonly mode: SearchMode;
  readonly text: string | undefined;
  readonly embedding: readonly number[] | undefined;
  readonly minSimilarity: number | undefined;
  readonly filter: SearchFilter;
  readonly exact: boolean;
}

/** More than any text of the greatest length can get. */
const MAX_KEYWORD_SCORE = 1_000_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CURSOR_DESCRIPTION =
  'this search. Pass pageInfo.endCursor of the previous page, with the same input except topK';

export function cursorKeyOf({
  mode,
  text,
  embedding,
  minSimilarity,
  filter,
  exact,
}: SearchIdentity): string {
  const {
    tenantId,
    botId,
    documentIds,
    documentStatuses,
    documentFilename,
    documentTags,
    metadata,
    metadataConditions,
    createdAt,
  } = filter;
  const identity = [
    mode,
    text,
    embedding && QueryVector.of(embedding).token,
    minSimilarity,
    tenantId,
    botId,
    documentIds,
    documentStatuses,
    metadata,
    metadataConditions,
    createdAt,
    // Last, and only where they are given: cursors from before there were such filters stay good.
    ...(documentTags ? [documentTags] : []),
    ...(documentFilename ? [{ documentFilename }] : []),
    // In the mode KEYWORD it changes the order beyond a block of chunks.
    ...(mode === SearchMode.KEYWORD && exact ? [{ exact }] : []),
  ];
  // Undefined is null in a list. Members of objects are the caller's, who sends the same input in
  // the same order.
  return `search ${createHash('sha256').update(JSON.stringify(identity)).digest('base64url')}`;
}

/** The cursor of a hit. A position is made of texts; which they are depends on the mode. */
export function writeCursor(
  cursorKey: string,
  { score, id, hitsBefore, vector, match, keyword }: SearchPosition,
): string {
  return encodeCursor(cursorKey, [
    String(score),
    id,
    String(hitsBefore),
    vector?.token ?? null,
    match ?? null,
    keyword ? writeKeyword(keyword) : null,
  ]);
}

function writeKeyword({ counted, block, hasExclusions }: KeywordPosition): string {
  const edge = (of: BlockEdge | null): unknown => of && [of.key, of.id];
  const { chunks, meanLength, frequencies } = counted;
  return JSON.stringify([
    chunks,
    meanLength,
    frequencies,
    edge(block.from),
    edge(block.to),
    hasExclusions,
  ]);
}

/** Undefined for what no search could have written. */
function readKeyword(text: string): KeywordPosition | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 6) return undefined;
  const [chunks, meanLength, frequencies, from, to, hasExclusions] = value as unknown[];
  const isCount = (number: unknown): number is number =>
    Number.isInteger(number) && (number as number) >= 0 && (number as number) < 2 ** 31;
  const isEdge = (edge: unknown): edge is [number, string] | null =>
    edge === null ||
    (Array.isArray(edge) &&
      edge.length === 2 &&
      Number.isFinite(edge[0]) &&
      typeof edge[1] === 'string' &&
      UUID.test(edge[1]));
  if (
    !isCount(chunks) ||
    !Number.isFinite(meanLength) ||
    !((meanLength as number) >= 0) ||
    !Array.isArray(frequencies) ||
    !frequencies.every(isCount) ||
    !isEdge(from) ||
    !isEdge(to) ||
    typeof hasExclusions !== 'boolean'
  )
    return undefined;
  const edgeOf = (edge: [number, string] | null): BlockEdge | null =>
    edge && { key: edge[0], id: edge[1] };
  return {
    counted: { chunks, meanLength: meanLength as number, frequencies },
    block: { from: edgeOf(from), to: edgeOf(to) },
    hasExclusions,
  };
}

/**
 * The place behind a cursor. Throws `BAD_USER_INPUT` for one of another search, or where there are
 * no pages.
 */
export function readCursor(mode: SearchMode, cursorKey: string, cursor: string): SearchPosition {
  if (mode === SearchMode.HYBRID)
    throw badInput(
      'input.after',
      'The mode HYBRID has only one page: remove input.after and request up to 100 hits ' +
        'with input.topK.',
    );
  const [score, id, hitsBefore, token, match, keyword] = decodeCursor(
    'input.after',
    cursorKey,
    cursor,
    (value): value is Position => isSearchPosition(mode, value),
    CURSOR_DESCRIPTION,
  );
  return {
    score: Number(score),
    id: id!,
    hitsBefore: Number(hitsBefore),
    vector: token == null ? undefined : QueryVector.fromToken(token),
    match: (match as KeywordMatch | null) ?? undefined,
    keyword: keyword == null ? undefined : readKeyword(keyword),
  };
}

/**
 * Whoever made a cursor up may have signed it too: what no search could have written is refused.
 */
function isSearchPosition(mode: SearchMode, value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 6) return false;
  const [score, id, hitsBefore, token, match, keyword] = value as unknown[];
  const isScore =
    typeof score === 'string' &&
    score.trim() !== '' &&
    Math.abs(Number(score)) <= (mode === SearchMode.KEYWORD ? MAX_KEYWORD_SCORE : 1);
  const isRanked =
    mode === SearchMode.KEYWORD
      ? typeof keyword === 'string' && readKeyword(keyword) !== undefined
      : keyword === null;
  const isSeen = typeof hitsBefore === 'string' && /^[1-9]\d{0,8}$/.test(hitsBefore);
  const isVector =
    token === null || (typeof token === 'string' && QueryVector.fromToken(token) !== undefined);
  const isMatch =
    mode === SearchMode.KEYWORD
      ? Object.values<unknown>(KeywordMatch).includes(match)
      : match === null;
  return (
    isScore && isSeen && isVector && isMatch && isRanked && typeof id === 'string' && UUID.test(id)
  );
}

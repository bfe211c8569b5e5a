import { createHash } from 'node:crypto';
import { badInput } from '../base/app-error.js';
import { decodeCursor, encodeCursor, type Position } from '../graphql/cursor.js';
import { QueryVector } from './query-vector.js';
import type { SearchFilter } from './search-filter.js';
import { KeywordMatch, SearchMode } from './search.types.js';

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
  /** Which of the words counted on the pages before, whatever has been stored since. */
  readonly match: KeywordMatch | undefined;
}

/** What must be the same on every page. */
export interface SearchIdentity {
  readonly mode: SearchMode;
  readonly text: string | undefined;
  readonly embedding: readonly number[] | undefined;
  readonly minSimilarity: number | undefined;
  readonly filter: SearchFilter;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CURSOR_DESCRIPTION =
  'this search. Pass pageInfo.endCursor of the previous page, with the same input except topK';

export function cursorKeyOf({
  mode,
  text,
  embedding,
  minSimilarity,
  filter,
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
  ];
  // Undefined is null in a list. Members of objects are the caller's, who sends the same input in
  // the same order.
  return `search ${createHash('sha256').update(JSON.stringify(identity)).digest('base64url')}`;
}

/** The cursor of a hit. A position is made of texts; which they are depends on the mode. */
export function writeCursor(
  cursorKey: string,
  { score, id, hitsBefore, vector, match }: SearchPosition,
): string {
  return encodeCursor(cursorKey, [
    String(score),
    id,
    String(hitsBefore),
    vector?.token ?? null,
    match ?? null,
  ]);
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
  const [score, id, hitsBefore, token, match] = decodeCursor(
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
  };
}

/**
 * Whoever made a cursor up may have signed it too: what no search could have written is refused.
 */
function isSearchPosition(mode: SearchMode, value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 5) return false;
  const [score, id, hitsBefore, token, match] = value as unknown[];
  const isScore = typeof score === 'string' && score.trim() !== '' && Math.abs(Number(score)) <= 1;
  const isSeen = typeof hitsBefore === 'string' && /^[1-9]\d{0,8}$/.test(hitsBefore);
  const isVector =
    token === null || (typeof token === 'string' && QueryVector.fromToken(token) !== undefined);
  const isMatch =
    mode === SearchMode.KEYWORD
      ? Object.values<unknown>(KeywordMatch).includes(match)
      : match === null;
  return isScore && isSeen && isVector && isMatch && typeof id === 'string' && UUID.test(id);
}

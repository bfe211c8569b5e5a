import { Field, Int, ObjectType } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { DocumentChunk } from '../chunks/chunk.entity.js';
import type { WindowRow } from '../chunks/chunk-windows.js';

/**
 * The least that two chunks must share to count as overlapping, and the most that is looked for.
 */
const MIN_OVERLAP = 12;
const MAX_OVERLAP = 2_000;

@ObjectType({
  simpleResolvers: true,
  description: 'A part of a document with one or more hits: chunks that follow each other.',
})
export class SearchPassage {
  @Field(() => [Int], { description: 'Ranks of the hits in it, best first.' })
  ranks!: number[];

  @Field(() => String, {
    description:
      'The text of its chunks. Text that a chunk repeats from the previous one appears ' +
      'once; chunks without repeated text are separated by an empty line.',
  })
  text!: string;

  @Requires('read', 'search')
  @Field(() => [DocumentChunk], { description: 'Its chunks in the order of the text.' })
  chunks!: DocumentChunk[];

  @Field(() => Int, { description: '`chunkIndex` of its first chunk.' })
  firstChunkIndex!: number;

  @Field(() => Int, { description: '`chunkIndex` of its last chunk.' })
  lastChunkIndex!: number;
}

/** A hit's window, in the order of the text, with its rank. */
export interface HitWindow {
  readonly rank: number;
  readonly rows: readonly WindowRow[];
}

/**
 * Windows of one document that share a chunk, or touch, are one passage. The passage of the best
 * hit comes first. Rows have `id`, and `_text` where text is wanted.
 */
export function mergeWindows(windows: readonly HitWindow[]): SearchPassage[] {
  const byDocument = Map.groupBy(
    windows.filter(window => window.rows.length > 0),
    window => window.rows[0]!._document,
  );
  const passages = [...byDocument.values()].flatMap(mergeInDocument);
  return passages.toSorted((a, b) => a.ranks[0]! - b.ranks[0]!);
}

function mergeInDocument(windows: readonly HitWindow[]): SearchPassage[] {
  const groups: { ranks: number[]; rows: Map<unknown, WindowRow>; last: number }[] = [];
  for (const { rank, rows } of windows.toSorted(
    (a, b) => a.rows[0]!._index - b.rows[0]!._index || a.rank - b.rank,
  )) {
    const last = rows.at(-1)!._index;
    const before = groups.at(-1);
    const touches =
      before && (rows.some(row => before.rows.has(row.id)) || rows[0]!._index <= before.last + 1);
    const group = touches ? before : { ranks: [], rows: new Map<unknown, WindowRow>(), last };
    if (!touches) groups.push(group);
    group.ranks.push(rank);
    group.last = Math.max(group.last, last);
    for (const row of rows) group.rows.set(row.id, row);
  }
  return groups.map(({ ranks, rows }) => toPassage(ranks, [...rows.values()]));
}

function toPassage(ranks: number[], rows: WindowRow[]): SearchPassage {
  rows.sort((a, b) => a._index - b._index || ((a.id as string) < (b.id as string) ? -1 : 1));
  return {
    ranks: ranks.toSorted((a, b) => a - b),
    text: joinTexts(rows.map(row => (row._text as string | undefined) ?? '')),
    chunks: rows as unknown as DocumentChunk[],
    firstChunkIndex: rows[0]!._index,
    lastChunkIndex: rows.at(-1)!._index,
  };
}

/** Texts that follow each other, of which each may begin with the end of the one before. */
function joinTexts(texts: readonly string[]): string {
  const pieces: string[] = [];
  let end = '';
  for (const text of texts) {
    const overlap = overlapOf(end, text);
    const piece = overlap > 0 || pieces.length === 0 ? text.slice(overlap) : `\n\n${text}`;
    pieces.push(piece);
    // Of a long text no more is looked at.
    end =
      piece.length < MAX_OVERLAP ? (end + piece).slice(-MAX_OVERLAP) : piece.slice(-MAX_OVERLAP);
  }
  return pieces.join('');
}

/**
 * The length of the longest end of `before` that `after` begins with, in a time that grows with
 * their lengths alone: the prefix function of Knuth, Morris and Pratt.
 */
function overlapOf(before: string, after: string): number {
  const start = after.slice(0, MAX_OVERLAP);
  const borders = new Uint16Array(start.length);
  let matched = 0;
  const longer = (text: string, index: number): number => {
    let length = matched;
    const code = text.charCodeAt(index);
    while (length > 0 && (length === start.length || start.charCodeAt(length) !== code))
      length = borders[length - 1]!;
    return start.charCodeAt(length) === code ? length + 1 : 0;
  };
  for (let index = 1; index < start.length; index += 1)
    borders[index] = matched = longer(start, index);
  matched = 0;
  for (let index = Math.max(0, before.length - start.length); index < before.length; index += 1)
    matched = longer(before, index);
  return matched >= MIN_OVERLAP ? matched : 0;
}

import { Field, Int, ObjectType } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { DocumentChunk } from '../chunks/chunk.entity.js';
import type { WindowRow } from '../chunks/chunk-windows.js';

@ObjectType({
  simpleResolvers: true,
  description: 'A part of a document with one or more hits: chunks that follow each other.',
})
export class SearchPassage {
  @Field(() => [Int], { description: 'Ranks of the hits in it, best first.' })
  ranks!: number[];

  @Field(() => String, {
    description:
      'Its text: the part of the document that its chunks were cut from, just as it stands ' +
      'there. Chunks without a known place in a text, which other programs have added, appear as ' +
      'they are; between them and the rest stands "…" between two empty lines.',
  })
  text!: string;

  readonly tenantId!: string;
  readonly documentId!: string;

  @Field(() => [Int], {
    description:
      'The pages of the original that its chunks stand on, in ascending order; empty if the ' +
      'original has no pages.',
  })
  pageNums!: number[];

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
  readonly rows: readonly PassageRow[];
}

export type PassageRow = WindowRow & {
  readonly _tenant: string;
  readonly _page: number | null;
  /** These where text is wanted. */
  readonly _text?: string;
  readonly _revision?: number | null;
  readonly _start?: number | null;
  readonly _end?: number | null;
};

/** Chunks that follow each other, before their texts are put together. */
export interface ChunkGroup {
  /** Best first. */
  readonly ranks: readonly number[];
  /** In the order of the text. */
  readonly rows: readonly PassageRow[];
}

/**
 * Windows of one document that share a chunk, or touch, are one group. The group of the best hit
 * comes first.
 */
export function mergeWindows(windows: readonly HitWindow[]): ChunkGroup[] {
  const byDocument = Map.groupBy(
    windows.filter(window => window.rows.length > 0),
    window => window.rows[0]!._document,
  );
  const groups = [...byDocument.values()].flatMap(mergeInDocument);
  return groups.toSorted((a, b) => a.ranks[0]! - b.ranks[0]!);
}

function mergeInDocument(windows: readonly HitWindow[]): ChunkGroup[] {
  const groups: { ranks: number[]; rows: Map<unknown, PassageRow>; last: number }[] = [];
  for (const { rank, rows } of windows.toSorted(
    (a, b) => a.rows[0]!._index - b.rows[0]!._index || a.rank - b.rank,
  )) {
    const last = rows.at(-1)!._index;
    const before = groups.at(-1);
    const touches =
      before && (rows.some(row => before.rows.has(row.id)) || rows[0]!._index <= before.last + 1);
    const group = touches ? before : { ranks: [], rows: new Map<unknown, PassageRow>(), last };
    if (!touches) groups.push(group);
    group.ranks.push(rank);
    group.last = Math.max(group.last, last);
    for (const row of rows) group.rows.set(row.id, row);
  }
  return groups.map(({ ranks, rows }) => ({
    ranks: ranks.toSorted((a, b) => a - b),
    rows: [...rows.values()].toSorted(
      (a, b) => a._index - b._index || ((a.id as string) < (b.id as string) ? -1 : 1),
    ),
  }));
}

/** Chunks of a group between which no text of the document is missing. */
export type Run = readonly PassageRow[];

/**
 * The parts of a group that can be cut from the document as one. A chunk without a place in its
 * text is a part of its own, and so is what follows a chunk that was deleted.
 */
export function runsOf({ rows }: ChunkGroup): Run[] {
  const runs: PassageRow[][] = [];
  for (const row of rows) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    if (before && goesOn(before, row)) run!.push(row);
    else runs.push([row]);
  }
  return runs;
}

function goesOn(before: PassageRow, row: PassageRow): boolean {
  return (
    row._revision != null &&
    row._revision === before._revision &&
    (row._index === before._index + 1 || row._start! <= before._end!)
  );
}

/** What stands between parts of a passage of which nobody knows what is between them. */
export const GAP = '\n\n…\n\n';

/** The passage of a group, whose runs have these texts. */
export function toPassage({ ranks, rows }: ChunkGroup, texts: readonly string[]): SearchPassage {
  const [first] = rows;
  const pages = rows.flatMap(({ _page: page }) => (page == null ? [] : [page]));
  return {
    tenantId: first!._tenant,
    documentId: first!._document,
    ranks: [...ranks],
    text: texts.join(GAP),
    chunks: rows as unknown as DocumentChunk[],
    firstChunkIndex: first!._index,
    lastChunkIndex: rows.at(-1)!._index,
    pageNums: [...new Set(pages)].toSorted((a, b) => a - b),
  };
}

import { positionOf, type SearchPosition } from './search-cursor.js';
import type { HitSelection, LeftOut, SearchHit, SearchResult } from './search-result.js';

/** Which hits a caller does not want beside better ones. */
export interface Sparsity {
  /** Whether of equal texts only the best hit counts. */
  readonly distinct: boolean;
  readonly maxPerDocument: number | undefined;
}

/** How many hits are looked through for those that stay. */
const MAX_READ = 500;

/** What `keepFew` reads of each hit beside what was selected. */
interface ComparedChunk {
  readonly _document: string;
  readonly _digest: string | null;
}

export function isSparse({ distinct, maxPerDocument }: Sparsity): boolean {
  return distinct || maxPerDocument !== undefined;
}

/** A selection with what tells copies and documents apart; texts are read only for `distinct`. */
export function withComparison(selection: HitSelection, { distinct }: Sparsity): HitSelection {
  const digest = distinct ? `encode(sha256(convert_to(t.text, 'UTF8')), 'hex')` : 'null::text';
  return {
    ...selection,
    columns: `${selection.columns}, t.doc_id as _document, ${digest} as _digest`,
  };
}

/**
 * The first `maxHits` of a search without those that are left out for better ones. `find` gives
 * the hits after a position, best first, and one more than `pageSize` where there are more. It is
 * asked until there are enough, there are no more, or `MAX_READ` were looked through.
 */
export async function keepFew(
  { distinct, maxPerDocument = Infinity }: Sparsity,
  { maxHits, pageSize }: { readonly maxHits: number; readonly pageSize: number },
  find: (after: SearchPosition | undefined) => Promise<SearchResult>,
): Promise<SearchResult> {
  const hits: SearchHit[] = [];
  const leftOut = new Map<string, LeftOut>();
  const digests = new Set<string>();
  const ofDocument = new Map<string, number>();
  let read = 0;
  let first: SearchResult | undefined;
  let answer: SearchResult | undefined;
  let page: readonly SearchHit[];
  do {
    const last = answer?.hits.slice(0, pageSize).at(-1);
    answer = await find(last && positionOf(answer!, last, read));
    first ??= answer;
    page = answer.hits.slice(0, pageSize);
    read += page.length;
    for (const hit of page) {
      const { _document, _digest } = hit.chunk as ComparedChunk;
      const others = ofDocument.get(_document) ?? 0;
      if (distinct && digests.has(_digest!)) leftOut.set(hit.id, 'distinct');
      else if (others >= maxPerDocument) leftOut.set(hit.id, 'maxPerDocument');
      else {
        hits.push(hit);
        if (_digest !== null) digests.add(_digest);
        ofDocument.set(_document, others + 1);
      }
    }
  } while (hits.length < maxHits && answer.hits.length > page.length && read < MAX_READ);
  return {
    ...first,
    hits: hits.slice(0, maxHits),
    exact: first.exact && answer.exact,
    comparable: answer.comparable,
    leftOut,
  };
}

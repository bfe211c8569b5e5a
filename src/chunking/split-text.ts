import { markdownStructure, type Block, type Heading, type Structure } from './markdown.js';
import { characterSums, isInsidePair } from './character-sums.js';

/**
 * A piece of a text: `text` is the original from `start` up to and without `end`, counted in UTF-16
 * code units as JavaScript's strings are.
 */
export interface TextPiece {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** The headings above its beginning, outermost first; also those that it begins with. */
  readonly headings: readonly string[];
  /**
   * Header and rule of the table that it continues, which stand in an earlier piece; undefined of
   * any other piece.
   */
  readonly tableHeader: string | undefined;
}

export interface SplitOptions {
  /** The most characters that a piece may have, at least 4; see `characterSums`. */
  size?: number;
  /**
   * How far a piece may reach back into the one before it, in characters; at most half of `size`,
   * so that every piece brings something new.
   */
  overlap?: number;
}

/** The size of pieces where nobody says otherwise. */
export const DEFAULT_CHUNK_SIZE = 1_000;

interface Ending {
  /** Matches the empty string where a piece may end. */
  readonly pattern: RegExp;
  /**
   * The part of `size` that the piece must fill for the place to count: a good ending is not worth
   * a crumb.
   */
  readonly least: number;
  /** Where it counts: `blocks` are fences and tables that are too long for one piece. */
  readonly within: 'text' | 'blocks' | 'both';
}

/**
 * Where a piece may end, the best places first, after those before headings. Patterns start with
 * what is rare and bound what they repeat, so that hostile texts (a megabyte of dots, of line
 * feeds) cost no more than others.
 */
const ENDS: readonly Ending[] = [
  { pattern: /(?=\n[^\S\n]{0,8}\n)/g, least: 0.5, within: 'both' }, // after a paragraph
  // before a list item
  { pattern: /(?=\n[^\S\n]{0,8}(?:[-*+]|\d{1,3}[.)])\s)/g, least: 0.5, within: 'text' },
  // after a sentence
  { pattern: /(?=\s)(?<=[.!?…]["'”’)\]]{0,3})|(?<=[。！？])/g, least: 0.5, within: 'text' },
  { pattern: /(?=\n)/g, least: 0.5, within: 'both' }, // after a line
  { pattern: /(?=\n)/g, least: 0.1, within: 'blocks' },
  { pattern: /(?=\s)/g, least: 0, within: 'both' }, // after a word
];
const LEAST_BEFORE_HEADING = 0.25;

/**
 * Where the repeated end of the piece before may start, the best places first: a sentence or a
 * line, a word.
 */
const STARTS = [
  /(?=\S)(?<=\n[^\S\n]{0,40}|[.!?…]["'”’)\]]{0,3}\s{1,8}|[。！？])/g,
  /(?=\S)(?<=\s)/g,
];

/** How many code units beside a place the patterns above look at. */
const CONTEXT = 48;

/**
 * The text in pieces of at most `size` characters, cut where its structure allows: before a
 * heading, else after a paragraph, a list item, a sentence, a line or a word, else anywhere but
 * inside a surrogate pair.
 *
 * - Together the pieces hold every character that is not white space; no piece begins or ends
 *   with white space. A text without such characters gives none.
 * - A fence or a table that fits in a piece is never cut.
 * - A piece repeats up to `overlap` of the one before, from the start of a sentence, line or word,
 *   so that what straddles a cut is found in one of the two. It repeats nothing of the section
 *   before its own, no part of a fence or table that is not cut, and nothing at all where it begins
 *   with a heading, fence or table, goes on with a table, or where the last sentence is longer than
 *   `overlap`.
 * - Starts and ends both increase from piece to piece.
 *
 * Throws a `RangeError` for a `size` or `overlap` out of range. Takes some 50 ms for a megabyte.
 */
export function splitText(
  text: string,
  { size = DEFAULT_CHUNK_SIZE, overlap = Math.floor(size / 5) }: SplitOptions = {},
): TextPiece[] {
  if (!Number.isInteger(size) || size < 4)
    throw new RangeError(`The size of a piece must be a whole number of at least 4, not ${size}.`);
  if (!Number.isInteger(overlap) || overlap < 0 || overlap > size / 2) {
    throw new RangeError(
      `The overlap must be a whole number from 0 to half of the size (${size / 2}), not ` +
        `${overlap}.`,
    );
  }
  const splitter = new Splitter(text, size, overlap);
  return [...splitter.pieces()];
}

class Splitter {
  readonly #structure: Structure;
  readonly #sums: Uint32Array;
  /** Behind the last character that is not white space. */
  readonly #end: number;

  constructor(
    private readonly text: string,
    private readonly size: number,
    private readonly overlap: number,
  ) {
    this.#structure = markdownStructure(text);
    this.#sums = characterSums(text);
    this.#end = text.trimEnd().length;
  }

  *pieces(): Generator<TextPiece> {
    const { text } = this;
    let firstUncovered = skipSpace(text, 0); // the first character that no piece holds yet
    let start = firstUncovered;
    while (firstUncovered < this.#end) {
      const position = this.#findEnd(start, firstUncovered);
      const piece = text.slice(start, position).trimEnd();
      const end = start + piece.length;
      yield { text: piece, start, end, ...this.#contextOf(start, end) };
      firstUncovered = skipSpace(text, position);
      start = this.#findStart(start, firstUncovered);
    }
  }

  /** The best end, after `firstUncovered`, for the piece that starts at `start`. */
  #findEnd(start: number, firstUncovered: number): number {
    const { text, size } = this;
    const sums = this.#sums;
    let limit = lastAtMost(sums, sums[start]! + size);
    if (limit >= this.#end) return this.#end;
    const torn = this.#blockAround(limit);
    if (torn && this.#fits(torn)) limit = torn.start;
    const isGood = (position: number, least: number): boolean =>
      position > firstUncovered &&
      position <= limit &&
      sums[position]! - sums[start]! >= least * size;
    const heading = lastBefore(this.#structure.headings, limit + 1);
    if (heading && isGood(heading.start, LEAST_BEFORE_HEADING)) return heading.start;
    const window = text.slice(start, limit + CONTEXT);
    for (const { pattern, least, within } of ENDS) {
      const positions = Array.from(window.matchAll(pattern), match => start + match.index);
      const last = positions.findLast(position => {
        if (!isGood(position, least)) return false;
        const block = this.#blockAround(position);
        return block ? within !== 'text' && !this.#fits(block) : within !== 'blocks';
      });
      if (last !== undefined) return last;
    }
    return limit;
  }

  /**
   * The best start, not before that of the last piece, for the piece whose first new character is
   * at `firstUncovered`.
   */
  #findStart(lastStart: number, firstUncovered: number): number {
    const { text, overlap } = this;
    const sums = this.#sums;
    const heading = lastBefore(this.#structure.headings, firstUncovered + 1);
    if (overlap === 0 || heading?.start === firstUncovered) return firstUncovered;
    const block = lastBefore(this.#structure.blocks, firstUncovered + 1);
    // The fence that the piece goes on with. Rows of a table say each something of its own.
    const around = block && firstUncovered < block.end ? block : undefined;
    if (around && (around.start === firstUncovered || around.kind === 'table'))
      return firstUncovered;
    let earliest = Math.max(
      firstAtLeast(sums, sums[firstUncovered]! - overlap),
      lastStart + 1,
      heading?.start ?? 0,
      around?.start ?? 0,
    );
    const torn = this.#blockAround(earliest);
    if (torn && torn !== around) earliest = torn.end;
    if (isInsidePair(text, earliest)) earliest += 1;
    // A character that counts for more may need all the room.
    if (lastAtMost(sums, sums[earliest]! + this.size) <= firstUncovered) return firstUncovered;
    const windowStart = Math.max(0, earliest - CONTEXT);
    const window = text.slice(windowStart, firstUncovered + CONTEXT);
    for (const pattern of STARTS) {
      const positions = Array.from(window.matchAll(pattern), match => windowStart + match.index);
      const first = positions.find(
        position => position >= earliest && (this.#blockAround(position) ?? around) === around,
      );
      if (first !== undefined && first <= firstUncovered) return first;
    }
    return earliest;
  }

  /** What the pieces around a piece know of it. */
  #contextOf(start: number, end: number): Pick<TextPiece, 'headings' | 'tableHeader'> {
    const { headings, blocks } = this.#structure;
    let index = firstIndex(headings.length, at => headings[at]!.start > start) - 1;
    // One that the piece begins with may be followed by another at once.
    for (let at = start; headings[index]?.start === at; index += 1) {
      at = skipSpace(this.text, headings[index]!.end);
      if (at >= end || headings[index + 1]?.start !== at) break;
    }
    const table = lastBefore(blocks, start + 1);
    const isRest = table?.headerEnd !== undefined && start > table.headerEnd && start < table.end;
    const header = isRest ? this.text.slice(table.start, table.headerEnd) : undefined;
    const isShort = isRest && this.#sums[table.headerEnd]! - this.#sums[table.start]! <= this.size;
    return { headings: headings[index]?.path ?? [], tableHeader: isShort ? header : undefined };
  }

  /** The block that a cut at `position` would part. */
  #blockAround(position: number): Block | undefined {
    const block = lastBefore(this.#structure.blocks, position);
    return block && position < block.end ? block : undefined;
  }

  #fits(block: Block): boolean {
    return this.#sums[block.end]! - this.#sums[block.start]! <= this.size;
  }
}

/** The last of `items` that starts before `position`. */
function lastBefore<T extends Heading | Block>(
  items: readonly T[],
  position: number,
): T | undefined {
  const index = firstIndex(items.length, at => items[at]!.start >= position);
  return items[index - 1];
}

/** The first place up to which characters count `least` together. */
function firstAtLeast(sums: Uint32Array, least: number): number {
  return firstIndex(sums.length, at => sums[at]! >= least);
}

/** The last place up to which characters count no more than `most` together. */
function lastAtMost(sums: Uint32Array, most: number): number {
  return firstIndex(sums.length, at => sums[at]! > most) - 1;
}

/** The first index below `length` of which something is true that is true of all behind it too. */
function firstIndex(length: number, isTrue: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isTrue(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at;
}

/**
 * A piece of a text: `text` is the original from `start` up to and without `end`, counted in UTF-16
 * code units as JavaScript's strings are.
 */
export interface TextPiece {
  text: string;
  start: number;
  end: number;
}

export interface SplitOptions {
  /** The most UTF-16 code units that a piece may have, at least 4. */
  size?: number;
  /**
   * How far a piece may reach back into the one before it, in UTF-16 code units; at most half of
   * `size`, so that every piece brings something new.
   */
  overlap?: number;
}

/**
 * Where a piece may end, the best places first: each pattern matches the empty string there.
 * `least` is the part of `size` that the piece must fill for the place to count, for a good ending
 * is not worth a crumb. Patterns start with what is rare and bound what they repeat, so that
 * hostile texts (a megabyte of dots, of line feeds) cost no more than others.
 */
const ENDS = [
  { pattern: /(?=\n#{1,6}\s)/g, least: 0.25 }, // before a Markdown heading
  { pattern: /(?=\n[^\S\n]{0,8}\n)/g, least: 0.5 }, // after a paragraph
  // before a list item or table row
  { pattern: /(?=\n[^\S\n]{0,8}(?:[-*+|]|\d{1,3}[.)])\s)/g, least: 0.5 },
  { pattern: /(?=\s)(?<=[.!?…]["'”’)\]]{0,3})|(?<=[。！？])/g, least: 0.5 }, // after a sentence
  { pattern: /(?=\s)/g, least: 0 }, // after a word
];

/**
 * Where the repeated end of the piece before may start, the best places first: a sentence or a
 * line, a word.
 */
const STARTS = [/(?=\S)(?<=\n|[.!?…]["'”’)\]]{0,3}\s{1,8}|[。！？])/g, /(?=\S)(?<=\s)/g];

/** How many code units beside a place the patterns above look at. */
const CONTEXT = 16;

const HEADING = /^#{1,6}\s/;

/**
 * The text in pieces of at most `size`, cut where its structure allows: before a heading, else
 * after a paragraph, a list item, a sentence or a word, else anywhere but inside a surrogate pair.
 *
 * - Together the pieces hold every character that is not white space; no piece begins or ends
 *   with white space. A text without such characters gives none.
 * - A piece repeats up to `overlap` of the one before, from the start of a sentence or a word, so
 *   that what straddles a cut is found in one of the two. One that begins with a heading, or with a
 *   sentence when the last one is longer than `overlap`, repeats nothing: nothing was torn apart.
 * - Starts and ends both increase from piece to piece.
 *
 * Throws a `RangeError` for a `size` or `overlap` out of range. Takes some 15 ms for a megabyte.
 */
export function splitText(
  text: string,
  { size = 1000, overlap = 200 }: SplitOptions = {},
): TextPiece[] {
  if (!Number.isInteger(size) || size < 4)
    throw new RangeError(`The size of a piece must be a whole number of at least 4, not ${size}.`);
  if (!Number.isInteger(overlap) || overlap < 0 || overlap > size / 2) {
    throw new RangeError(
      `The overlap must be a whole number from 0 to half of the size (${size / 2}), not ` +
        `${overlap}.`,
    );
  }
  const pieces: TextPiece[] = [];
  const textEnd = text.trimEnd().length;
  let firstUncovered = skipSpace(text, 0); // the first character that no piece holds yet
  let start = firstUncovered;
  while (firstUncovered < textEnd) {
    const position = textEnd - start <= size ? textEnd : findEnd(text, start, firstUncovered, size);
    const piece = text.slice(start, position).trimEnd();
    pieces.push({ text: piece, start, end: start + piece.length });
    firstUncovered = skipSpace(text, position);
    start = findStart(text, Math.max(firstUncovered - overlap, start + 1), firstUncovered);
  }
  return pieces;
}

/** The best end, after `firstUncovered`, for the piece that starts at `start`. */
function findEnd(text: string, start: number, firstUncovered: number, size: number): number {
  const window = text.slice(start, start + size + CONTEXT);
  for (const { pattern, least } of ENDS) {
    const positions = Array.from(window.matchAll(pattern), match => match.index);
    const last = positions.findLast(position => position <= size);
    if (last !== undefined && last >= least * size && start + last > firstUncovered)
      return start + last;
  }
  return isInsidePair(text, start + size) ? start + size - 1 : start + size;
}

/**
 * The best start, from `earliest` to `firstUncovered`, for the piece whose first new character is
 * at `firstUncovered`.
 */
function findStart(text: string, earliest: number, firstUncovered: number): number {
  if (HEADING.test(text.slice(firstUncovered, firstUncovered + CONTEXT))) return firstUncovered;
  const windowStart = Math.max(0, earliest - CONTEXT);
  const window = text.slice(windowStart, firstUncovered + CONTEXT);
  for (const pattern of STARTS) {
    const positions = Array.from(window.matchAll(pattern), match => windowStart + match.index);
    const first = positions.find(position => position >= earliest);
    if (first !== undefined && first <= firstUncovered) return first;
  }
  return isInsidePair(text, earliest) ? earliest + 1 : earliest;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at;
}

/** Whether a cut at `position` would part the two halves of one character. */
function isInsidePair(text: string, position: number): boolean {
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(position - 1, position + 1));
}

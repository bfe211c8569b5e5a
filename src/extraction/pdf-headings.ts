import type { TextLine } from './pdf-lines.js';
import type { OutlineTitle } from './pdf-outline.js';

/** `count` lines of a page, from the line `first`, counted from 0. */
export interface PageHeading {
  readonly first: number;
  readonly count: number;
  readonly level: number;
}

type Pages = readonly (readonly TextLine[])[];

/** A longer title is a paragraph in a large font. */
const MOST_LINES = 3;
const MOST_CHARACTERS = 200;
const MOST_LEVELS = 6;
/** How much larger than that of the text the font of a heading is. */
const LARGER = 1.15;
/** Where more of the text than this is large, its size says nothing. */
const MOST_OF_TEXT = 0.2;
/** Lines of one heading are no further apart than this many times their font. */
const LINE_DISTANCE = 1.6;
const NUMBER = /^(?:\p{L}{4,12}\s+)?(?:\d+|[A-Z])(?:\.\d+)*[.):]*\s+/u;

/** Where the titles of the outline stand on the pages that they lead to. */
export function headingsByOutline(pages: Pages, titles: readonly OutlineTitle[]): PageHeading[][] {
  const headings = pages.map((): PageHeading[] => []);
  for (const { title, level, page } of titles) {
    const lines = pages[page];
    const found = lines && findTitle(lines, title, headings[page]!);
    if (found) headings[page]!.push({ ...found, level });
  }
  return headings;
}

function findTitle(
  lines: readonly TextLine[],
  title: string,
  taken: readonly PageHeading[],
): Omit<PageHeading, 'level'> | undefined {
  const wanted = keysOf(title);
  if (wanted[0] === '') return undefined;
  for (let first = 0; first < lines.length; first += 1) {
    if (taken.some(heading => first >= heading.first && first < heading.first + heading.count))
      continue;
    let text = '';
    for (let count = 1; count <= MOST_LINES && first + count <= lines.length; count += 1) {
      text += `${lines[first + count - 1]!.text} `;
      if (text.length > 2 * title.length + MOST_CHARACTERS) break;
      if (keysOf(text).some(key => wanted.includes(key))) return { first, count };
    }
  }
  return undefined;
}

/** With and without its number: an outline may have it or not, and so may the page. */
function keysOf(title: string): string[] {
  const keyOf = (text: string): string =>
    text
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, '');
  const trimmed = title.trim();
  return [keyOf(trimmed), keyOf(trimmed.replace(NUMBER, ''))].filter(key => key !== '');
}

/** Short lines in a larger font than that of the text: the largest are of the first level. */
export function headingsBySize(pages: Pages): PageHeading[][] {
  const characters = new Map<number, number>();
  for (const { size, text } of pages.flat())
    characters.set(size, (characters.get(size) ?? 0) + text.length);
  const all = [...characters.values()].reduce((sum, count) => sum + count, 0);
  const [usual = 0] = [...characters].reduce(
    (most, one) => (one[1] > most[1] ? one : most),
    [0, 0],
  );
  const sizes = [...characters.keys()].filter(size => size >= usual * LARGER).sort((a, b) => b - a);
  const large = sizes.reduce((sum, size) => sum + characters.get(size)!, 0);
  if (large > all * MOST_OF_TEXT) return pages.map(() => []);
  return pages.map(lines => largeLines(lines, sizes));
}

function largeLines(lines: readonly TextLine[], sizes: readonly number[]): PageHeading[] {
  const headings: PageHeading[] = [];
  for (let first = 0; first < lines.length;) {
    const { size } = lines[first]!;
    const level = sizes.indexOf(size) + 1;
    let count = 1;
    if (level > 0) {
      while (isSameHeading(lines[first + count - 1]!, lines[first + count])) count += 1;
      const text = lines
        .slice(first, first + count)
        .map(line => line.text)
        .join(' ');
      if (count <= MOST_LINES && text.length <= MOST_CHARACTERS && /\p{L}/u.test(text))
        headings.push({ first, count, level: Math.min(level, MOST_LEVELS) });
    }
    first += count;
  }
  return headings;
}

function isSameHeading(above: TextLine, below: TextLine | undefined): boolean {
  if (below?.size !== above.size) return false;
  const distance = above.y - below.y;
  return distance > 0 && distance <= above.size * LINE_DISTANCE;
}

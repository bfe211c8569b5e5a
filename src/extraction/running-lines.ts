import type { TextLine } from './pdf-lines.js';

/** On so many pages the same line at the same height is a header or a footer. */
const LEAST_PAGES = 3;
const NUMBER = /^[^\p{L}\p{N}]*(\d{1,5})[^\p{L}\p{N}]*$/u;

interface Edge {
  readonly page: number;
  /** Of the line, counted from 0. */
  readonly index: number;
  readonly line: TextLine;
}

/**
 * The lines of pages without page numbers, and without headers and footers that stood at the same
 * place of an earlier page: a piece of text across two pages is not parted by them. Nothing else
 * goes, so no word is lost.
 */
export function withoutRunningLines(pages: readonly (readonly TextLine[])[]): TextLine[][] {
  const edges = pages.flatMap((lines, page) => edgesOf(lines, page));
  const gone = new Set<TextLine>([...repeated(edges), ...pageNumbers(edges)]);
  return pages.map(lines => lines.filter(line => !gone.has(line)));
}

/** The first and last line of a page, by their height: a file may write them in any order. */
function edgesOf(lines: readonly TextLine[], page: number): Edge[] {
  if (lines.length < 2) return [];
  let [top, bottom] = [0, 0];
  for (const [index, { y }] of lines.entries()) {
    if (y > lines[top]!.y) top = index;
    if (y < lines[bottom]!.y) bottom = index;
  }
  const height = (index: number): number => lines[index]!.y;
  return lines.flatMap((line, index) =>
    line.y === height(top) || line.y === height(bottom) ? [{ page, index, line }] : [],
  );
}

function repeated(edges: readonly Edge[]): TextLine[] {
  const groups = Map.groupBy(edges, ({ line }) => `${Math.round(line.y)} ${line.text}`);
  return [...groups.values()]
    .filter(group => group.length >= LEAST_PAGES)
    .flatMap(group => group.slice(1).map(({ line }) => line));
}

/** Numbers at an edge that grow with the pages. */
function pageNumbers(edges: readonly Edge[]): TextLine[] {
  const numbers = edges.flatMap(({ page, line }) => {
    const number = NUMBER.exec(line.text)?.[1];
    return number === undefined ? [] : [{ offset: Number(number) - page, line }];
  });
  const groups = Map.groupBy(numbers, ({ offset }) => offset);
  return [...groups.values()]
    .filter(group => group.length >= LEAST_PAGES)
    .flatMap(group => group.map(({ line }) => line));
}

import { joinWords } from './hyphens.js';
import { plainLine } from './markdown-writer.js';
import { headingsByOutline, headingsBySize, type PageHeading } from './pdf-headings.js';
import type { TextLine } from './pdf-lines.js';
import type { OutlineTitle } from './pdf-outline.js';
import { withoutRunningLines } from './running-lines.js';

/** Lines further apart than this many times the size of their font are of two paragraphs, ... */
const PARAGRAPH_GAP = 1.5;
/** ... where it is also more than this many times the usual distance on the page. */
const PARAGRAPH_STRETCH = 1.25;
const BULLET = /^[•‣◦▪●∙·]\s*(?=\S)/;

/**
 * The pages as Markdown: words that were parted at the end of a line in one, empty lines between
 * paragraphs, headings by the outline or else by the size of their font. A header or footer that
 * is the same on several pages stays on the first of them, and page numbers go.
 */
export function pdfPages(
  pages: readonly (readonly TextLine[])[],
  titles: readonly OutlineTitle[],
): string[] {
  const kept = withoutRunningLines(pages);
  const told = headingsByOutline(kept, titles);
  const headings = told.some(({ length }) => length > 0) ? told : headingsBySize(kept);
  const paragraphs = kept.map((lines, page) => paragraphsOf(lines, headings[page]!));
  const joined = joinWords(paragraphs.flatMap(ofPage => ofPage.map(({ lines }) => lines)));
  let next = 0;
  const textOf = ({ level }: Paragraph): string => {
    const lines = joined[next++]!;
    return level === 0
      ? lines.map(plainLine).join('\n')
      : `${'#'.repeat(level)} ${lines.join(' ')}`;
  };
  return paragraphs.map(ofPage => ofPage.map(textOf).join('\n\n'));
}

interface Paragraph {
  readonly lines: string[];
  /** Of a heading; 0 for any other text. */
  readonly level: number;
}

function paragraphsOf(lines: readonly TextLine[], headings: readonly PageHeading[]): Paragraph[] {
  const paragraphs: Paragraph[] = [];
  const usual = usualDistance(lines);
  let open: string[] | undefined;
  for (let index = 0; index < lines.length;) {
    const line = lines[index]!;
    const heading = headings.find(({ first }) => first === index);
    if (heading) {
      const title = lines.slice(index, index + heading.count).map(({ text }) => text);
      paragraphs.push({ lines: title, level: heading.level });
      open = undefined;
    } else {
      if (open === undefined || areApart(lines[index - 1]!, line, usual)) {
        open = [];
        paragraphs.push({ lines: open, level: 0 });
      }
      open.push(line.text.replace(BULLET, '- '));
    }
    index += heading?.count ?? 1;
  }
  return paragraphs;
}

function areApart(above: TextLine, below: TextLine, usual: number): boolean {
  const distance = above.y - below.y;
  const size = Math.max(above.size, below.size);
  // Further up is another column, or a note.
  return distance < -size || distance > Math.max(size * PARAGRAPH_GAP, usual * PARAGRAPH_STRETCH);
}

/** The median from one line to the next below it; 0 on a page of one line. */
function usualDistance(lines: readonly TextLine[]): number {
  const distances = lines
    .slice(1)
    .map((line, index) => lines[index]!.y - line.y)
    .filter(distance => distance > 0)
    .sort((a, b) => a - b);
  return distances[Math.floor(distances.length / 2)] ?? 0;
}

/** A heading of a text. Offsets here count UTF-16 code units. */
export interface Heading {
  readonly start: number;
  readonly end: number;
  /** The titles that lead to it, outermost first, its own last. */
  readonly path: readonly string[];
}

/**
 * A fenced block of code or a table, from its first character that shows to its last line's end.
 */
export interface Block {
  readonly kind: 'fence' | 'table';
  readonly start: number;
  readonly end: number;
  /** Of a table: where the header and the rule below it end. */
  readonly headerEnd?: number;
}

/** What the splitter knows of a text. Headings and blocks are in the order of the text. */
export interface Structure {
  readonly headings: readonly Heading[];
  readonly blocks: readonly Block[];
}

/** A longer title is cut in paths: it stands before every piece of its section. */
const MAX_TITLE = 200;

interface Line {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface FoundHeading {
  readonly level: number;
  readonly title: string;
  /** How many lines it takes. */
  readonly count: number;
}

/** A fence may stand in a quotation, and behind the sign of a list's item. */
const FENCE = /^[ \t]*(>[ \t>]*)?(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})(.*)$/;
const ATX_HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/;
const SETEXT_RULE = /^ {0,3}(?:=+|-{2,})[ \t]*$/;
const TABLE_RULE = /^[ \t>]*\|?[ \t]*:?-[ \t|:-]*$/;
/** What begins something else than a paragraph. */
const NO_PARAGRAPH = /^ {0,3}(?:[-*+][ \t]|\d{1,9}[.)][ \t]|[>|#<])|^(?: {4}|\t)/;
const FRONT_MATTER_END = /^(?:---|\.\.\.)[ \t]*$/;

/**
 * The headings (`# so`, and underlined), fences and tables of a text, read as GitHub reads
 * Markdown. A text that is not Markdown has none. Takes a time that grows with its length alone.
 */
export function markdownStructure(text: string): Structure {
  const headings: Heading[] = [];
  const blocks: Block[] = [];
  const lines = linesOf(text);
  const open: { level: number; title: string }[] = [];
  let mayBeTitle = true; // nothing of a paragraph stands right before the line
  for (let index = frontMatterLines(lines); index < lines.length;) {
    const line = lines[index]!;
    const block = fenceAt(lines, index) ?? tableAt(lines, index);
    const heading: FoundHeading | undefined = block
      ? undefined
      : headingAt(lines, index, mayBeTitle);
    if (heading) {
      while (open.length > 0 && open.at(-1)!.level >= heading.level) open.pop();
      open.push(heading);
      const path = open.flatMap(({ title }) => (title === '' ? [] : [title]));
      const { start, end } = spanOf(lines, index, heading.count);
      headings.push({ start, end, path });
    } else if (block) {
      const { start, end } = spanOf(lines, index, block.count);
      const headerEnd = block.kind === 'table' ? { headerEnd: lines[index + 1]!.end } : {};
      blocks.push({ kind: block.kind, start, end, ...headerEnd });
    }
    mayBeTitle = heading !== undefined || block !== undefined || line.text.trim() === '';
    index += heading?.count ?? block?.count ?? 1;
  }
  return { headings, blocks };
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (let start = 0; start <= text.length;) {
    const feed = text.indexOf('\n', start);
    const next = feed < 0 ? text.length : feed;
    const end = next > start && text[next - 1] === '\r' ? next - 1 : next;
    lines.push({ start, end, text: text.slice(start, end) });
    start = next + 1;
  }
  return lines;
}

function spanOf(lines: readonly Line[], index: number, count: number): Omit<Line, 'text'> {
  const first = lines[index]!;
  return {
    start: first.start + first.text.search(/\S/),
    end: lines[index + count - 1]!.end,
  };
}

/** How many lines before the text say something of it, between two lines `---`. */
function frontMatterLines(lines: readonly Line[]): number {
  if (!/^---[ \t]*$/.test(lines[0]!.text)) return 0;
  return lines.findIndex((line, index) => index > 0 && FRONT_MATTER_END.test(line.text)) + 1;
}

/** One that is not closed goes to the end of the text, or of the quotation that it stands in. */
function fenceAt(
  lines: readonly Line[],
  index: number,
): { kind: 'fence'; count: number } | undefined {
  const [, quotation, fence, info] = FENCE.exec(lines[index]!.text) ?? [];
  if (fence === undefined || (fence.startsWith('`') && info!.includes('`'))) return undefined;
  let last = index;
  while (last + 1 < lines.length) {
    const { text } = lines[last + 1]!;
    if (quotation !== undefined && !/^[ \t]*>/.test(text)) break;
    last += 1;
    const [, , closing, rest] = FENCE.exec(text) ?? [];
    if (closing?.startsWith(fence) && rest!.trim() === '') break;
  }
  while (last > index && lines[last]!.text.trim() === '') last -= 1;
  return { kind: 'fence', count: last - index + 1 };
}

function tableAt(
  lines: readonly Line[],
  index: number,
): { kind: 'table'; count: number } | undefined {
  const rule = lines[index + 1]?.text;
  if (!lines[index]!.text.includes('|') || rule === undefined || !TABLE_RULE.test(rule))
    return undefined;
  if (
    !rule.includes('|') &&
    lines[index]!.text.trim()
      .replace(/^\||\|$/g, '')
      .includes('|')
  )
    return undefined;
  let count = 2;
  while (lines[index + count]?.text.includes('|')) count += 1;
  return { kind: 'table', count };
}

function headingAt(
  lines: readonly Line[],
  index: number,
  mayBeTitle: boolean,
): FoundHeading | undefined {
  const { text } = lines[index]!;
  const [, signs, title = ''] = ATX_HEADING.exec(text) ?? [];
  if (signs) return { level: signs.length, title: titleOf(withoutClosingSigns(title)), count: 1 };
  const rule = lines[index + 1]?.text;
  if (!mayBeTitle || rule === undefined || text.trim() === '' || NO_PARAGRAPH.test(text))
    return undefined;
  if (!SETEXT_RULE.test(rule)) return undefined;
  return { level: rule.includes('=') ? 1 : 2, title: titleOf(text), count: 2 };
}

/** `Title ##` is `Title`, and `##` alone is nothing. */
function withoutClosingSigns(title: string): string {
  const trimmed = title.trimEnd();
  let end = trimmed.length;
  while (trimmed[end - 1] === '#') end -= 1;
  return end === 0 || /\s/.test(trimmed[end - 1]!) ? trimmed.slice(0, end) : trimmed;
}

function titleOf(text: string): string {
  const title = text.trim().replace(/\s+/g, ' ');
  const characters = Array.from(title.slice(0, 2 * MAX_TITLE + 2));
  return characters.length > MAX_TITLE ? `${characters.slice(0, MAX_TITLE - 1).join('')}…` : title;
}

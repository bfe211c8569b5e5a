import { Parser } from 'htmlparser2';
import { ExtractionError } from './extraction-error.js';
import { fence, MarkdownWriter, table } from './markdown-writer.js';
import { tooManyCharacters } from './too-many-characters.js';

/** What a browser shows nothing of, or what is no text. */
const SKIPPED = new Set(
  (
    'title script style template noscript svg math iframe object embed canvas audio video select ' +
    'datalist textarea'
  ).split(' '),
);
const PARAGRAPHS = new Set('p ul ol dl pre table blockquote hr figure form fieldset'.split(' '));
const LINES = new Set(
  (
    'address article aside body caption center dd details dialog div dt figcaption footer header ' +
    'hgroup html legend li main menu nav optgroup option search section summary tbody td tfoot ' +
    'th thead tr'
  ).split(' '),
);
/** Tables within tables beyond this are no tables. */
const MOST_TABLES = 8;
/** Columns that one cell may span: a page can claim any number. */
const MOST_SPANNED = 50;
/** Browsers nest no deeper than 512; the parser takes the square of the depth. */
const MOST_NESTED = 20_000;
const HIDDEN_STYLE = /display\s*:\s*none|visibility\s*:\s*hidden/i;

interface OpenTable {
  readonly rows: string[][];
  /** Whether something is in it that a cell of one line cannot show. */
  isLayout: boolean;
}

/** An element that needs more at its end than a break. */
interface OpenElement {
  readonly name: string;
  readonly close: () => void;
}

export interface MarkdownPage {
  readonly text: string;
  readonly title: string | undefined;
}

/**
 * What a reader of an HTML page sees, as Markdown: headings, paragraphs, lists, quotations, code
 * and tables. Links and pictures leave their texts. It keeps no tree, so that deep
 * nesting costs nothing. Throws an `ExtractionError` for more than `limit` characters.
 */
export function htmlToMarkdown(html: string, limit: number): MarkdownPage {
  const page = new PageReader(limit);
  const parser = new Parser(
    {
      onopentag: (name, attributes) => page.open(name, attributes),
      // Soft hyphens say where a word may be parted, and would keep it from being found.
      ontext: text => page.text(text.replaceAll('\u00ad', '')),
      onclosetag: name => page.close(name),
    },
    { decodeEntities: true, lowerCaseTags: true, recognizeSelfClosing: false },
  );
  parser.write(html);
  parser.end();
  return page.result();
}

class PageReader {
  /** The page, and each cell and code that is written apart. The last one is written to. */
  readonly #writers = [new MarkdownWriter()];
  readonly #elements: OpenElement[] = [];
  readonly #tables: OpenTable[] = [];
  readonly #lists: { next: number | undefined }[] = [];
  /** The element of which nothing is read, and how many of its name are open. */
  #skipped: { readonly name: string; depth: number } | undefined;
  /** The code of a `pre`, where one is open. */
  #code: string | undefined;
  /** The text of a heading, where one is open. */
  #heading: string | undefined;
  #title: string | undefined;
  #isTitle = false;
  #depth = 0;

  constructor(private readonly limit: number) {}

  result(): MarkdownPage {
    while (this.#elements.length > 0) this.#elements.pop()!.close();
    const title = this.#title?.replace(/\s+/g, ' ').trim();
    return { text: this.#writer.toString(), title: title === '' ? undefined : title };
  }

  get #writer(): MarkdownWriter {
    return this.#writers.at(-1)!;
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#depth += 1;
    if (this.#depth > MOST_NESTED) throw tooDeep();
    if (name === 'title' && !this.#skipped && this.#title === undefined) this.#isTitle = true;
    if (this.#skipped) {
      if (this.#skipped.name === name) this.#skipped.depth += 1;
      return;
    }
    if (SKIPPED.has(name) || isHidden(name, attributes)) {
      this.#skipped = { name, depth: 1 };
      return;
    }
    if (name === 'br') return this.#breakLine();
    if (name === 'img') return this.text(attributes.alt ?? '');
    if (this.#heading !== undefined || this.#code !== undefined) return;
    this.#break(name);
    this.#openElement(name, attributes);
  }

  text(text: string): void {
    if (this.#isTitle) this.#title = (this.#title ?? '') + text;
    if (this.#skipped) return;
    if (this.#code !== undefined) this.#code += text;
    else if (this.#heading !== undefined) this.#heading += text;
    else this.#writer.text(text);
    const length = this.#writer.length + (this.#code ?? this.#heading ?? '').length;
    if (length > this.limit) throw tooManyCharacters(this.limit);
  }

  close(name: string): void {
    this.#depth -= 1;
    if (name === 'title') this.#isTitle = false;
    if (this.#skipped) {
      if (this.#skipped.name === name && (this.#skipped.depth -= 1) === 0)
        this.#skipped = undefined;
      return;
    }
    const index = this.#elements.findLastIndex(element => element.name === name);
    if (index >= 0) {
      // Elements inside that the page leaves open end with it.
      for (const element of this.#elements.splice(index).reverse()) element.close();
    } else if (this.#heading === undefined && this.#code === undefined) this.#break(name);
  }

  #break(name: string): void {
    if (PARAGRAPHS.has(name)) this.#writer.breakParagraph();
    else if (LINES.has(name)) this.#writer.breakLine();
  }

  #breakLine(): void {
    if (this.#code !== undefined) this.#code += '\n';
    else if (this.#heading !== undefined) this.#heading += ' ';
    else this.#writer.breakLine();
  }

  #openElement(name: string, attributes: Readonly<Record<string, string>>): void {
    const level = /^h([1-6])$/.exec(name)?.[1];
    if (level) this.#openHeading(name, Number(level));
    else if (name === 'pre') this.#openCode();
    else if (name === 'ul' || name === 'ol') this.#openList(name, attributes);
    else if (name === 'li') this.#openItem();
    else if (name === 'blockquote') this.#openQuote();
    else if (name === 'table') this.#openTable();
    else if (name === 'tr') this.#tables.at(-1)?.rows.push([]);
    else if (name === 'td' || name === 'th') this.#openCell(name, attributes);
  }

  #push(name: string, close: () => void): void {
    this.#elements.push({ name, close });
  }

  #openHeading(name: string, level: number): void {
    this.#heading = '';
    this.#markLayout();
    this.#push(name, () => {
      this.#writer.heading(level, this.#heading ?? '');
      this.#heading = undefined;
    });
  }

  #openCode(): void {
    this.#code = '';
    this.#markLayout();
    this.#push('pre', () => {
      const code = (this.#code ?? '').replace(/\r\n?/g, '\n').replace(/^\n+|\s+$/g, '');
      this.#code = undefined;
      if (code !== '') this.#writer.block(fence(code));
    });
  }

  #openList(name: string, { start }: Readonly<Record<string, string>>): void {
    const first = /^\d{1,6}$/.test(start ?? '') ? Number(start) : 1;
    this.#lists.push({ next: name === 'ol' ? first : undefined });
    this.#push(name, () => {
      this.#lists.pop();
      if (this.#lists.length === 0) this.#writer.breakParagraph();
      else this.#writer.breakLine();
    });
  }

  #openItem(): void {
    const list = this.#lists.at(-1);
    this.#writer.openItem(list?.next === undefined ? '- ' : `${list.next}. `);
    if (list?.next !== undefined) list.next += 1;
    this.#push('li', () => this.#writer.close());
  }

  #openQuote(): void {
    this.#writer.openQuote();
    this.#push('blockquote', () => {
      this.#writer.close();
      this.#writer.breakParagraph();
    });
  }

  #openTable(): void {
    this.#markLayout();
    if (this.#tables.length >= MOST_TABLES) return;
    const opened: OpenTable = { rows: [], isLayout: false };
    this.#tables.push(opened);
    this.#push('table', () => {
      this.#tables.pop();
      this.#writeTable(opened);
    });
  }

  #openCell(name: string, { colspan }: Readonly<Record<string, string>>): void {
    const row = this.#tables.at(-1)?.rows.at(-1);
    if (!row) return;
    const writer = new MarkdownWriter();
    this.#writers.push(writer);
    this.#push(name, () => {
      this.#writers.pop();
      row.push(writer.toString());
      const spanned = Math.min(Number.parseInt(colspan ?? '1', 10) || 1, MOST_SPANNED);
      for (let column = 1; column < spanned; column += 1) row.push('');
    });
  }

  #markLayout(): void {
    const around = this.#tables.at(-1);
    if (around) around.isLayout = true;
  }

  /** A table that arranges a page, and one with a single row or column, gives its cells in turn. */
  #writeTable({ rows, isLayout }: OpenTable): void {
    const filled = rows.filter(row => row.some(cell => cell.trim() !== ''));
    const width = Math.max(0, ...filled.map(row => row.length));
    if (!isLayout && filled.length > 1 && width > 1) this.#writer.block(table(filled));
    else for (const cell of filled.flat()) if (cell.trim() !== '') this.#writer.block(cell);
  }
}

function isHidden(name: string, attributes: Readonly<Record<string, string>>): boolean {
  return (
    name !== 'body' &&
    name !== 'html' &&
    ('hidden' in attributes || HIDDEN_STYLE.test(attributes.style ?? ''))
  );
}

function tooDeep(): ExtractionError {
  return new ExtractionError(
    'CORRUPT',
    `The HTML page has elements inside each other more than ${MOST_NESTED} deep. Correct it and ` +
      'send it again.',
  );
}

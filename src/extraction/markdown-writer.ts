/** Deeper nesting is written as if it were this deep, so that hostile pages stay small. */
const MOST_NESTED = 12;
/** A line that Markdown would read as a heading, a fence or the rule below a heading or table. */
const READS_AS_MARKDOWN =
  /^(?:#{1,6}(?:\s|$)|`{3,}|~{3,}|(?:=+|-{2,})\s*$|\|?\s*:?-+:?\s*\|[-:|\s]*$)/;

/** A line of a text that is not Markdown, so that it stays a plain line in one that is. */
export function plainLine(line: string): string {
  return READS_AS_MARKDOWN.test(line) ? `\\${line}` : line;
}

/** A block of code, in a fence that is longer than any within. */
export function fence(code: string): string {
  const longest = Math.max(2, ...Array.from(code.matchAll(/`{3,}/g), ([run]) => run.length));
  const marks = '`'.repeat(longest + 1);
  return `${marks}\n${code}\n${marks}`;
}

/** A table whose first row is its header. Each cell is one line. */
export function table(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(row => row.length));
  const lines = rows.map(row => {
    const cells = Array.from({ length: width }, (_, column) => cellText(row[column] ?? ''));
    return `| ${cells.join(' | ')} |`;
  });
  lines.splice(1, 0, `| ${Array.from({ length: width }, () => '---').join(' | ')} |`);
  return lines.join('\n');
}

function cellText(text: string): string {
  return text.replace(/\s+/g, ' ').trim().replaceAll('|', '\\|');
}

/** Writes Markdown from pieces of text and the breaks between them, as they come. */
export class MarkdownWriter {
  readonly #pieces: string[] = [];
  /** Stand before each line: of items and quotations around it. */
  readonly #prefixes: string[] = [];
  /** Of the item that has no text yet, and the breaks before it. */
  #marker = '';
  #markerBreaks = 0;
  #line = '';
  /** Whether the line is empty or ends with a space. Looking at it would copy it each time. */
  #isSpaced = true;
  /** Empty lines and line breaks that are due before the next text. */
  #breaks = 0;
  #length = 0;
  /** What stands before the line above. */
  #lastIndent = '';

  /** How much has been written. */
  get length(): number {
    return this.#length + this.#line.length;
  }

  /** Text in which white space is one space, as in HTML. */
  text(text: string): void {
    const collapsed = text.replace(/[ \t\n\r\f]+/g, ' ');
    const added = this.#isSpaced ? collapsed.trimStart() : collapsed;
    if (added === '') return;
    this.#line += added;
    this.#isSpaced = added.endsWith(' ');
  }

  /** Ends the line. */
  breakLine(): void {
    this.#endLine();
    this.#breaks = Math.max(this.#breaks, 1);
  }

  /** Ends the paragraph. */
  breakParagraph(): void {
    this.#endLine();
    this.#breaks = 2;
  }

  /** Lines that are Markdown already, as a paragraph of their own. */
  block(markdown: string): void {
    this.breakParagraph();
    for (const line of markdown.split('\n')) {
      this.#writeLine(line);
      this.#breaks = 1;
    }
    this.#breaks = 2;
  }

  /** A line without breaks in it. */
  heading(level: number, title: string): void {
    const line = title.replace(/\s+/g, ' ').trim();
    if (line !== '') this.block(`${'#'.repeat(level)} ${line}`);
  }

  /** What follows is an item of a list. `marker` is written before its first line. */
  openItem(marker: string): void {
    this.breakLine();
    this.#marker = this.#indent() + marker;
    this.#markerBreaks = this.#breaks;
    this.#prefixes.push(' '.repeat(marker.length));
  }

  openQuote(): void {
    this.breakParagraph();
    this.#prefixes.push('> ');
  }

  close(): void {
    this.#endLine();
    this.#marker = '';
    this.#prefixes.pop();
    this.#breaks = Math.max(this.#breaks, 1);
  }

  toString(): string {
    this.#endLine();
    return this.#pieces.join('');
  }

  #endLine(): void {
    const line = this.#line.trimEnd();
    this.#line = '';
    this.#isSpaced = true;
    if (line !== '') this.#writeLine(plainLine(line));
  }

  #writeLine(line: string): void {
    const isFirst = this.#marker !== '';
    // An item and its text are not parted, whatever blocks begin in between.
    const due = isFirst ? this.#markerBreaks : this.#breaks;
    const breaks = this.#pieces.length === 0 ? 0 : due;
    const indent = this.#indent();
    const written = (isFirst ? this.#marker : indent) + line;
    // An empty line belongs to what is around both.
    const around = indent.startsWith(this.#lastIndent) ? this.#lastIndent : indent;
    const blank = breaks === 2 ? `\n${around.trimEnd()}\n` : '\n'.repeat(breaks);
    const piece = blank + written.trimEnd();
    this.#lastIndent = indent;
    this.#pieces.push(piece);
    this.#length += piece.length;
    this.#marker = '';
    this.#breaks = 1;
  }

  #indent(): string {
    return this.#prefixes.slice(0, MOST_NESTED).join('');
  }
}

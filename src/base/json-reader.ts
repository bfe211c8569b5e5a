/**
 * Reads a JSON text that `JSON.parse` has accepted, to find the position of a value in it. What it
 * skips is not parsed.
 */
export class JsonReader {
  #at = 0;

  constructor(private readonly text: string) {
    this.#skipSpace();
  }

  /** The first character of the next value. */
  get next(): string {
    return this.text[this.#at]!;
  }

  /**
   * Calls `member` for each member of the next value, an object. It must pass the member's value.
   */
  object(member: (name: string) => void): void {
    this.#each('}', () => {
      const name = this.skip();
      this.#skip(1); // The colon.
      member(name.includes('\\') ? (JSON.parse(name) as string) : name.slice(1, -1));
    });
  }

  /** Calls `item` for each item of the next value, a list. It must pass the item. */
  list(item: (index: number) => void): void {
    let index = 0;
    this.#each(']', () => item(index++));
  }

  /** Passes the next value and gives its text. */
  skip(): string {
    const start = this.#at;
    const end = this.#end(start);
    this.#at = end;
    this.#skipSpace();
    return this.text.slice(start, end);
  }

  #each(closing: string, work: () => void): void {
    this.#skip(1);
    while (this.next !== closing) {
      work();
      if (this.next === ',') this.#skip(1);
    }
    this.#skip(1);
  }

  #end(start: number): number {
    switch (this.text[start]) {
      case '"':
        return this.#endOfString(start);
      case '{':
      case '[':
        return this.#endOfNested(start);
      default:
        return this.#find(/[,\]}\s]/g, start) ?? this.text.length;
    }
  }

  #endOfNested(start: number): number {
    let depth = 0;
    let at = start;
    do {
      at = this.#find(/["[\]{}]/g, at)!;
      const character = this.text[at]!;
      if (character === '"') at = this.#endOfString(at);
      else {
        depth += character === '[' || character === '{' ? 1 : -1;
        at += 1;
      }
    } while (depth > 0);
    return at;
  }

  #endOfString(start: number): number {
    for (let quote = start; ;) {
      quote = this.text.indexOf('"', quote + 1);
      let escapes = 0;
      while (this.text[quote - 1 - escapes] === '\\') escapes += 1;
      if (escapes % 2 === 0) return quote + 1;
    }
  }

  #find(what: RegExp, from: number): number | undefined {
    what.lastIndex = from;
    return what.exec(this.text)?.index;
  }

  #skip(characters: number): void {
    this.#at += characters;
    this.#skipSpace();
  }

  #skipSpace(): void {
    while (/\s/.test(this.text[this.#at] ?? '')) this.#at += 1;
  }
}

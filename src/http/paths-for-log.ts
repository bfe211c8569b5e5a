/**
 * The words of paths that may be logged: those of our own routes. Clients send tokens and names in
 * paths that do not exist.
 */
export class PathsForLog {
  readonly #words = new Set<string>();

  /** Makes a route's words known. */
  add(route: string): void {
    for (const word of route.split('/')) if (!/[*:]/.test(word)) this.#words.add(word);
  }

  /** The path of a URL without its query, with a mark for each word that is not in our routes. */
  of(url: string): string {
    const words = url.split(/[?#]/, 1)[0]!.split('/', MAX_WORDS + 1);
    return words
      .map((word, nth) => (nth < MAX_WORDS && this.#words.has(word) ? word : '…'))
      .join('/');
  }
}

/** One more than any of our routes has, including the empty one before the first slash. */
const MAX_WORDS = 8;

/**
 * What may stand in a path that is logged: words of our own routes. People put tokens and names
 * into paths that are not there.
 */
export class PathsForLog {
  readonly #words = new Set<string>();

  /** Makes a route's words known. */
  add(route: string): void {
    for (const word of route.split('/')) if (!/[*:]/.test(word)) this.#words.add(word);
  }

  /** The path of a URL, with a mark for each word that is none of ours, and without its query. */
  of(url: string): string {
    const words = url.split(/[?#]/, 1)[0]!.split('/', MAX_WORDS + 1);
    return words
      .map((word, nth) => (nth < MAX_WORDS && this.#words.has(word) ? word : '…'))
      .join('/');
  }
}

/** One more than any route of ours has, the empty one before the first slash included. */
const MAX_WORDS = 8;

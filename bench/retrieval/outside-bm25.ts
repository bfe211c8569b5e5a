const UNSPACED = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]`;
/** Characters of scripts without spaces are words by themselves. */
const WORD = new RegExp(String.raw`${UNSPACED}|(?:(?!${UNSPACED})[\p{L}\p{M}\p{N}])+`, 'gu');
const K1 = 1.2;
const B = 0.75;

function wordsOf(text: string): string[] {
  return text.normalize('NFKC').toLowerCase().match(WORD) ?? [];
}

/** BM25 as textbooks have it, over simple words: what any search should reach. */
export class OutsideBm25 {
  readonly #chunks: { id: string; length: number; counts: Map<string, number> }[];
  readonly #frequencies = new Map<string, number>();
  readonly #meanLength: number;

  constructor(chunks: readonly { readonly id: string; readonly text: string }[]) {
    this.#chunks = chunks.map(({ id, text }) => {
      const words = wordsOf(text);
      const counts = new Map<string, number>();
      for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
      for (const word of counts.keys())
        this.#frequencies.set(word, (this.#frequencies.get(word) ?? 0) + 1);
      return { id, length: words.length, counts };
    });
    this.#meanLength =
      this.#chunks.reduce((sum, { length }) => sum + length, 0) / this.#chunks.length;
  }

  /** The ids of the best chunks that have a word of the question, the best first. */
  best(question: string, limit: number): string[] {
    const words = new Set(wordsOf(question));
    return this.#chunks
      .map(({ id, length, counts }) => {
        let score = 0;
        for (const word of words) {
          const count = counts.get(word);
          if (count === undefined) continue;
          const frequency = this.#frequencies.get(word)!;
          const idf = Math.log(1 + (this.#chunks.length - frequency + 0.5) / (frequency + 0.5));
          score +=
            (idf * count * (K1 + 1)) / (count + K1 * (1 - B + (B * length) / this.#meanLength));
        }
        return { id, score };
      })
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
      .slice(0, limit)
      .map(({ id }) => id);
  }
}

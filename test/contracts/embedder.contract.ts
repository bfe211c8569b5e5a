import { describe, expect, test } from 'vitest';
import { STORED_DIMENSIONS } from '../../src/embedders/pad-vector.js';
import type { Embedder } from '../../src/embedders/embedder.js';

/** Texts that models, tokenisers and JSON stumble over. */
const ODD_TEXTS: Record<string, string> = {
  'no characters': '',
  'white space': ' \n\t ',
  punctuation: '?!… ---',
  'an emoji': '👩‍👩‍👧',
  'half a surrogate pair': 'broken \ud83d text',
  'control characters': 'null \u0000 and bell \u0007',
  'quotation marks and backslashes': '"\\" \'\\n\'',
  'another script': '東京タワーの営業時間は何時ですか。',
  'one word of 100000 letters': 'ed'.repeat(50_000),
  'many words': 'the quick brown fox '.repeat(2_000),
};

/** What every `Embedder` promises. `makeEmbedder` is called once for each test. */
export function describeEmbedder(name: string, makeEmbedder: () => Embedder): void {
  describe(`The embedder contract: ${name}`, () => {
    test('tells its name, its model and its dimensions', () => {
      const embedder = makeEmbedder();
      expect(embedder.name).toMatch(/^[a-z]+$/);
      expect(embedder.model).not.toBe('');
      expect(Number.isInteger(embedder.dimensions)).toBe(true);
      expect(embedder.dimensions).toBeGreaterThan(0);
      expect(embedder.dimensions).toBeLessThanOrEqual(STORED_DIMENSIONS);
    });

    test('gives no vectors for no texts', async () => {
      expect(await makeEmbedder().embed([])).toEqual([]);
    });

    test('gives the vectors in the order of the texts, however many there are', async () => {
      const embedder = makeEmbedder();
      const texts = Array.from({ length: 101 }, (_, i) => `Room ${i} is on floor ${i % 7}.`);
      const together = await embedder.embed(texts);
      expect(together).toHaveLength(texts.length);
      for (const i of [0, 1, 50, 99, 100]) {
        const [alone] = await embedder.embed([texts[i]!]);
        expect(similarity(together[i]!, alone!)).toBeCloseTo(1, 4);
        expect(similarity(together[i]!, together[(i + 1) % texts.length]!)).toBeLessThan(0.9999);
      }
    });

    test.each(Object.entries(ODD_TEXTS))('gives a vector of length 1 for %s', async (_, text) => {
      const embedder = makeEmbedder();
      const vectors = await embedder.embed([text, 'a text beside it']);
      expect(vectors).toHaveLength(2);
      for (const vector of vectors) {
        expect(vector).toHaveLength(embedder.dimensions);
        expect(vector.every(Number.isFinite)).toBe(true);
        expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
      }
    });

    test('finds a text with words of the question more alike than one without', async () => {
      const [question, shares, strange] = await makeEmbedder().embed([
        'How many days do I have to return boots?',
        'You can return unused boots within sixty days.',
        'Kayak rental needs a photo card.',
      ]);
      expect(similarity(question!, shares!)).toBeGreaterThan(
        similarity(question!, strange!) + 0.05,
      );
    });

    test("rejects with the signal's reason when it is aborted", async () => {
      const reason = new Error('the caller has gone');
      await expect(
        makeEmbedder().embed(['text'], { signal: AbortSignal.abort(reason) }),
      ).rejects.toBe(reason);
    });
  });
}

/** The cosine similarity of two vectors of length 1. */
function similarity(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HashingEmbedder } from '../../../src/embedders/hashing-embedder.js';
import { describeEmbedder } from '../../contracts/embedder.contract.js';

const embedder = new HashingEmbedder();

describeEmbedder('hashing', () => new HashingEmbedder());

/** Some of everything that the model treats in its own way. */
const PINNED_TEXTS = [
  'How long do I have to return boots I only tried on indoors?',
  'Returns are free within 60 days; refunds arrive five business days after the parcel, ' +
    'and refunds of cash purchases by check.',
  'Café ﬁne, naïve İstanbul — Größe 42, l’été, don’t',
  '東京タワーの営業時間は何時ですか。',
  'На складе нет палаток',
  'error E-4012: api_key_invalid (HTTP 401)',
  '?!…',
  '',
];

describe('HashingEmbedder', () => {
  test('gives these vectors for ever: other ones need another model name', async () => {
    const vectors = await embedder.embed(PINNED_TEXTS);
    const digests = vectors.map(vector =>
      createHash('sha256').update(littleEndian(vector)).digest('hex').slice(0, 16),
    );
    expect(embedder.model).toBe('weaver-hashing-2');
    expect(digests).toEqual([
      '2d387e2aafd67949',
      '00b7cd5306828e46',
      '64fea64c6d104cf3',
      '07687fe698d11ca1',
      '646a54daf391dfe6',
      '953c6ed80dfaa641',
      'c00e8b87728f5309',
      '72e8b407cf0759e0',
    ]);
  });

  test('gives any text a vector of length 1', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async text => {
        const [vector] = await embedder.embed([text]);
        expect(Math.hypot(...vector!)).toBeCloseTo(1, 9);
      }),
    );
  });

  test('fills nearly every dimension, so that the signs alone tell texts apart', async () => {
    const [vector] = await embedder.embed(['can I return boots']);
    expect(vector!.filter(value => value !== 0).length).toBeGreaterThan(1500);
    const positive = vector!.filter(value => value > 0).length;
    expect(positive).toBeGreaterThan(600);
    expect(positive).toBeLessThan(936);
  });

  test.each([
    ['letter case', 'Return Policy', 'RETURN policy'],
    ['diacritics and ligatures', 'café ofﬁce', 'cafe office'],
    ['full-width forms', 'ＡＢＣ shop', 'abc shop'],
    ['punctuation', 'returns, refunds', 'returns (refunds)!'],
    ['plurals', 'invoice policy box', 'invoices policies boxes'],
    ['-ed and -ing', 'plan refund ship', 'planned refunding shipping'],
  ])('takes no notice of %s', async (_, one, other) => {
    expect(await similarity(one, other)).toBeCloseTo(1, 9);
  });

  test('forgives a typing mistake, but not fully', async () => {
    const mistaken = await similarity('warranty', 'waranty');
    expect(mistaken).toBeGreaterThan(0.1);
    expect(mistaken).toBeLessThan(0.9);
    expect(mistaken).toBeGreaterThan((await similarity('warranty', 'kayaks')) + 0.1);
  });

  test('hears the order of words', async () => {
    const [same, swapped] = [
      await similarity('dog bites man', 'a dog bites the man'),
      await similarity('dog bites man', 'man bites dog'),
    ];
    expect(same).toBeGreaterThan(swapped);
    expect(swapped).toBeLessThan(0.99);
  });

  test('counts a stop word little and a repeated word less than its repetitions', async () => {
    expect(await similarity('what is the warranty', 'warranty')).toBeGreaterThan(0.9);
    expect(await similarity('what is the warranty', 'what is the kayak')).toBeLessThan(0.2);
    expect(await similarity('tent tent tent tent tent tent kayak', 'kayak')).toBeGreaterThan(0.2);
  });

  test('knows no meaning', async () => {
    expect(Math.abs(await similarity('car', 'automobile'))).toBeLessThan(0.15);
  });

  test('tells texts without words apart', async () => {
    expect(await similarity('?', '?')).toBeCloseTo(1, 9);
    expect(await similarity('?', '!')).toBeLessThan(0.5);
    expect(await similarity('', '!')).toBeLessThan(0.5);
  });

  test('stops between texts when the signal is aborted, and gives others a turn', async () => {
    const controller = new AbortController();
    const reason = new Error('the caller has gone');
    setImmediate(() => controller.abort(reason));
    await expect(
      embedder.embed(new Array<string>(10_000).fill('text'), { signal: controller.signal }),
    ).rejects.toBe(reason);
  });
});

async function similarity(one: string, other: string): Promise<number> {
  const [a, b] = await embedder.embed([one, other]);
  return a!.reduce((sum, value, i) => sum + value * b![i]!, 0);
}

function littleEndian(vector: readonly number[]): Buffer {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, i) => bytes.writeFloatLE(value, i * 4));
  return bytes;
}

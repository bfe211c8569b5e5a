import { describe, expect, test } from 'vitest';
import { STOP_WORDS, stemOf, wordsOf } from '../../../src/embedders/words.js';

describe('wordsOf', () => {
  test.each([
    ['Hello, World!', ['hello', 'world']],
    ["don't e-mail customer's", ['don', 't', 'e', 'mail', 'customer', 's']],
    ['Version 2.5 of api_key', ['version', '2', '5', 'of', 'api', 'key']],
    ['Café ﬁne naïve İstanbul Ｗｉｄｅ', ['cafe', 'fine', 'naive', 'istanbul', 'wide']],
    ['東京tower', ['東', '京', 'tower']],
    ['हिन्दी 한국어 Українська', ['हिन्दी', '한국어', 'украінська']],
    ['?! …', []],
    ['', []],
    ['at fastify.addHook', ['at', 'fastify', 'add', 'hook']],
  ])('splits %j', (text, words) => {
    expect(wordsOf(text).words).toEqual(words);
  });
});

test('what is joined of several words counts as a whole too', () => {
  expect(wordsOf('fastify.addHook, AB-1234').joined).toEqual([
    'fastify.addhook',
    'addhook',
    'ab-1234',
  ]);
});

describe('stemOf', () => {
  test.each([
    ['refund', 'refunds', 'refunded', 'refunding'],
    ['policy', 'policies'],
    ['reply', 'replies', 'replied', 'replying'],
    ['box', 'boxes', 'boxed'],
    ['plan', 'plans', 'planned', 'planning'],
    ['bill', 'bills', 'billed', 'billing'],
    ['price', 'prices', 'priced', 'pricing'],
    ['use', 'uses', 'used', 'using'],
    ['miss', 'misses', 'missed', 'missing'],
    ['key', 'keys'],
    ['die', 'dies'],
  ])('gives %s and its forms one stem', (word, ...forms) => {
    for (const form of forms) expect(stemOf(form)).toBe(stemOf(word));
  });

  test.each([
    'gas',
    'bus',
    'status',
    'need',
    'speed',
    'string',
    'ring',
    'red',
    'e2e',
    'größen',
    'is',
    '2026',
  ])('leaves %s alone', word => {
    expect(stemOf(word)).toBe(word);
  });

  test('takes no longer for a hostile word than for others', () => {
    const begin = performance.now();
    for (const part of ['ed', 'eding', 'b', 'ss', 'ies']) stemOf(part.repeat(50_000));
    expect(performance.now() - begin).toBeLessThan(500);
  });

  test('keeps different words apart', () => {
    const words = [
      'boot',
      'boat',
      'tent',
      'ten',
      'string',
      'sting',
      'process',
      'price',
      'pay',
      'policy',
      'police',
      'plane',
      'plan',
    ];
    const stems = words.map(stemOf);
    expect(new Set(stems).size).toBe(words.length - 1); // plane and plan share theirs
  });
});

describe('STOP_WORDS', () => {
  test('are written as words come out of a text', () => {
    for (const word of STOP_WORDS) expect(wordsOf(word)).toEqual({ words: [word], joined: [] });
  });
});

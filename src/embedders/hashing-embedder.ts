import { ComputeScheduler } from '../base/compute-scheduler.js';
import type { EmbedOptions, Embedder } from './embedder.js';
import { STOP_WORDS, stemOf, wordsOf, type TextWords } from './words.js';

const DIMENSIONS = 1536;

/**
 * What a feature is: also the seed of its hash, so that the word `port` and the letters `port` of
 * `transport` are two features.
 */
const WORD = 1;
const LETTERS = 2;
const PAIR = 3;
const WHOLE_TEXT = 4;

// What follows, and `words.ts`, make the model: whoever changes them changes its name too, for old
// and new vectors cannot be compared. Chosen on the demo's questions, where each may change by half
// with little effect.
const STOP_WORD_WEIGHT = 0.1;
/** Of all letter groups of a word together, when the word itself weighs 1. */
const LETTERS_WEIGHT = 0.5;
const PAIR_WEIGHT = 0.4;
/**
 * The `k1` of BM25: a word that comes often weighs up to 1 + 3 times as much as one that comes
 * once.
 */
const SATURATION = 3;
const LETTER_GROUP_SIZES = [3, 4, 5];

/**
 * A built-in embedder that needs no network, key or model file: the same text has the same vector
 * on every machine and in every release.
 *
 * It is **lexical**. Texts are alike when they share words, pairs of neighbouring words or parts of
 * words, so other endings and small typing mistakes are forgiven; but it knows no meaning: `car`
 * and `automobile` are strangers to it. Stop words and endings are English; other languages work
 * with less help. Cosines are low by nature: 0.1 to 0.3 between a question and a text that answers
 * it, 0.02 between strangers.
 *
 * How it works: signed feature hashing (Weinberger et al., "Feature Hashing for Large Scale
 * Multitask Learning", 2009) of word stems, of pairs of stems, and of the words' letter groups
 * (Bojanowski et al., "Enriching Word Vectors with Subword Information", 2017); then a rotation,
 * see `rotate`.
 */
export class HashingEmbedder implements Embedder {
  readonly name = 'hashing';
  readonly isRemote = false;
  readonly model = 'weaver-hashing-2';
  readonly dimensions = DIMENSIONS;
  readonly batchSize = Infinity;
  /** Made of the words that are searched for beside it. Measured: `docs/search.md`. */
  readonly vectorWeight = 0.05;

  /**
   * Takes about 0.35 ms of CPU for 800 characters, and others are served between two texts. Rejects
   * with the signal's reason when it is aborted, and never otherwise.
   */
  async embed(
    texts: readonly string[],
    { signal, pause = new ComputeScheduler().pauseFor('', signal) }: EmbedOptions = {},
  ): Promise<number[][]> {
    const vectors: number[][] = [];
    for (const text of texts) {
      const othersFirst = pause();
      if (othersFirst) await othersFirst;
      signal?.throwIfAborted();
      vectors.push(vectorOf(text));
    }
    return vectors;
  }
}

function vectorOf(text: string): number[] {
  const vector = new Float64Array(DIMENSIONS);
  addWords(vector, wordsOf(text));
  // Without words the text as a whole is the only feature, for a zero vector has no direction.
  if (lengthOf(vector) === 0) addFeature(vector, hash(WHOLE_TEXT, text), 1);
  rotate(vector);
  const length = lengthOf(vector);
  const unit = new Array<number>(DIMENSIONS);
  // `Array.from` would take 0.1 ms
  for (let i = 0; i < DIMENSIONS; i++) unit[i] = vector[i]! / length;
  return unit;
}

function lengthOf(vector: Float64Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}

function addWords(vector: Float64Array, { words, joined }: TextWords): void {
  const stopWords = words.filter(word => STOP_WORDS.has(word));
  for (const [stopWord, count] of countEach(stopWords))
    addFeature(vector, hash(WORD, stopWord), saturated(count) * STOP_WORD_WEIGHT);
  const telling = words.filter(word => !STOP_WORDS.has(word)).map(stemOf);
  for (const [stem, count] of countEach(telling)) {
    addFeature(vector, hash(WORD, stem), saturated(count));
    addLetters(vector, `<${stem}>`, saturated(count) * LETTERS_WEIGHT);
  }
  for (const [whole, count] of countEach(joined))
    addFeature(vector, hash(WORD, whole), saturated(count));
  // Pairs reach over stop words: "refund of an order" and "order refunds" differ, "returns of
  // boots" and "returns for boots" do not.
  const pairs = telling.slice(1).map((stem, i) => `${telling[i]} ${stem}`);
  for (const [pair, count] of countEach(pairs))
    addFeature(vector, hash(PAIR, pair), saturated(count) * PAIR_WEIGHT);
}

/**
 * Adds the groups of letters of a word that is marked at both ends, so that `<re` is a beginning
 * and `re` is not. Together they weigh `weight`.
 */
function addLetters(vector: Float64Array, word: string, weight: number): void {
  const sizes = LETTER_GROUP_SIZES.filter(size => size <= word.length);
  const groups = sizes.reduce((sum, size) => sum + word.length - size + 1, 0);
  const each = weight / Math.sqrt(groups);
  for (const size of sizes) {
    for (let start = 0; start + size <= word.length; start++)
      addFeature(vector, hash(LETTERS, word, start, start + size), each);
  }
}

function countEach(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/**
 * The weight of something that comes `count` times: 1 for once, never more than `SATURATION + 1`.
 * Unlike a logarithm it is exact everywhere.
 */
function saturated(count: number): number {
  return (count * (SATURATION + 1)) / (count + SATURATION);
}

/**
 * The lowest bit of the hash is the sign, so that features which share a place cancel as often as
 * they add up.
 */
function addFeature(vector: Float64Array, featureHash: number, weight: number): void {
  vector[(featureHash >>> 1) % DIMENSIONS]! += featureHash & 1 ? weight : -weight;
}

/**
 * FNV-1a over UTF-16 code units, then the finaliser of MurmurHash3, which makes every bit depend on
 * all of the text. An unsigned 32-bit number.
 */
function hash(kind: number, text: string, start = 0, end = text.length): number {
  let h = Math.imul(0x811c9dc5 ^ kind, 0x01000193);
  for (let i = start; i < end; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Spreads each feature over all dimensions, in place; angles stay as they are (all lengths grow by
 * the same factor).
 *
 * The reason is search by bit codes, which keep only the sign of each number. A short question
 * fills some 80 of 1536 dimensions, and the signs of zeros say nothing: of a question's ten nearest
 * among 5000 texts, 400 candidates by unrotated codes held 2.2, by rotated ones 9.8.
 *
 * Walsh-Hadamard transforms of three blocks of 512, then a reflection across the blocks (as in
 * Ailon and Chazelle's fast Johnson-Lindenstrauss transform, 2009; the random signs are those of
 * the hashing). Only additions and one exact order of them, so no platform rounds otherwise.
 */
function rotate(vector: Float64Array): void {
  const block = DIMENSIONS / 3;
  for (let half = 1; half < block; half *= 2) {
    for (let start = 0; start < DIMENSIONS; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const [a, b] = [vector[i]!, vector[i + half]!];
        vector[i] = a + b;
        vector[i + half] = a - b;
      }
    }
  }
  for (let i = 0; i < block; i++) {
    const shift = ((vector[i]! + vector[i + block]! + vector[i + 2 * block]!) * 2) / 3;
    for (let at = i; at < DIMENSIONS; at += block) vector[at]! -= shift;
  }
}

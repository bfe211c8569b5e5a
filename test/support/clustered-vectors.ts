/** Length of the generated vectors: that of the stored ones. */
const DIMENSIONS = 1536;

/**
 * How far a document's subject lies from its topic, a passage from its document, and a question
 * from what it asks about.
 */
const DOCUMENT_SPREAD = 0.9;
const PASSAGE_SPREAD = 0.8;
const QUESTION_SPREAD = 0.7;

/**
 * Vectors that lie as embeddings of real texts do: topics, documents about them, passages of
 * documents. Evenly spread vectors would make every search look good or bad alike. The same seed
 * gives the same vectors on every machine.
 */
export class ClusteredVectors {
  readonly #random: () => number;
  readonly #topics: Float32Array[];

  constructor(seed: number, topics = 24) {
    this.#random = randomNumbers(seed);
    this.#topics = Array.from({ length: topics }, () => this.#around(undefined, 1));
  }

  /** The passages of one document on a topic of its own choice. */
  document(passages: number): Float32Array[] {
    const subject = this.#around(this.#topic(), DOCUMENT_SPREAD);
    return Array.from({ length: passages }, () => this.#around(subject, PASSAGE_SPREAD));
  }

  /** A question about this passage. */
  questionAbout(passage: Float32Array): Float32Array {
    return this.#around(passage, QUESTION_SPREAD);
  }

  /** A question about a topic, worded like no passage in particular. */
  questionOnTopic(): Float32Array {
    return this.#around(this.#around(this.#topic(), DOCUMENT_SPREAD), PASSAGE_SPREAD);
  }

  /** A whole number from 0 and below `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #topic(): Float32Array {
    return this.#topics[this.below(this.#topics.length)]!;
  }

  /** A unit vector at about `spread` (a length in all dimensions together) from `centre`. */
  #around(centre: Float32Array | undefined, spread: number): Float32Array {
    const each = spread / Math.sqrt(DIMENSIONS);
    const vector = new Float32Array(DIMENSIONS);
    for (let i = 0; i < DIMENSIONS; i++) vector[i] = (centre?.[i] ?? 0) + each * this.#normal();
    const length = Math.sqrt(dot(vector, vector));
    return vector.map(value => value / length);
  }

  /**
   * Nearly normal, with variance 1: the sum of four uniform numbers, which is four times cheaper
   * than a logarithm and a root.
   */
  #normal(): number {
    return (this.#random() + this.#random() + this.#random() + this.#random() - 2) * Math.sqrt(3);
  }
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * mulberry32: uniform numbers from 0 and below 1.
 * https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
 */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Length 1 and half precision, as vectors are compared. */
export function asStored(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  const half = new DataView(new ArrayBuffer(2));
  return vector.map(value => (half.setFloat16(0, value / length), half.getFloat16(0)));
}

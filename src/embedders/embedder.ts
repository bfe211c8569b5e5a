import type { Pause } from '../base/compute-scheduler.js';

/** What a text is: models that search are often trained to tell a question from a text. */
type InputType = 'document' | 'query';

export interface EmbedOptions {
  /** `document` where it is not said. */
  readonly inputType?: InputType;
  readonly signal?: AbortSignal | undefined;
  /** An embedder that computes here asks it before each text. */
  readonly pause?: Pause;
  /**
   * Runs one request to a service when it is its turn. With it, several are made at the same time,
   * without it one after the other.
   */
  readonly inTurn?: <T>(request: () => Promise<T>) => Promise<T>;
}

/** Embeds texts: those of documents, unless it is said that they are searched for. */
export type Embed = (texts: readonly string[], inputType?: InputType) => Promise<number[][]>;

/** Turns texts into vectors whose cosine similarity says how alike the texts are. */
export interface Embedder {
  /** Which adapter this is, for logs: `hashing` or `openai`. */
  readonly name: string;
  /** Whether `embed` waits for a service over the network. */
  readonly isRemote: boolean;
  /**
   * The model's name as clients see it (`embeddingModel`). Vectors of different models cannot be
   * compared.
   */
  readonly model: string;
  /** Length of the vectors that `embed` gives, at most 1536. */
  readonly dimensions: number;
  /** The most texts that one request holds. */
  readonly batchSize: number;
  /** How much its vectors count in a search by vectors and words, where words count 1. */
  readonly vectorWeight: number;
  /**
   * One vector for each text, in the same order: finite numbers, `dimensions` long, of length 1 in
   * the Euclidean norm. Throws an `AppError` with code `UNAVAILABLE` when the model cannot be
   * reached or answers nonsense, and a `TextRefusal` when one of the texts is the reason. May use
   * the network: never call it while a database scope is open.
   */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<number[][]>;
}

import type { Pause } from '../base/compute-scheduler.js';

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
  /**
   * One vector for each text, in the same order: finite numbers, `dimensions` long, of length 1 in
   * the Euclidean norm. Throws an `AppError` with code `UNAVAILABLE` when the model cannot be
   * reached or answers nonsense. May use the network: never call it while a database scope is open.
   * An embedder that computes here asks `pause` before each text.
   */
  embed(texts: readonly string[], signal?: AbortSignal, pause?: Pause): Promise<number[][]>;
}

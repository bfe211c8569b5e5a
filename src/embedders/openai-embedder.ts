import {
  BatchRefusal,
  embedHalves,
  estimateTokens,
  takeBatch,
  type BatchLimits,
  type Send,
} from './batches.js';
import type { EmbedOptions, Embedder } from './embedder.js';
import {
  OpenAiService,
  type OpenAiEmbedderConfig,
  type RetryPolicy,
  type ServiceLog,
} from './openai-service.js';
import { TextRefusal } from './text-refusal.js';

/** Batches of one call at the same time. */
const PARALLEL_BATCHES = 8;

/**
 * Vectors from any service that speaks OpenAI's `POST /embeddings`: OpenAI, Gemini's compatible
 * endpoint, Ollama, vLLM, llama.cpp, Text Embeddings Inference.
 *
 * Texts are sent in batches of `batchSize` texts and `batchTokens` tokens at most; a batch that is
 * refused is sent again in halves, and how much the service took is remembered. Throws as
 * `OpenAiService` does.
 */
export class OpenAiEmbedder implements Embedder {
  readonly name = 'openai';
  readonly isRemote = true;
  readonly model: string;
  readonly dimensions: number;
  readonly batchSize: number;
  /** A model knows meanings, as words do not; models are too different to measure. */
  readonly vectorWeight = 1;
  readonly #config: OpenAiEmbedderConfig;
  readonly #service: OpenAiService;
  readonly #log: ServiceLog | undefined;
  /** What the service takes in one request, as far as it has shown. */
  #limits: BatchLimits;
  /** The most texts that it took in one. */
  #mostTexts = 0;

  /** `log` is told what the service's is, and when it takes less in one request than configured. */
  constructor(config: OpenAiEmbedderConfig, retry?: RetryPolicy, log?: ServiceLog) {
    this.model = config.model;
    this.dimensions = config.dimensions;
    this.batchSize = config.batchSize;
    this.#config = config;
    this.#service = new OpenAiService(config, retry, log);
    this.#log = log;
    this.#limits = { texts: config.batchSize, tokens: config.batchTokens };
  }

  /**
   * The first batch is sent alone, for it may show how much the service takes, or that it is
   * available again.
   */
  async embed(texts: readonly string[], options: EmbedOptions = {}): Promise<number[][]> {
    const { inputType = 'document', signal, inTurn } = options;
    const { documentPrefix, queryPrefix } = this.#config;
    const prefix = inputType === 'query' ? queryPrefix : documentPrefix;
    const inputs = texts.map(text => prefix + text);
    const vectors: number[][] = [];
    const stop = new AbortController();
    const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const send: Send = (batch, attempts) => {
      const request = (): Promise<number[][]> => this.#service.embed(batch, stopped, attempts);
      return inTurn ? inTurn(request) : request();
    };
    let start = 0;
    const next = async (): Promise<void> => {
      const first = start;
      const batch = takeBatch(inputs, first, this.#limits);
      start += batch.length;
      try {
        for (const [index, vector] of (await this.#embedParts(batch, send)).entries())
          vectors[first + index] = vector;
      } catch (error) {
        // What the caller sent, without the prefix.
        if (!(error instanceof TextRefusal)) throw error;
        const index = first + error.index;
        throw error.at(index, texts[index]);
      }
    };
    const rest = async (): Promise<void> => {
      while (start < inputs.length) await next();
    };
    try {
      if (inputs.length > 0) await next();
      await Promise.all(Array.from({ length: inTurn ? PARALLEL_BATCHES : 1 }, rest));
      return vectors;
    } catch (error) {
      stop.abort();
      throw error;
    }
  }

  /** The vectors of a batch, in parts where the service refuses it as a whole. */
  async #embedParts(batch: readonly string[], send: Send): Promise<number[][]> {
    try {
      const vectors = await send(batch);
      this.#mostTexts = Math.max(this.#mostTexts, batch.length);
      return vectors;
    } catch (error) {
      if (!(error instanceof BatchRefusal) || batch.length === 1) throw error;
      const { vectors, largest } = await embedHalves(batch, error, send);
      if (error.status !== 500) this.#remember(batch, largest, error);
      return vectors;
    }
  }

  /** A service took `largest` and not `batch`: from now on it gets no more than that. */
  #remember(batch: readonly string[], largest: readonly string[], refusal: BatchRefusal): void {
    // As many texts were taken before: it was their length.
    const { texts, tokens } = this.#limits;
    this.#limits =
      batch.length <= this.#mostTexts
        ? { texts, tokens: Math.min(tokens, tokensOf(largest)) }
        : { texts: Math.min(texts, largest.length), tokens };
    this.#mostTexts = Math.max(this.#mostTexts, largest.length);
    this.#log?.warn(
      { err: refusal.cause, model: this.model, ...this.#limits },
      'The embedding service refuses requests of the configured size; the gateway sends it ' +
        'smaller ones. Set EMBEDDING_BATCH_SIZE or EMBEDDING_BATCH_TOKENS to what it takes',
    );
  }
}

function tokensOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + estimateTokens(text), 0);
}

import type { Logger } from 'pino';
import type { EmbedderConfig } from '../config.js';
import type { Embedder } from './embedder.js';
import { HashingEmbedder } from './hashing-embedder.js';
import { OpenAiEmbedder } from './openai-embedder.js';

/**
 * The embedder that the configuration names. Opens no connection: a service that cannot be reached
 * shows itself at the first `embed`.
 */
export function createEmbedder(config: EmbedderConfig, log?: Logger): Embedder {
  switch (config.provider) {
    case 'hashing':
      return new HashingEmbedder();
    case 'openai':
      return new OpenAiEmbedder(config, undefined, log);
  }
}

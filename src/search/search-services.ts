import { LRUCache } from 'lru-cache';
import { Histogram } from 'prom-client';
import type { Metrics } from '../observability/metrics.js';
import { IndexedTenants } from './paths/indexed-tenants.js';
import type { QueryVector } from './query-vector.js';
import type { RecallSampler } from './recall-sampler.js';
import { ChunkCountCache } from './chunk-count-cache.js';
import { WordFrequencies } from './word-frequencies.js';

declare module '../graphql/context.js' {
  interface RequestContext {
    /** What searches share, as long as the gateway runs. */
    readonly search: SearchServices;
  }
}

/** Memory for the vectors of texts, at most: some five thousand texts. */
const MAX_VECTOR_BYTES = 16 * 2 ** 20;

/** What an entry takes beside its vector and its text: about that of an object or two. */
const BYTES_OF_ENTRY = 200;

/** From the fastest search to the longest that an operation may take by default. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What the searches of one gateway share. */
export interface SearchServices {
  /** Vectors of texts that were searched for lately, by `query-vectors.ts`. */
  readonly vectors: LRUCache<string, QueryVector>;
  /** How often words come in a tenant's chunks. */
  readonly frequencies: WordFrequencies;
  readonly scopeSizes: ChunkCountCache;
  readonly indexedTenants: IndexedTenants;
  /** Where there are metrics: how long searches took. */
  readonly seconds: Histogram<'mode' | 'path'> | undefined;
  /** Where live searches are compared with exact scans. */
  readonly sampler: RecallSampler | undefined;
}

/** `metrics`, if given, tells how many searches were answered, along which path and how fast. */
export function searchServices(metrics?: Metrics, sampler?: RecallSampler): SearchServices {
  return {
    vectors: new LRUCache({
      maxSize: MAX_VECTOR_BYTES,
      sizeCalculation: (vector, key) => vector.byteLength + 2 * key.length + BYTES_OF_ENTRY,
    }),
    frequencies: new WordFrequencies(),
    scopeSizes: new ChunkCountCache(),
    indexedTenants: new IndexedTenants(),
    seconds: metrics && searchSeconds(metrics),
    sampler,
  };
}

function searchSeconds(metrics: Metrics): Histogram<'mode' | 'path'> {
  return new Histogram({
    name: 'weaver_search_duration_seconds',
    help:
      'Searches that were answered, by mode and by the path that the answer came from. The ' +
      'embedding of the text is not counted.',
    labelNames: ['mode', 'path'],
    buckets: SECONDS,
    registers: [metrics],
  });
}

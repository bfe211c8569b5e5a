import DataLoader from 'dataloader';
import type { RequestContext } from './context.js';

/** One value, or the error of its own, for each key, in the keys' order. */
export type BatchLoad<K, V> = (
  keys: readonly K[],
  context: RequestContext,
) => Promise<readonly (V | Error)[]>;

/** The dataloader of the operation that `context` belongs to. */
export type LoaderOf<K, V> = (context: RequestContext) => DataLoader<K, V, unknown>;

/**
 * Declares a loader. DataLoaders are created only here. All keys that a level of an operation
 * requests reach `load` in one call. Keys with the same `cacheKey` are loaded once in an operation;
 * without `cacheKey` only the batch is shared.
 */
export function defineLoader<K, V>(
  load: BatchLoad<K, V>,
  cacheKey?: (key: K) => string,
): LoaderOf<K, V> {
  return context => {
    let loader = context.loaders.get(load) as DataLoader<K, V, unknown> | undefined;
    if (!loader) {
      loader = new DataLoader<K, V, unknown>(keys => load(keys, context), {
        ...(cacheKey ? { cacheKeyFn: cacheKey } : { cache: false }),
        batchScheduleFn: dispatch => context.pauses.afterLevel(dispatch),
      });
      context.loaders.set(load, loader);
    }
    return loader;
  };
}

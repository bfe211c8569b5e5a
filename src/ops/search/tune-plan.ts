import type { SearchIndex } from './search-indexes.js';

/**
 * Bytes of an index for each chunk when it is fresh: its code, its neighbours and its place in the
 * table.
 */
const BYTES_PER_CHUNK = 560;
/** An index this many times larger than a fresh one holds mostly what was deleted. */
const BLOAT_RATIO = 2;
/** Below this, size says nothing: pages are only so full. */
const MIN_BLOAT_BYTES = 4 * 2 ** 20;
/**
 * A tenant keeps its index until it is this much smaller than what gets one, so that tenants at the
 * limit do not build and drop in turns.
 */
const KEEP_RATIO = 0.5;

export interface TenantSize {
  readonly tenantId: string;
  /** Chunks with a vector. */
  readonly chunks: number;
}

/** What is to be done for the indexes of large tenants, in this order. */
export interface TuneStep extends TenantSize {
  readonly action: 'drop' | 'build' | 'rebuild' | 'finish';
  readonly index: string;
  readonly why: string;
}

/** From how many chunks on a tenant keeps the index that it has. */
export function keepThreshold(minChunks: number): number {
  return Math.ceil(minChunks * KEEP_RATIO);
}

/**
 * The steps from what is there to what should be. `sizes` holds every tenant that keeps an index or
 * gets one.
 */
export function planTuning(
  sizes: readonly TenantSize[],
  indexes: readonly SearchIndex[],
  minChunks: number,
  nameOf: (tenantId: string) => string,
): TuneStep[] {
  const chunksOf = new Map(sizes.map(({ tenantId, chunks }) => [tenantId, chunks]));
  const drops: TuneStep[] = [];
  const builds: TuneStep[] = [];
  const indexedTenants = new Set<string>();
  for (const { name, tenantId, isValid, isCurrent, isBuilt, bytes } of indexes) {
    const chunks = chunksOf.get(tenantId) ?? 0;
    const step = { tenantId, chunks, index: name };
    if (!isValid) drops.push({ ...step, action: 'drop', why: 'an interrupted build left it' });
    else if (chunks < keepThreshold(minChunks))
      drops.push({ ...step, action: 'drop', why: 'the tenant is small or gone' });
    else if (!isCurrent && !isBuilt)
      drops.push({ ...step, action: 'drop', why: 'it was built otherwise, or not to the end' });
    else {
      indexedTenants.add(tenantId);
      if (!isCurrent)
        drops.push({ ...step, action: 'finish', why: 'an interrupted run had built it' });
      if (bytes > Math.max(MIN_BLOAT_BYTES, BLOAT_RATIO * BYTES_PER_CHUNK * chunks))
        builds.push({ ...step, action: 'rebuild', why: 'it holds mostly what was deleted' });
    }
  }
  for (const { tenantId, chunks } of sizes) {
    if (chunks >= minChunks && !indexedTenants.has(tenantId))
      builds.push({
        tenantId,
        chunks,
        index: nameOf(tenantId),
        action: 'build',
        why: 'the tenant is large',
      });
  }
  return [...drops, ...builds.toSorted((a, b) => b.chunks - a.chunks)];
}

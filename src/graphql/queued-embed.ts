import type { Pause } from '../base/compute-scheduler.js';
import type { Embedder } from '../embedders/embedder.js';
import type { OperationCaller, OperationSlots, OperationSlot } from './limits/operation-slots.js';

export interface EmbedQueueOptions {
  /** Of those that wait for the embedder at the same time. */
  readonly slots: OperationSlots;
  readonly caller: OperationCaller;
  readonly operationSlot: OperationSlot;
  readonly signal: AbortSignal;
  /** For an embedder that computes here. */
  readonly pause: Pause;
}

/**
 * The embedder for one operation. A service over the network is asked by so many at a time, in turn
 * by caller, while others have the operation's slot.
 */
export function queuedEmbed(
  embedder: Embedder,
  { slots, caller, operationSlot, signal, pause }: EmbedQueueOptions,
): (texts: readonly string[]) => Promise<number[][]> {
  if (!embedder.isRemote) return texts => embedder.embed(texts, signal, pause);
  return texts =>
    operationSlot.releaseDuring(async () => {
      await slots.acquire(caller, signal);
      try {
        return await embedder.embed(texts, signal);
      } finally {
        slots.release(caller);
      }
    });
}

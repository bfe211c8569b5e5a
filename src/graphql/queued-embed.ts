import type { Pause } from '../base/compute-scheduler.js';
import type { Embed, Embedder } from '../embedders/embedder.js';
import type { OperationCaller, OperationSlots, OperationSlot } from './limits/operation-slots.js';

export interface EmbedQueueOptions {
  /** Limits the concurrent calls of the embedder. */
  readonly slots: OperationSlots;
  readonly caller: OperationCaller;
  readonly operationSlot: OperationSlot;
  readonly signal: AbortSignal;
  /** For an embedder that computes here. */
  readonly pause: Pause;
}

/**
 * The embedder for one operation. A service over the network gets so many requests at a time, in
 * turn by caller, while others have the operation's slot.
 */
export function queuedEmbed(
  embedder: Embedder,
  { slots, caller, operationSlot, signal, pause }: EmbedQueueOptions,
): Embed {
  if (!embedder.isRemote)
    return (texts, inputType = 'document') => embedder.embed(texts, { inputType, signal, pause });
  const inTurn = async <T>(request: () => Promise<T>): Promise<T> => {
    await slots.acquire(caller, signal);
    try {
      return await request();
    } finally {
      slots.release(caller);
    }
  };
  return (texts, inputType = 'document') =>
    operationSlot.releaseDuring(() => embedder.embed(texts, { inputType, signal, inTurn }));
}

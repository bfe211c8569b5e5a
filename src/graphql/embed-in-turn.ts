import type { Pause } from '../base/compute-turns.js';
import type { Embedder } from '../embedders/embedder.js';
import type { OperationCaller, OperationSlots, OperationTurn } from './limits/operation-slots.js';

export interface EmbedTurn {
  /** Of those that wait for the embedder at the same time. */
  readonly slots: OperationSlots;
  readonly caller: OperationCaller;
  readonly turn: OperationTurn;
  readonly signal: AbortSignal;
  /** For an embedder that computes here. */
  readonly pause: Pause;
}

/**
 * The embedder for one operation. A service over the network is asked by so many at a time, in turn
 * by caller, while others have the operation's slot.
 */
export function embedInTurn(
  embedder: Embedder,
  { slots, caller, turn, signal, pause }: EmbedTurn,
): (texts: readonly string[]) => Promise<number[][]> {
  if (!embedder.isRemote) return texts => embedder.embed(texts, signal, pause);
  return texts =>
    turn.away(async () => {
      await slots.enter(caller, signal);
      try {
        return await embedder.embed(texts, signal);
      } finally {
        slots.leave(caller);
      }
    });
}

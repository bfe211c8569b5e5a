import type { Embedder } from '../embedders/embedder.js';
import type { OperationSlots, OperationTurn } from './limits/operation-slots.js';

export interface EmbedTurn {
  /** Of those that wait for the embedder at the same time. */
  readonly slots: OperationSlots;
  readonly caller: string;
  readonly turn: OperationTurn;
  readonly signal: AbortSignal;
}

/** The embedder for one operation. A service over the network is asked by so many at a time, in turn by caller, while others have the operation's slot. */
export function embedInTurn(embedder: Embedder, { slots, caller, turn, signal }: EmbedTurn): (texts: readonly string[]) => Promise<number[][]> {
  if (!embedder.isRemote) return texts => embedder.embed(texts, signal);
  return texts =>
    turn.away(async () => {
      await slots.enter(caller, signal);
      try {
        return await embedder.embed(texts, signal);
      } finally {
        slots.leave();
      }
    });
}

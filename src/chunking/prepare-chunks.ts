import { unitVector } from '../embedders/check-vector.js';
import { padVector } from '../embedders/pad-vector.js';
import { TextRefusal } from '../embedders/text-refusal.js';
import type { EmbeddingDb } from '../writes/db.js';
import { splitText } from './split-text.js';
import type { NewChunk } from './store-chunks.js';

type Embedding = Pick<EmbeddingDb, 'embed' | 'pause'>;

/**
 * A chunk to be: `embedding` as it is given, null for none at all, undefined where it is to be made
 * from the text.
 */
export type UnembeddedChunk = Omit<NewChunk, 'embedding'> & {
  readonly embedding?: readonly number[] | null | undefined;
};

/** The chunks of a text, in order, with their vectors. May use the network. */
export async function chunksOfText(text: string, db: Embedding): Promise<NewChunk[]> {
  await db.pause();
  return embedChunks(
    splitText(text).map((piece, index) => ({ text: piece.text, chunkIndex: index })),
    db,
  );
}

/** The chunks with all vectors as they are stored. May use the network. */
export async function embedChunks(
  chunks: readonly UnembeddedChunk[],
  embedder: Pick<Embedding, 'embed'>,
): Promise<NewChunk[]> {
  const unembedded = chunks.filter(chunk => chunk.embedding === undefined);
  const vectors =
    unembedded.length > 0
      ? await embedder.embed(unembedded.map(chunk => chunk.text)).catch((error: unknown) => {
          if (!(error instanceof TextRefusal)) throw error;
          throw error.at(chunks.indexOf(unembedded[error.index]!));
        })
      : [];
  const vectorByChunk = new Map(
    unembedded.map((chunk, index) => [chunk, padVector(vectors[index]!)]),
  );
  return chunks.map(chunk => ({
    ...chunk,
    embedding:
      vectorByChunk.get(chunk) ?? (chunk.embedding ? padVector(unitVector(chunk.embedding)) : null),
  }));
}

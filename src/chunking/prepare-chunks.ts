import { unitVector } from '../embedders/check-vector.js';
import { padVector } from '../embedders/pad-vector.js';
import { TextRefusal } from '../embedders/text-refusal.js';
import type { EmbeddingDb } from '../writes/db.js';
import { contextOf, embeddingInput } from './chunk-context.js';
import { splitText } from './split-text.js';
import type { NewChunk } from './store-chunks.js';

type Embedding = Pick<EmbeddingDb, 'embed' | 'pause' | 'chunkSize'>;

/**
 * A chunk to be: `embedding` as it is given, null for none at all, undefined where it is to be made
 * from the text.
 */
export type UnembeddedChunk = Omit<NewChunk, 'embedding'> & {
  readonly embedding?: readonly number[] | null | undefined;
};

/** The chunks of the text of a file, in order, with their vectors. May use the network. */
export async function chunksOfText(
  text: string,
  filename: string,
  db: Embedding,
): Promise<NewChunk[]> {
  await db.pause();
  return embedChunks(splitChunks(text, db.chunkSize), filename, db);
}

/** The chunks of a text, in order, each with its place in it. */
export function splitChunks(text: string, size: number): UnembeddedChunk[] {
  const toStart = characterCounter(text);
  const toEnd = characterCounter(text);
  return splitText(text, { size }).map(
    ({ text: piece, start, end, headings, tableHeader }, index) => ({
      text: piece,
      chunkIndex: index,
      headings,
      tableHeader,
      textStart: toStart(start),
      textEnd: toEnd(end),
    }),
  );
}

/** The chunks of a file with all vectors as they are stored. May use the network. */
export async function embedChunks(
  chunks: readonly UnembeddedChunk[],
  filename: string,
  embedder: Pick<Embedding, 'embed'>,
): Promise<NewChunk[]> {
  const unembedded = chunks.filter(chunk => chunk.embedding === undefined);
  const inputs = unembedded.map(chunk => embeddingInput(contextOf(filename, chunk), chunk.text));
  const vectors =
    inputs.length > 0
      ? await embedder.embed(inputs).catch((error: unknown) => {
          if (!(error instanceof TextRefusal)) throw error;
          const chunk = unembedded[error.index]!;
          throw error.at(chunks.indexOf(chunk), chunk.text);
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

/**
 * Counts the characters before places that increase from call to call, as PostgreSQL does: a
 * surrogate pair is one.
 */
function characterCounter(text: string): (position: number) => number {
  let at = 0;
  let count = 0;
  return position => {
    for (; at < position; at += text.codePointAt(at)! > 0xffff ? 2 : 1) count += 1;
    return count;
  };
}

import type { Client } from '../../test/support/client.js';
import type { StoredSet } from './ask.js';

/** Of so many pairs of a chunk and a word, one is asked. */
const STEP = 20;
/** Searches of one operation. */
const BATCH = 20;
const WORD = /\p{L}{4,}/gu;

export interface OwnWords {
  readonly pairs: number;
  readonly found: number;
  /** Some of the words by which their chunk is not found. */
  readonly missed: readonly string[];
}

/** How often KEYWORD finds a chunk by a word of four letters or more that stands in it. */
export async function ownWords(
  operator: Client,
  { tenantId, chunks }: Pick<StoredSet, 'tenantId' | 'chunks'>,
): Promise<OwnWords> {
  const pairs = chunks
    .flatMap(({ id, text }) => Array.from(new Set(text.match(WORD)), word => ({ id, word })))
    .filter((_, index) => index % STEP === 0);
  const missed: string[] = [];
  for (let start = 0; start < pairs.length; start += BATCH) {
    const batch = pairs.slice(start, start + BATCH);
    const names = batch.map((_, index) => `$w${index}: SearchChunksInput!, $c${index}: ID!`);
    const calls = batch.map(
      (_, index) =>
        `w${index}: explainChunk(input: $w${index}, chunkId: $c${index}) { keywordRank }`,
    );
    const answers = await operator.data(
      `query (${names.join(', ')}) { ${calls.join('\n')} }`,
      Object.fromEntries(
        batch.flatMap(({ id, word }, index) => [
          [`w${index}`, { tenantId, text: word, mode: 'KEYWORD', topK: 1 }],
          [`c${index}`, id],
        ]),
      ),
    );
    for (const [index, { word }] of batch.entries())
      if (answers[`w${index}`].keywordRank === null) missed.push(word);
  }
  return { pairs: pairs.length, found: pairs.length - missed.length, missed: missed.slice(0, 20) };
}

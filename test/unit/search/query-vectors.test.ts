import { expect, test } from 'vitest';
import type { Embedder } from '../../../src/embedders/embedder.js';
import type { RequestContext } from '../../../src/graphql/context.js';
import { Pauses } from '../../../src/graphql/execution/pauses.js';
import { vectorOfText } from '../../../src/search/query-vectors.js';
import { searchServices, type SearchServices } from '../../../src/search/search-services.js';

/** Counts what it is asked for. */
class CountingEmbedder implements Embedder {
  readonly name = 'counting';
  readonly isRemote = false;
  readonly model = 'counting';
  readonly dimensions = 1536;
  readonly batchSize = Infinity;
  readonly vectorWeight = 1;
  readonly asked: string[] = [];

  async embed(texts: readonly string[]): Promise<number[][]> {
    this.asked.push(...texts);
    return texts.map(() => Array.from({ length: this.dimensions }, () => 1));
  }
}

/** As one operation searches for it. */
const askFor = (search: SearchServices, embedder: Embedder, text: string): Promise<unknown> =>
  vectorOfText(
    {
      search,
      loaders: new Map(),
      pauses: new Pauses(() => undefined),
      embed: (texts: readonly string[]) => embedder.embed(texts),
    } as unknown as RequestContext,
    'a tenant',
    text,
  );

test('texts are kept for each gateway, in 16 MB at most, the latest', async () => {
  const [embedder, other] = [new CountingEmbedder(), new CountingEmbedder()];
  const services = new Map([embedder, other].map(each => [each, searchServices()]));
  const ask = (of: CountingEmbedder, asked: string): Promise<unknown> =>
    askFor(services.get(of)!, of, asked);
  // With its vector each takes 19 KB: there is room for some 870.
  const text = (n: number): string => String(n).padEnd(8_000, '.');
  for (let n = 0; n < 800; n += 1) await ask(embedder, text(n));
  await ask(embedder, text(0));
  expect(embedder.asked).toHaveLength(800);
  for (let n = 800; n < 1_000; n += 1) await ask(embedder, text(n));
  await ask(embedder, text(999));
  await ask(embedder, text(0));
  expect(embedder.asked).toHaveLength(1_000);
  await ask(embedder, text(1));
  expect(embedder.asked).toHaveLength(1_001);
  await ask(other, text(999));
  expect(other.asked).toHaveLength(1);
});

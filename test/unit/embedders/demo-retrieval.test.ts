import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { splitText } from '../../../src/chunking/split-text.js';
import { HashingEmbedder } from '../../../src/embedders/hashing-embedder.js';

interface DemoTenant {
  bots: {
    name: string;
    documents: { file: string | null }[];
    queries: { query: string; sources: string[] }[];
  }[];
}

const DEMO = join(import.meta.dirname, '../../../demo');
const embedder = new HashingEmbedder();

describe('The built-in embedder on the demo', () => {
  const tenants = globSync(join(DEMO, '*/tenant.json'));
  const bots = tenants.flatMap(file => {
    const tenant = JSON.parse(readFileSync(file, 'utf8')) as DemoTenant;
    return tenant.bots.map(bot => ({ ...bot, folder: dirname(file) }));
  });

  test('has something to search', () => {
    expect(bots.length).toBeGreaterThan(0);
  });

  test.each(bots)(
    'finds a source of at least 19 of 20 questions to $name among the first five chunks',
    async ({ folder, documents, queries }) => {
      // a document whose extraction failed has none
      const files = documents.flatMap(({ file }) => file ?? []);
      const chunks = files.flatMap(file =>
        splitText(readFileSync(join(folder, file), 'utf8')).map(({ text }) => ({ file, text })),
      );
      const vectors = await embedder.embed(chunks.map(chunk => chunk.text));
      const answerable = queries.filter(query => query.sources.length > 0);
      const missed: string[] = [];
      for (const { query, sources } of answerable) {
        const [asked] = await embedder.embed([query]);
        const similarity = vectors.map(vector =>
          vector.reduce((sum, value, i) => sum + value * asked![i]!, 0),
        );
        const firstFive = [...chunks.keys()]
          .toSorted((a, b) => similarity[b]! - similarity[a]!)
          .slice(0, 5);
        if (!firstFive.some(i => sources.some(source => chunks[i]!.file.endsWith(source))))
          missed.push(query);
      }
      expect(missed.length, `missed: ${missed.join(' | ')}`).toBeLessThanOrEqual(
        answerable.length / 20,
      );
    },
  );
});

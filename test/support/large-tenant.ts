import { v7 } from 'uuid';
import type { ClusteredVectors } from './clustered-vectors.js';
import type { TestDatabase } from './database.js';
import type { DocumentWorld } from './world.js';

const ROWS_OF_STATEMENT = 200;

/**
 * Fills a document with chunks that lie as real ones do, quickly: as the superuser, whom no policy
 * holds up.
 */
export async function fill(
  db: TestDatabase,
  document: DocumentWorld,
  vectors: ClusteredVectors,
  count: number,
): Promise<{ id: string; vector: Float32Array }[]> {
  const passages = Array.from({ length: Math.ceil(count / 25) }, () => vectors.document(25))
    .flat()
    .slice(0, count)
    .map(vector => ({ id: v7(), vector }));
  const { bot } = document;
  for (let start = 0; start < count; start += ROWS_OF_STATEMENT) {
    const rows = passages
      .slice(start, start + ROWS_OF_STATEMENT)
      .map(
        ({ id, vector }, n) =>
          `('${id}', '${bot.tenant.id}', '${bot.id}', '${document.id}', 'Passage', ` +
          `${start + n}, '[${Array.from(vector, value => value.toFixed(5)).join()}]')`,
      );
    await db.asSuperuser(
      'insert into doc_chunks (id, tenant_id, bot_id, doc_id, text, chunk_index, ' +
        `embedding) values ${rows.join()}`,
    );
  }
  return passages;
}

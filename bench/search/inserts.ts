import { Client } from 'pg';
import { v7 } from 'uuid';
import { storeChunks } from '../../src/chunking/store-chunks.js';
import { Database } from '../../src/db/database.js';
import { OPERATOR_SCOPE } from '../../src/db/database-scope.js';
import { ENTITIES } from '../../src/entities.js';
import { ClusteredVectors } from '../../test/support/clustered-vectors.js';
import { sentences } from '../shared/random-text.js';
import { postgresAt } from '../../test/support/postgres-at.js';

const BATCH = 500;

export interface InsertResult {
  readonly name: string;
  readonly rowsPerSecond: readonly number[];
}

/**
 * Batches of 500 chunks in turns: into the original's table with its one index over all vectors,
 * into the gateway's as `storeChunks` does it, and into that of a tenant with an index of its own.
 * What was written is taken out again.
 */
export async function measureInserts(
  adminUrl: string,
  gatewayUrl: string,
  indexedTenant: string,
  rounds: number,
): Promise<InsertResult[]> {
  const vectors = new ClusteredVectors(7);
  const passages = vectors
    .document(BATCH)
    .map(vector => Array.from(vector, value => Number(value.toFixed(7))));
  const texts = passages.map(() => sentences(Math.random, 400));
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  const database = await Database.open(postgresAt(gatewayUrl, { poolSize: 2 }), ENTITIES);
  const tenant = v7();
  try {
    await admin.query(`insert into tenants (id, name) values ($1, 'Inserts')`, [tenant]);
    const small = await newDocument(admin, tenant);
    const large = await newDocument(admin, indexedTenant);
    const ours = (document: Document) => (): Promise<unknown> =>
      database.write('bench', OPERATOR_SCOPE, em =>
        storeChunks(
          em,
          document,
          passages.map((embedding, index) => ({
            text: texts[index]!,
            chunkIndex: index,
            embedding,
          })),
        ),
      );
    const ways: [string, () => Promise<unknown>][] = [
      ['original', () => insertOriginal(admin, small, passages, texts)],
      ['Weaver', ours(small)],
      ['Weaver, tenant with an index', ours(large)],
    ];
    const results = ways.map(([name]) => ({ name, rowsPerSecond: [] as number[] }));
    for (let round = -1; round < rounds; round += 1) {
      for (const [index, [, write]] of ways.entries()) {
        const startedAt = performance.now();
        await write();
        // The first round only warms up.
        if (round >= 0)
          results[index]!.rowsPerSecond.push((BATCH * 1_000) / (performance.now() - startedAt));
      }
    }
    return results;
  } finally {
    await admin.query('delete from original_chunks where tenant_id = $1', [tenant]);
    await admin.query('delete from docs where tenant_id = $1 and filename = $2', [
      indexedTenant,
      'inserts.md',
    ]);
    await admin.query('delete from tenants where id = $1', [tenant]);
    await admin.query('vacuum original_chunks, doc_chunks');
    await database.close();
    await admin.end();
  }
}

interface Document {
  readonly id: string;
  readonly tenantId: string;
}

async function newDocument(admin: Client, tenantId: string): Promise<Document> {
  const { rows } = await admin.query<{ id: string }>(
    `insert into docs (tenant_id, filename, size_bytes) values ($1, 'inserts.md', 1) returning id`,
    [tenantId],
  );
  return { id: rows[0]!.id, tenantId };
}

/**
 * One statement for the batch, in a transaction of its own, with the vectors as text: as fast as
 * the original's programs could be.
 */
async function insertOriginal(
  client: Client,
  { id, tenantId }: Document,
  passages: readonly number[][],
  texts: readonly string[],
): Promise<void> {
  const rows = passages.map((embedding, index) => ({
    id: v7(),
    text: texts[index],
    chunk_index: index,
    embedding: JSON.stringify(embedding),
  }));
  await client.query(
    `insert into original_chunks (id, tenant_id, bot_id, doc_id, text, chunk_index, embedding)
     select r.id, $1, $1, $2, r.text, r.chunk_index, r.embedding::vector(1536)
       from json_to_recordset($3) as r(id uuid, text text, chunk_index int, embedding text)`,
    [tenantId, id, JSON.stringify(rows)],
  );
}

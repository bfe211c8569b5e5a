import type { Client } from 'pg';
import { ClusteredVectors, randomNumbers } from '../../test/support/clustered-vectors.js';
import { graphqlRequest, type HttpRequest } from '../shared/http-request.js';
import { sentences } from '../shared/random-text.js';
import type { DataSet } from './data-set.js';
import type { Workload } from './workloads.js';

/** Writes, which hand-written transactions (`write-server.ts`) do as well. */
export const WRITE_NAMES = ['W11', 'W12'] as const;
export type WriteName = (typeof WRITE_NAMES)[number];

/** Of documents that the bench makes, and no others. */
const WRITTEN = 'bench-write';
const TEXT_LENGTH = 4_000;
const CHUNKS = 100;
const CHUNK_LENGTH = 800;
/** A body has a megabyte, so few tenants must do: twice as many as there are writes at a time. */
const TENANTS_OF_CHUNKS = 16;
const SEED = 20_261_130;

const CREATE = `mutation Create($input: CreateDocumentInput!) {
  createDocument(input: $input) { document { id filename sizeBytes status } }
}`;
const ADD = `mutation Add($input: AddChunksInput!) {
  addChunks(input: $input) { chunks { id } }
}`;

export function writeWorkloads({ tenants, written }: DataSet): Workload[] {
  const next = randomNumbers(SEED);
  const vectors = new ClusteredVectors(SEED);
  const inputs: Record<WriteName, (readonly [apiKey: string, input: object])[]> = {
    W11: tenants.map(({ apiKey }, number) => [
      apiKey,
      { filename: `${WRITTEN}-${number}.md`, text: sentences(next, TEXT_LENGTH) },
    ]),
    W12: tenants.slice(0, TENANTS_OF_CHUNKS).map(({ id, apiKey }) => [
      apiKey,
      {
        documentId: written.get(id)!,
        chunks: vectors.document(CHUNKS).map((vector, index) => ({
          text: sentences(next, CHUNK_LENGTH),
          pageNum: 1 + Math.floor(index / 2),
          metadata: { section: index },
          embedding: Array.from(vector, value => Number(value.toFixed(6))),
        })),
      },
    ]),
  };
  const workload = (name: WriteName, what: string, query: string): Workload => ({
    name,
    what,
    isWrite: true,
    requests: {
      weaver: inputs[name].map(([apiKey, input]) =>
        graphqlRequest(query, { input }, { authorization: `Bearer ${apiKey}` }),
      ),
      transaction: inputs[name].map(([apiKey, input]): HttpRequest => ({
        method: 'POST',
        path: `/${name}`,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
        body: JSON.stringify(input),
      })),
    },
  });
  return [
    workload('W11', 'createDocument: a text of 4 kB, split and embedded', CREATE),
    workload('W12', 'addChunks: 100 chunks with text, metadata and vectors', ADD),
  ];
}

/** Documents for chunks to be added to, by tenant; what was written before goes. */
export async function prepareWrites(
  client: Client,
  tenantIds: readonly string[],
): Promise<Map<string, string>> {
  await removeWrites(client);
  const { rows } = await client.query<{ id: string; tenant_id: string }>(
    `insert into docs (tenant_id, filename, gcs_path, size_bytes, status)
     select id, '${WRITTEN}-chunks.md', 'gs://bench/${WRITTEN}.md', 0, 'pending'
       from unnest($1::uuid[]) id returning id, tenant_id`,
    [tenantIds.slice(0, TENANTS_OF_CHUNKS)],
  );
  return new Map(rows.map(({ id, tenant_id }) => [tenant_id, id]));
}

export async function removeWrites(client: Client): Promise<void> {
  const { rowCount } = await client.query(`delete from docs where filename like '${WRITTEN}-%'`);
  if (rowCount) await client.query('vacuum (analyze)');
}

/** Deletes what a request wrote, but for the documents of `prepareWrites`. */
export async function forgetWrites(client: Client): Promise<void> {
  await client.query(
    `delete from doc_chunks using docs d
      where d.id = doc_id and d.filename = '${WRITTEN}-chunks.md';
     delete from docs where filename like '${WRITTEN}-%' and filename <> '${WRITTEN}-chunks.md'`,
  );
}

/** What the writes have left, without ids and times. */
export async function writtenRows(client: Client): Promise<unknown> {
  const { rows } = await client.query(
    `select d.tenant_id, d.bot_id, d.filename, d.gcs_path, d.size_bytes, d.status, d.tags,
            t.storage_used_bytes,
            array(
              select to_jsonb(c) - '{id,doc_id,created_at}'::text[]
                from doc_chunks c where c.doc_id = d.id order by c.chunk_index
            ) as chunks
       from docs d join tenants t on t.id = d.tenant_id
      where d.filename like '${WRITTEN}-%' order by d.tenant_id, d.filename`,
  );
  return rows;
}

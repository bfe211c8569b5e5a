import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool, type PoolClient } from 'pg';
import { v7 } from 'uuid';
import { hashOf, prefixOf } from '../../src/api-keys/key-format.js';
import { splitText } from '../../src/chunking/split-text.js';
import { OPERATOR_ROLE, TENANT_ROLE } from '../../src/db/roles.js';
import { unitVector } from '../../src/embedders/check-vector.js';
import { createEmbedder } from '../../src/embedders/create-embedder.js';
import { HalfVector } from '../../src/embedders/half-vector.js';

/**
 * What an engineer writes by hand who knows these tables: one transaction for each request, under
 * the tenant's policies, with the key looked up, inputs checked, prepared statements and binary
 * vectors. No GraphQL, no second wall, no audit events, which these callers have none of. The
 * splitter, the model and the form of vectors are the gateway's own.
 */
const connectionString = process.env.DATABASE_URL;
const pool = new Pool({ connectionString, max: 10 });
const keys = new Pool({ connectionString, max: 10, options: `-c role=${OPERATOR_ROLE}` });
const embedder = createEmbedder({ provider: 'hashing' });

const FIND_KEY = `select tenant_id, key_hash from api_keys where key_prefix = $1 and not revoked
  and (expires_at is null or expires_at > now()) and 'write' = any(scopes)`;

interface NewChunk {
  readonly text: string;
  readonly pageNum?: number;
  readonly metadata?: object;
  readonly embedding: readonly number[];
}

async function tenantOf({ headers }: IncomingMessage): Promise<string> {
  const key = headers.authorization!.slice('Bearer '.length);
  const { rows } = await keys.query<{ tenant_id: string; key_hash: string }>({
    name: 'key',
    text: FIND_KEY,
    values: [prefixOf(key)],
  });
  const row = rows.find(({ key_hash }) => key_hash === hashOf(key));
  if (!row) throw new Error('The key is unknown.');
  return row.tenant_id;
}

async function inTransaction<T>(
  tenantId: string,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query(
      `begin; set local role ${TENANT_ROLE}; set local timezone = 'UTC'; ` +
        `select set_config('app.tenant_id', '${tenantId}', true)`,
    );
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

async function createDocument(
  tenantId: string,
  { filename, text }: { filename: string; text: string },
): Promise<object> {
  if (text.trim() === '' || Buffer.byteLength(text) > 1_000_000 || filename.length > 255)
    throw new Error('The document is refused.');
  const texts = splitText(text).map(piece => piece.text);
  const vectors = await embedder.embed(texts);
  const id = v7();
  const document = await inTransaction(tenantId, async client => {
    const { rows } = await client.query({
      name: 'document',
      text:
        'insert into docs (id, tenant_id, filename, size_bytes, status) values ($1, $2, $3, $4, ' +
        `'completed') returning id, filename, size_bytes::text as "sizeBytes", ` +
        'upper(status) as status',
      values: [id, tenantId, filename, Buffer.byteLength(text)],
    });
    await insertChunks(
      client,
      tenantId,
      id,
      0,
      texts.map((piece, index) => ({ text: piece, embedding: vectors[index]! })),
    );
    return rows[0];
  });
  return { createDocument: { document } };
}

async function addChunks(
  tenantId: string,
  { documentId, chunks }: { documentId: string; chunks: readonly NewChunk[] },
): Promise<object> {
  if (chunks.length === 0 || chunks.length > 500) throw new Error('The chunks are refused.');
  for (const { text, embedding } of chunks) {
    if (text === '' || embedding.length !== 1536 || !embedding.every(Number.isFinite))
      throw new Error('A chunk is refused.');
  }
  const ids = await inTransaction(tenantId, async client => {
    const { rows } = await client.query<{ next: number }>({
      name: 'place',
      text:
        'select (select coalesce(max(chunk_index), -1) + 1 from doc_chunks c ' +
        'where c.tenant_id = d.tenant_id and c.doc_id = d.id) as next from docs d ' +
        'where tenant_id = $1 and id = $2 for no key update',
      values: [tenantId, documentId],
    });
    if (!rows[0]) throw new Error('The document is unknown.');
    return insertChunks(client, tenantId, documentId, rows[0].next, chunks);
  });
  return { addChunks: { chunks: ids.map(id => ({ id })) } };
}

async function insertChunks(
  client: PoolClient,
  tenantId: string,
  documentId: string,
  firstPlace: number,
  chunks: readonly NewChunk[],
): Promise<string[]> {
  const ids = chunks.map(() => v7());
  const vectors = chunks.map(({ embedding }) => new HalfVector(unitVector(embedding)));
  await client.query({
    name: `chunks ${chunks.length}`,
    text:
      'insert into doc_chunks (id, tenant_id, doc_id, chunk_index, text, page_num, ' +
      'chunk_metadata, embedding) select id, $1, $2, $3 + nth - 1, text, page_num, metadata, ' +
      'embedding from unnest($4::uuid[], $5::text[], $6::int[], $7::jsonb[], ' +
      `array[${chunks.map((_, index) => `$${index + 8}::halfvec(1536)`).join()}]) ` +
      'with ordinality as c(id, text, page_num, metadata, embedding, nth)',
    values: [
      tenantId,
      documentId,
      firstPlace,
      ids,
      chunks.map(({ text }) => text),
      chunks.map(({ pageNum }) => pageNum ?? null),
      chunks.map(({ metadata }) => JSON.stringify(metadata ?? {})),
      ...vectors,
    ],
  });
  return ids;
}

const server = createServer(async (request, response) => {
  try {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const tenantId = await tenantOf(request);
    const input = JSON.parse(Buffer.concat(pieces).toString());
    const data =
      request.url === '/W11'
        ? await createDocument(tenantId, input)
        : await addChunks(tenantId, input);
    const text = JSON.stringify({ data });
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  } catch (error) {
    response.writeHead(500);
    response.end(String(error));
  }
});
server.listen(0, '127.0.0.1', () =>
  process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
process.once('disconnect', () => process.exit());

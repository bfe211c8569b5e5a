import { createHash } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import { contextOf, embeddingInput } from '../chunking/chunk-context.js';
import type { UnembeddedChunk } from '../chunking/prepare-chunks.js';
import type { Database } from '../db/database.js';
import { tenantScope } from '../db/database-scope.js';
import { runInWrite } from '../db/run-in-write.js';
import { HalfVector } from '../embedders/half-vector.js';
import { padVector } from '../embedders/pad-vector.js';
import { updateHeld, type ClaimedIngestion } from './lease.js';

/** Rows of one statement. */
const BATCH = 500;

/** A staged chunk without a vector. */
export interface ChunkToEmbed {
  readonly inputSha256: string;
  /** What is embedded of it. */
  readonly input: string;
  readonly text: string;
}

/** Puts the chunks of a text in the place of what is staged, all or none. */
export async function stageChunks(
  database: Database,
  ingestion: ClaimedIngestion,
  chunks: readonly UnembeddedChunk[],
  pageStarts: readonly number[],
): Promise<void> {
  const { id, tenantId, documentName } = ingestion;
  await database.write('stageChunks', tenantScope(tenantId), async em => {
    await updateHeld(em, ingestion, 'done = 0, total = $4::int', [chunks.length]);
    await deleteStaged(em, ingestion);
    for (let start = 0; start < chunks.length; start += BATCH) {
      const rows = chunks.slice(start, start + BATCH).map(chunk => {
        const context = contextOf(documentName, chunk);
        return {
          id: v7(),
          chunk_index: chunk.chunkIndex,
          text: chunk.text,
          context,
          headings: chunk.headings ?? [],
          table_header: chunk.tableHeader ?? null,
          page_num: pageOf(chunk.textStart!, pageStarts),
          text_start: chunk.textStart,
          text_end: chunk.textEnd,
          input_sha256: digestOf(embeddingInput(context, chunk.text)),
        };
      });
      await runInWrite(
        em,
        `insert into ingestion_chunks (tenant_id, ingestion_id, id, chunk_index, text, context,
           headings, table_header, page_num, text_start, text_end, input_sha256)
         select $1::uuid, $2::uuid, r.* from jsonb_to_recordset($3::jsonb) as r(id uuid,
           chunk_index int, text text, context text, headings text[], table_header text,
           page_num int, text_start int, text_end int, input_sha256 text)`,
        [tenantId, id, JSON.stringify(rows)],
      );
    }
  });
}

export async function deleteStaged(
  em: SqlEntityManager,
  { id, tenantId }: Pick<ClaimedIngestion, 'id' | 'tenantId'>,
): Promise<void> {
  await runInWrite(
    em,
    'delete from ingestion_chunks where tenant_id = $1::uuid and ingestion_id = $2::uuid',
    [tenantId, id],
  );
}

/** The page on which a chunk begins, from 1; null where the original has none. */
function pageOf(textStart: number, pageStarts: readonly number[]): number | null {
  if (pageStarts.length === 0) return null;
  let low = 0;
  let high = pageStarts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pageStarts[middle]! <= textStart) low = middle + 1;
    else high = middle;
  }
  return Math.max(low, 1);
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

const IS_MISSING =
  'c.tenant_id = $1::uuid and c.ingestion_id = $2::uuid and c.model is distinct from $3';

/** What is embedded of a chunk of a document, as `embeddingInput` makes it. */
const INPUT_OF_CHUNK = `case when coalesce(o.context, '') = '' then o.text
  else o.context || E'\\n\\n' || o.text end`;

/**
 * Gives staged chunks the vectors that the tenant has of the same inputs by the same model: those
 * of other ingestions, of a document with the same name and content, and of the text that this
 * document has. Nothing of them is embedded again.
 */
export async function reuseVectors(
  database: Database,
  ingestion: ClaimedIngestion,
  model: string,
): Promise<void> {
  const { id, tenantId, documentId, documentName } = ingestion;
  await database.write('reuseVectors', tenantScope(tenantId), async em => {
    await updateHeld(em, ingestion, 'done = done');
    await runInWrite(
      em,
      `update ingestion_chunks c set model = $3, embedding = (
           select o.embedding from ingestion_chunks o
            where o.tenant_id = $1::uuid and o.input_sha256 = c.input_sha256 and o.model = $3
            limit 1)
        where ${IS_MISSING}
          and exists (select from ingestion_chunks o where o.tenant_id = $1::uuid
                         and o.input_sha256 = c.input_sha256 and o.model = $3)`,
      [tenantId, id, model],
    );
    // Vectors that callers gave are theirs: chunks of a text have a revision.
    await runInWrite(
      em,
      `update ingestion_chunks c set model = $3, embedding = known.embedding
         from (
           select distinct on (k.input_sha256) k.input_sha256, k.embedding
             from (
               select encode(sha256(convert_to(${INPUT_OF_CHUNK}, 'UTF8')), 'hex') as input_sha256,
                      o.embedding
                 from doc_chunks o
                where o.tenant_id = $1::uuid and o.revision is not null
                  and o.embedding is not null
                  and o.doc_id in (
                    select $4::uuid union all (
                      select d.id from docs d join ingestions i on i.tenant_id = d.tenant_id
                         and i.content_sha256 = d.content_sha256
                       where i.tenant_id = $1::uuid and i.id = $2::uuid and d.filename = $5
                         and d.status = 'completed'
                       order by d.created_at limit 1))
             ) k
         ) known
        where ${IS_MISSING} and c.input_sha256 = known.input_sha256`,
      [tenantId, id, model, documentId, documentName],
    );
    await countDone(em, ingestion, model);
  });
}

/** The next staged chunks without a vector of the model, in the order of the text. */
export async function nextToEmbed(
  database: Database,
  { id, tenantId }: ClaimedIngestion,
  model: string,
  limit: number,
): Promise<ChunkToEmbed[]> {
  const rows = await database.write('nextToEmbed', tenantScope(tenantId), em =>
    runInWrite<{ inputSha256: string; context: string; text: string }>(
      em,
      `select c.input_sha256 as "inputSha256", c.context, c.text from ingestion_chunks c
        where ${IS_MISSING} order by c.chunk_index limit $4::int`,
      [tenantId, id, model, limit],
    ),
  );
  const each = new Map(rows.map(row => [row.inputSha256, row]));
  return Array.from(each.values(), ({ inputSha256, context, text }) => ({
    inputSha256,
    text,
    input: embeddingInput(context, text),
  }));
}

/** Stores vectors of inputs, for all staged chunks that have them, and how many are done. */
export async function storeVectors(
  database: Database,
  ingestion: ClaimedIngestion,
  model: string,
  inputs: readonly ChunkToEmbed[],
  vectors: readonly (readonly number[])[],
): Promise<void> {
  const { id, tenantId } = ingestion;
  const placeholders = vectors.map((_, index) => `$${index + 5}::halfvec(1536)`);
  await database.write('storeVectors', tenantScope(tenantId), async em => {
    await updateHeld(em, ingestion, 'done = done');
    const [stored] = await runInWrite<{ count: number }>(
      em,
      `with stored as (
         update ingestion_chunks c set model = $3, embedding = made.embedding
           from unnest($4::text[], array[${placeholders.join()}]) as made(input_sha256, embedding)
          where ${IS_MISSING} and c.input_sha256 = made.input_sha256
         returning 1
       ) select count(*)::int as count from stored`,
      [
        tenantId,
        id,
        model,
        inputs.map(({ inputSha256 }) => inputSha256),
        ...vectors.map(vector => new HalfVector(padVector([...vector]))),
      ],
    );
    await updateHeld(em, ingestion, 'done = done + $4::int', [stored!.count]);
  });
}

async function countDone(
  em: SqlEntityManager,
  ingestion: ClaimedIngestion,
  model: string,
): Promise<void> {
  const staged =
    'from ingestion_chunks c where c.tenant_id = ingestions.tenant_id ' +
    'and c.ingestion_id = ingestions.id';
  await updateHeld(
    em,
    ingestion,
    `done = (select count(*) filter (where c.model = $4)::int ${staged}), ` +
      `total = (select count(*)::int ${staged})`,
    [model],
  );
}

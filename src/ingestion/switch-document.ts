import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../db/database.js';
import { tenantScope } from '../db/database-scope.js';
import { runInWrite } from '../db/run-in-write.js';
import { removeText } from '../documents/document-texts.js';
import { deleteUploadBytes } from '../uploads/upload-ingestion.js';
import { IngestionFailure, LeaseLost } from './ingestion-failure.js';
import { lockDocument, updateHeld, type ClaimedIngestion } from './lease.js';
import { deleteStaged } from './staging.js';

/**
 * Puts what was staged in the place of what the document has, in one transaction: a search finds
 * the old chunks or the new ones. Throws `LeaseLost` where the ingestion is no longer this
 * attempt's, and a failure where the document has got another text meanwhile.
 */
export async function switchDocument(
  database: Database,
  ingestion: ClaimedIngestion,
): Promise<void> {
  await database.write('switchDocument', tenantScope(ingestion.tenantId), em =>
    replaceDocument(em, ingestion),
  );
}

async function replaceDocument(em: SqlEntityManager, ingestion: ClaimedIngestion): Promise<void> {
  const { id, tenantId, documentId, uploadId } = ingestion;
  const document = { id: documentId, tenantId };
  if (!(await lockDocument(em, ingestion))) throw new LeaseLost('The document was deleted.');
  const expected = await updateHeld<{
    revision: number;
    metadata: Record<string, unknown> | null;
  }>(
    em,
    ingestion,
    `state = 'completed', lease_until = null, finished_at = clock_timestamp(), ` +
      'error_code = null, error_message = null, error_retryable = null',
    [],
    'revision, metadata',
  );
  const { revision, noted } = await removeText(em, document, expected.metadata ?? undefined);
  if (revision !== expected.revision)
    throw new IngestionFailure(
      'SUPERSEDED',
      'The document got another text while the file was being processed, and keeps that one. ' +
        'Retry the ingestion to replace it with the file.',
    );
  await runInWrite(
    em,
    `insert into doc_texts (tenant_id, doc_id, revision, text, sha256, page_starts, extractor,
       extractor_version)
     select tenant_id, doc_id, revision, text, encode(sha256(convert_to(text, 'UTF8')), 'hex'),
            page_starts, extractor, extractor_version
       from ingestions where tenant_id = $1::uuid and id = $2::uuid`,
    [tenantId, id],
  );
  await runInWrite(
    em,
    `insert into doc_chunks (id, tenant_id, doc_id, text, chunk_index, page_num, chunk_metadata,
       headings, table_header, revision, text_start, text_end, embedding)
     select c.id, c.tenant_id, $3::uuid, c.text, c.chunk_index, c.page_num, $4::jsonb, c.headings,
            c.table_header, $5::int, c.text_start, c.text_end, c.embedding
       from ingestion_chunks c where c.tenant_id = $1::uuid and c.ingestion_id = $2::uuid
      order by c.chunk_index`,
    [tenantId, id, documentId, JSON.stringify(noted), revision],
  );
  await deleteStaged(em, ingestion);
  await forgetText(em, ingestion);
  if (uploadId !== null) await deleteUploadBytes(em, tenantId, [uploadId]);
  // Last, for the tenant's row counts the size, and others wait for it.
  await runInWrite(
    em,
    `update docs d
        set status = 'completed', error_message = null, size_bytes = i.size_bytes,
            content_sha256 = i.content_sha256, metadata = coalesce(i.metadata, d.metadata)
       from ingestions i
      where d.tenant_id = $1::uuid and d.id = $3::uuid
        and i.tenant_id = $1::uuid and i.id = $2::uuid`,
    [tenantId, id, documentId],
  );
}

/** The ingestion keeps what it was, not what it has read. */
export async function forgetText(
  em: SqlEntityManager,
  { id, tenantId }: Pick<ClaimedIngestion, 'id' | 'tenantId'>,
): Promise<void> {
  await runInWrite(
    em,
    `update ingestions
        set text = null, page_starts = null, extractor = null, extractor_version = null
      where tenant_id = $1::uuid and id = $2::uuid`,
    [tenantId, id],
  );
}

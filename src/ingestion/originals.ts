import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../db/database.js';
import { tenantScope } from '../db/database-scope.js';
import type { RowKey } from '../db/read-model.js';
import { runInWrite } from '../db/run-in-write.js';
import { fixedStatement } from '../db/statement.js';
import { AppError } from '../base/app-error.js';
import { notFound } from '../graphql/input-checks.js';

/** A file that was received whole, as its upload has it. */
export interface Original extends RowKey {
  readonly botId: string;
  readonly filename: string;
  readonly contentType: string | null;
  readonly sizeBytes: string;
  readonly sha256: string;
  readonly metadata: Record<string, unknown>;
}

/** The file of an upload, which from now on is one ingestion's. */
export async function lockOriginal(
  em: SqlEntityManager,
  { id, tenantId }: RowKey,
): Promise<Original> {
  const [upload] = await runInWrite<Original & { state: string }>(
    em,
    `select id, tenant_id as "tenantId", bot_id as "botId", filename,
            content_type as "contentType", size_bytes::text as "sizeBytes", sha256, metadata, state
       from uploads where tenant_id = $1::uuid and id = $2::uuid for no key update`,
    [tenantId, id],
  );
  if (!upload) throw notFound('upload', id, 'input.uploadId');
  if (upload.state !== 'received')
    throw new AppError('CONFLICT', 'The file of this upload was not received, or is in use.', {
      field: 'input.uploadId',
    });
  await runInWrite(
    em,
    `update uploads set state = 'ingested' where tenant_id = $1::uuid and id = $2::uuid`,
    [tenantId, id],
  );
  return upload;
}

const PARTS = fixedStatement(
  'partsOfOriginal',
  `select encode(p.bytes, 'base64') as bytes from upload_parts p where p.tenant_id = $1::uuid and p.upload_id = $2::uuid
    order by p.part_no`,
);

/** The bytes of a file; undefined where they are not there any more. */
export async function readOriginal(
  database: Database,
  tenantId: string,
  uploadId: string,
): Promise<Buffer | undefined> {
  const parts = await database
    .reads(tenantScope(tenantId))
    .query<{ bytes: string }>(PARTS, [tenantId, uploadId]);
  return parts.length === 0
    ? undefined
    : Buffer.concat(parts.map(({ bytes }) => Buffer.from(bytes, 'base64')));
}

/** The document has its text: nobody needs the bytes again. */
export async function deleteOriginal(
  em: SqlEntityManager,
  { id, tenantId }: RowKey,
): Promise<void> {
  await runInWrite(
    em,
    'delete from upload_parts where tenant_id = $1::uuid and upload_id = $2::uuid',
    [tenantId, id],
  );
}

import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../auth/caller.js';
import { AppError } from '../base/app-error.js';
import type { OperationReads } from '../db/operation-reads.js';
import type { RowKey } from '../db/read-model.js';
import { runInWrite } from '../db/run-in-write.js';
import { notFound } from '../graphql/input-checks.js';
import { lockRow } from '../writes/lock-row.js';
import { updateRow } from '../writes/rows.js';
import { storedParts } from './stored-parts.js';
import { Upload, UploadState } from './upload.entity.js';

/** A file of which a document may be made, by whoever has locked it. */
export interface LockedUpload extends RowKey {
  readonly botId: string;
  readonly filename: string;
  readonly sizeBytes: string;
  readonly sha256: string;
  readonly contentType: string | null;
  readonly metadata: Record<string, unknown>;
}

/**
 * Marks a received upload as ingested: its token is void, it expires no more, and its document
 * counts in its place. An upload is ingested once. Throws `NOT_FOUND`, or `CONFLICT` where it is
 * not received or was ingested before.
 */
export async function lockUploadForIngestion(
  em: SqlEntityManager,
  caller: Pick<Caller, 'tenantId'>,
  uploadId: string,
  field = 'input.uploadId',
): Promise<LockedUpload> {
  const { state, expiresAt, ...upload } = await lockRow<
    LockedUpload & { state: UploadState; expiresAt: string }
  >(
    em,
    caller,
    Upload,
    { id: uploadId },
    {
      field,
      properties: [
        'botId',
        'filename',
        'sizeBytes',
        'sha256',
        'contentType',
        'metadata',
        'state',
        'expiresAt',
      ],
    },
  );
  if (state === UploadState.INGESTED)
    throw new AppError(
      'CONFLICT',
      'A document was already made of this upload. Create another upload to send the file again.',
      { field },
    );
  if (Date.parse(expiresAt) <= Date.now()) throw notFound('upload', upload.id, field);
  if (state !== UploadState.RECEIVED)
    throw new AppError(
      'CONFLICT',
      'The file of this upload has not come in completely. Send the rest first.',
      { field },
    );
  await updateRow(em, Upload, upload, { state: UploadState.INGESTED });
  return upload;
}

/** All bytes of a file. Throws where they were deleted. */
export async function readUpload(
  reads: Pick<OperationReads, 'query'>,
  tenantId: string,
  uploadId: string,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of storedParts(reads, { id: uploadId, tenantId })) parts.push(part);
  if (parts.length === 0) throw new Error(`The bytes of the upload ${uploadId} are gone.`);
  return Buffer.concat(parts);
}

/** Deletes the bytes of uploads of one tenant, once nobody reads them any more. */
export async function deleteUploadBytes(
  em: SqlEntityManager,
  tenantId: string,
  uploadIds: readonly string[],
): Promise<void> {
  await runInWrite(
    em,
    'delete from upload_parts where tenant_id = $1::uuid and upload_id = any($2::uuid[])',
    [tenantId, uploadIds],
  );
}

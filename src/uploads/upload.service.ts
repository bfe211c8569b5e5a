import type { Caller } from '../auth/caller.js';
import type { RowKey } from '../db/read-model.js';
import type { DeletionPayload } from '../graphql/deletion.js';
import { intInput, tenantInput } from '../graphql/input-checks.js';
import { newValues } from '../graphql/settable-fields.js';
import { checkQuotas } from '../tenants/quotas.js';
import { detailsOf, recordedForOperators, rowDetailsOf } from '../writes/audit.js';
import { change } from '../writes/change.js';
import type { Db } from '../writes/db.js';
import { lockRow } from '../writes/lock-row.js';
import { deleteRow, idAndTimeOf, insertRow } from '../writes/rows.js';
import { contentTypeInput } from './content-types.js';
import type { UploadDb } from './upload-db.js';
import type { CreateUploadInput, DeleteUploadInput } from './upload-mutations.inputs.js';
import { newUploadToken } from './upload-token.js';
import { Upload } from './upload.entity.js';

const HOUR_MS = 3_600_000;

export interface UploadWithToken extends RowKey {
  /** Null if the call repeats an idempotency key. */
  readonly token: string | null;
}

/**
 * Makes room for a file, and a token to send it with. Whatever could refuse the file before it is
 * read does so here.
 */
export async function createUpload(
  db: UploadDb,
  caller: Caller,
  input: CreateUploadInput,
): Promise<UploadWithToken> {
  const { maxBytes, lifetimeHours } = db.uploads;
  const tenantId = tenantInput(caller, input.tenantId);
  const { contentType: declared, ...values } = newValues(Upload, input);
  const sizeBytes = intInput(
    'input.sizeBytes',
    Number(input.sizeBytes),
    1,
    maxBytes,
    input.sizeBytes,
  );
  const contentType =
    declared == null ? undefined : contentTypeInput('input.contentType', declared);
  return change<UploadWithToken>(db, caller, {
    verb: 'createUpload',
    input,
    async work(em) {
      const { id, createdAt } = idAndTimeOf(input);
      const { token, digest } = newUploadToken(tenantId);
      await insertRow(em, Upload, {
        ...values,
        id,
        createdAt,
        tenantId,
        sizeBytes: String(sizeBytes),
        contentType,
        tokenDigest: digest,
        expiresAt: new Date(Date.now() + lifetimeHours * HOUR_MS).toISOString(),
      });
      await checkQuotas(em, db.quotas, tenantId, {
        bytesField: 'input.sizeBytes',
        documentField: 'input.filename',
      });
      return {
        outcome: { id, tenantId, token },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Upload',
          targetId: id,
          details: rowDetailsOf(Upload, input, 'tenantId', 'sizeBytes'),
        }),
      };
    },
    redact: made => ({ ...made, token: null }),
  });
}

/** Deletes an upload with the bytes that have come. A document that was made of it stays. */
export async function deleteUpload(
  db: Db,
  caller: Caller,
  input: DeleteUploadInput,
): Promise<DeletionPayload> {
  return change<DeletionPayload>(db, caller, {
    verb: 'deleteUpload',
    input,
    async work(em) {
      const { id, tenantId } = await lockRow(em, caller, Upload, input, { forDelete: true });
      await deleteRow(em, Upload, { id, tenantId });
      return {
        outcome: { deletedId: id, counts: [] },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Upload',
          targetId: id,
          details: detailsOf(input, 'id'),
        }),
      };
    },
  });
}

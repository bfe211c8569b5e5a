import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import type { Caller } from '../auth/caller.js';
import { AppError } from '../base/app-error.js';
import type { RowKey } from '../db/read-model.js';
import { runInWrite } from '../db/run-in-write.js';
import { currentRevision } from '../documents/document-texts.js';
import { Document, DocumentStatus } from '../documents/document.entity.js';
import { storeDocument } from '../documents/store-document.js';
import { jsonInput, notFound, tenantInput } from '../graphql/input-checks.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { lockUploadForIngestion, type LockedUpload } from '../uploads/upload-ingestion.js';
import { recordedForOperators } from '../writes/audit.js';
import { change } from '../writes/change.js';
import type { Db } from '../writes/db.js';
import { lockRow } from '../writes/lock-row.js';
import { insertRow, updateRow } from '../writes/rows.js';
import type { IngestionEvents } from './ingestion-events.js';
import type {
  CancelIngestionInput,
  IngestUploadInput,
  RetryIngestionInput,
} from './ingestion-mutations.inputs.js';
import { Ingestion } from './ingestion.entity.js';
import { IngestionKind, IngestionState } from './ingestion.enums.js';
import { lockDocument, markDocument } from './lease.js';
import { deleteStaged } from './staging.js';
import { forgetText } from './switch-document.js';

/** The database, and who is told what happens to ingestions. */
export interface IngestionDb extends Db {
  readonly ingestionEvents: IngestionEvents;
}

export interface IngestedUpload {
  readonly document: RowKey;
  readonly ingestion: RowKey;
  readonly duplicateOf: RowKey | null;
}

const isUnfinished = (state: IngestionState): boolean =>
  state === IngestionState.QUEUED || state === IngestionState.RUNNING;

/**
 * Begins to make a document of a file that was received, or to replace the text of one. Both rows
 * are stored together: whoever is told of the document can follow its ingestion, and a worker finds
 * it, whatever happens afterwards.
 */
export async function ingestUpload(
  db: IngestionDb,
  caller: Caller,
  input: IngestUploadInput,
): Promise<IngestedUpload> {
  const tenantId = tenantInput(caller, input.tenantId);
  const given = input.metadata == null ? undefined : jsonInput('input.metadata', input.metadata);
  const ingested = await change<IngestedUpload>(db, caller, {
    verb: 'ingestUpload',
    input,
    async work(em) {
      if (caller.tenantId === undefined) await mustBeTenant(em, tenantId);
      // Before the upload's row, as a worker does.
      const replaced =
        input.documentId == null
          ? undefined
          : await lockRow(
              em,
              { tenantId },
              Document,
              { id: input.documentId },
              {
                field: 'input.documentId',
              },
            );
      const upload = await lockUploadForIngestion(em, { tenantId }, input.uploadId);
      const metadata = given ?? ofUpload(upload);
      const document = replaced ?? (await newDocument(em, upload, metadata ?? {}));
      const ingestion = { id: v7(), tenantId };
      if (replaced) await supersede(em, replaced);
      await insertRow(em, Ingestion, {
        ...ingestion,
        documentId: document.id,
        uploadId: upload.id,
        filename: upload.filename,
        contentType: upload.contentType,
        sizeBytes: upload.sizeBytes,
        contentSha256: upload.sha256,
        kind: replaced ? IngestionKind.REPLACE : IngestionKind.CREATE,
        revision: (await currentRevision(em, document)) + 1,
        metadata: metadata ?? (replaced ? null : {}),
      });
      return {
        outcome: {
          document: { id: document.id, tenantId },
          ingestion,
          duplicateOf: await findDuplicate(em, document, upload),
        },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Upload',
          targetId: upload.id,
          details: { documentId: document.id, filename: upload.filename },
        }),
      };
    },
  });
  tell(db, ingested.ingestion);
  return ingested;
}

/** Begins an ingestion again that has failed or was cancelled. What it has made already is kept. */
export async function retryIngestion(
  db: IngestionDb,
  caller: Caller,
  input: RetryIngestionInput,
): Promise<RowKey> {
  const retried = await change<RowKey>(db, caller, {
    verb: 'retryIngestion',
    input,
    async work(em) {
      const ingestion = await lockIngestion(em, caller, input);
      const { id, tenantId, documentId, state } = ingestion;
      if (state !== IngestionState.FAILED && state !== IngestionState.CANCELLED)
        throw new AppError(
          'CONFLICT',
          `This ingestion is ${state.toUpperCase()}. Only one that is FAILED or CANCELLED can be ` +
            'retried.',
          { field: 'input.id' },
        );
      const document = { id: documentId, tenantId };
      await supersede(em, document);
      const revision = await currentRevision(em, document);
      await updateRow(
        em,
        Ingestion,
        { id, tenantId },
        {
          state: IngestionState.QUEUED,
          revision: revision + 1,
          failures: 0,
          done: 0,
          total: 0,
          errorCode: null,
          errorMessage: null,
          errorRetryable: null,
          cancelledAt: null,
          finishedAt: null,
        },
      );
      await runInWrite(
        em,
        `update ingestions set next_attempt_at = now()
          where tenant_id = $1::uuid and id = $2::uuid`,
        [tenantId, id],
      );
      if (revision === 0 && ingestion.kind === IngestionKind.CREATE)
        await updateRow(em, Document, document, {
          status: DocumentStatus.PENDING,
          errorMessage: null,
        });
      return {
        outcome: { id, tenantId },
        audit: recordedForOperators({ tenantId, targetType: 'Ingestion', targetId: id }),
      };
    },
  });
  tell(db, retried);
  return retried;
}

/** Ends an ingestion. Whoever works on it can store nothing more. */
export async function cancelIngestion(
  db: IngestionDb,
  caller: Caller,
  input: CancelIngestionInput,
): Promise<RowKey> {
  const cancelled = await change<RowKey>(db, caller, {
    verb: 'cancelIngestion',
    input,
    async work(em) {
      const { id, tenantId, documentId, state } = await lockIngestion(em, caller, input);
      if (!isUnfinished(state) && state !== IngestionState.CANCELLED)
        throw new AppError(
          'CONFLICT',
          `This ingestion is ${state.toUpperCase()} and cannot be cancelled any more.`,
          { field: 'input.id' },
        );
      if (isUnfinished(state)) {
        await endIngestion(em, { id, tenantId });
        await markDocument(
          em,
          { tenantId, documentId },
          'The processing of its file was cancelled. Retry it, or delete the document.',
        );
      }
      return {
        outcome: { id, tenantId },
        audit: recordedForOperators({ tenantId, targetType: 'Ingestion', targetId: id }),
      };
    },
  });
  tell(db, cancelled);
  return cancelled;
}

/** An upload of an unknown tenant is not unknown itself. */
async function mustBeTenant(em: SqlEntityManager, tenantId: string): Promise<void> {
  const found = await runInWrite(em, 'select id from tenants where id = $1::uuid', [tenantId]);
  if (found.length === 0) throw notFound('tenant', tenantId, 'input.tenantId');
}

function tell({ ingestionEvents }: IngestionDb, { id, tenantId }: RowKey): void {
  ingestionEvents.emit({ tenantId, ingestionId: id });
}

/** An upload without metadata has an empty object, which says nothing. */
function ofUpload({ metadata }: LockedUpload): Record<string, unknown> | undefined {
  return Object.keys(metadata).length === 0 ? undefined : metadata;
}

async function newDocument(
  em: SqlEntityManager,
  { tenantId, botId, filename, sizeBytes, sha256 }: LockedUpload,
  metadata: Record<string, unknown>,
): Promise<RowKey> {
  const document = {
    id: v7(),
    tenantId,
    botId,
    filename,
    sizeBytes,
    metadata,
    contentSha256: sha256,
    status: DocumentStatus.PENDING,
  };
  await storeDocument(em, document, undefined);
  return document;
}

/** Ends what other files are on their way to the document: the newest is the one that is meant. */
async function supersede(em: SqlEntityManager, { id, tenantId }: RowKey): Promise<void> {
  const others = await runInWrite<{ id: string }>(
    em,
    `select id from ingestions where tenant_id = $1::uuid and doc_id = $2::uuid
        and state in ('queued', 'running') for no key update`,
    [tenantId, id],
  );
  for (const other of others) await endIngestion(em, { id: other.id, tenantId });
}

/** The ingestion's row is to be locked. */
async function endIngestion(em: SqlEntityManager, ingestion: RowKey): Promise<void> {
  await runInWrite(
    em,
    `update ingestions
        set state = 'cancelled', lease_until = null, cancelled_at = clock_timestamp(),
            finished_at = clock_timestamp()
      where tenant_id = $1::uuid and id = $2::uuid`,
    [ingestion.tenantId, ingestion.id],
  );
  await deleteStaged(em, ingestion);
  await forgetText(em, ingestion);
}

async function findDuplicate(
  em: SqlEntityManager,
  { id }: RowKey,
  { tenantId, botId, sha256 }: LockedUpload,
): Promise<RowKey | null> {
  const [found] = await runInWrite<RowKey>(
    em,
    `select id, tenant_id as "tenantId" from docs
      where tenant_id = $1::uuid and bot_id = $2::uuid and content_sha256 = $3 and id <> $4::uuid
      order by created_at, id limit 1`,
    [tenantId, botId, sha256, id],
  );
  return found ?? null;
}

/** Locks the document of an ingestion and then the ingestion, in the order of all who do. */
async function lockIngestion(
  em: SqlEntityManager,
  { tenantId: own }: Pick<Caller, 'tenantId'>,
  input: { readonly id: string },
): Promise<RowKey & { documentId: string; state: IngestionState; kind: IngestionKind }> {
  const id = uuidInput('input.id', input.id);
  const [found] = await runInWrite<{ tenantId: string; documentId: string }>(
    em,
    `select tenant_id as "tenantId", doc_id as "documentId" from ingestions
      where id = $1::uuid${own === undefined ? '' : ' and tenant_id = $2::uuid'}`,
    own === undefined ? [id] : [id, own],
  );
  if (!found || !(await lockDocument(em, found))) throw notFound('ingestion', id, 'input.id');
  return lockRow(em, { tenantId: own }, Ingestion, input, {
    properties: ['documentId', 'state', 'kind'],
  });
}

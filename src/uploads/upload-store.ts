import { createHash, type Hash } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AppError } from '../base/app-error.js';
import type { Limits } from '../config/limits.js';
import type { Database } from '../db/database.js';
import { tenantScope, type OperationBounds } from '../db/database-scope.js';
import type { RowKey } from '../db/read-model.js';
import { runInWrite, type WriteParameter } from '../db/run-in-write.js';
import { fixedStatement } from '../db/statement.js';
import { operationTimeout } from '../graphql/operation-timeout.js';
import { PART_BYTES, storedParts } from './stored-parts.js';
import { UploadState } from './upload.entity.js';

/** An upload whose token was given. */
export interface OpenUpload extends RowKey {
  readonly sizeBytes: number;
  readonly receivedBytes: number;
  /** As it was declared; of one that is received, as it is. */
  readonly sha256: string | null;
  readonly state: UploadState;
  /** In seconds since 1970. */
  readonly expiresAt: number;
}

/** The right of one request to store bytes. The next request that begins takes it away. */
export interface Attempt extends RowKey {
  readonly attempt: number;
}

/** Bytes that follow what is stored, up to the end of a part. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
}

const OPEN = `state in ('waiting', 'receiving') and expires_at > now()`;

const FIND = fixedStatement(
  'uploadByToken',
  `select id, tenant_id as "tenantId", size_bytes::float8 as "sizeBytes",
          received_bytes::float8 as "receivedBytes", sha256, state,
          extract(epoch from expires_at)::float8 as "expiresAt"
     from uploads
    where tenant_id = $1::uuid and id = $2::uuid and token_digest = $3
      and expires_at > now() and state <> 'ingested'`,
);

const BEGIN = `
  update uploads set attempt = attempt + 1, received_bytes = $3::bigint,
         state = case when $3::bigint = 0 then 'waiting' else 'receiving' end
   where tenant_id = $1::uuid and id = $2::uuid and ($4::boolean or received_bytes = $3::bigint)
     and ${OPEN}
  returning attempt`;

// What stands behind the offset was never confirmed.
const STORE = `
  insert into upload_parts as p (tenant_id, upload_id, part_no, bytes)
  values ($1::uuid, $2::uuid, $3::int, $4::bytea)
  on conflict (tenant_id, upload_id, part_no) do update
    set bytes = substring(p.bytes from 1 for $5::int) || excluded.bytes`;

const CONFIRM = `
  update uploads set received_bytes = $4::bigint,
         state = case when $4::bigint = 0 then 'waiting' else 'receiving' end
   where tenant_id = $1::uuid and id = $2::uuid and attempt = $3::int and ${OPEN}
  returning 1`;

const FINISH = `
  update uploads set received_bytes = size_bytes, state = 'received', sha256 = $4
   where tenant_id = $1::uuid and id = $2::uuid and attempt = $3::int and ${OPEN}
  returning 1`;

const DELETE = 'delete from uploads where tenant_id = $1::uuid and id = $2::uuid returning 1';

/**
 * Stores files while they come in: each step is a short transaction of the file's tenant, in turn
 * with other tenants'. Two requests that send the same file never mix: of both, the one that began
 * last goes on.
 */
export class UploadStore {
  constructor(
    private readonly database: Database,
    private readonly limits: Pick<Limits, 'operationMs' | 'lockMs'>,
  ) {}

  /** The upload with this id and token, of a tenant; undefined if it is gone or was ingested. */
  async find({ id, tenantId }: RowKey, digest: string): Promise<OpenUpload | undefined> {
    const reads = this.database.reads(tenantScope(tenantId), this.#bounds());
    const [upload] = await reads.query<OpenUpload>(FIND, [tenantId, id, digest]);
    return upload;
  }

  /**
   * Begins to receive what follows `offset`: undefined where something else is stored meanwhile. A
   * file that `restarts` loses what has come before.
   */
  async begin(key: RowKey, offset: number, restarts: boolean): Promise<Attempt | undefined> {
    const [row] = await this.#write<{ attempt: number }>('beginUpload', key, BEGIN, [
      offset,
      restarts,
    ]);
    return row && { id: key.id, tenantId: key.tenantId, attempt: row.attempt };
  }

  /** Stores a piece. Everything up to `confirmed` counts as received then. */
  store(attempt: Attempt, piece: Piece, confirmed: number): Promise<void> {
    return this.#inTurn('storeUploadPart', attempt, async em => {
      await requireRow(em, CONFIRM, [attempt.tenantId, attempt.id, attempt.attempt, confirmed]);
      await insertPiece(em, attempt, piece);
    });
  }

  /** Goes back, or on, to an offset. */
  confirm(attempt: Attempt, offset: number): Promise<void> {
    return this.#inTurn('confirmUpload', attempt, em =>
      requireRow(em, CONFIRM, [attempt.tenantId, attempt.id, attempt.attempt, offset]),
    );
  }

  /** Stores the last piece, with which the file is received. */
  finish(attempt: Attempt, last: Piece, sha256: string): Promise<void> {
    return this.#inTurn('finishUpload', attempt, async em => {
      await requireRow(em, FINISH, [attempt.tenantId, attempt.id, attempt.attempt, sha256]);
      if (last.bytes.length > 0) await insertPiece(em, attempt, last);
    });
  }

  /** The hash of the first `end` bytes that are stored. */
  async hashOfStored({ id, tenantId }: RowKey, end: number): Promise<Hash> {
    const hash = createHash('sha256');
    const reads = this.database.reads(tenantScope(tenantId), this.#bounds());
    let at = 0;
    for await (const part of storedParts(reads, { id, tenantId })) {
      hash.update(part.subarray(0, end - at));
      at += Math.min(part.length, end - at);
      if (at >= end) break;
    }
    if (at < end) throw supersededUpload();
    return hash;
  }

  async delete(key: RowKey): Promise<void> {
    await this.#write('deleteUpload', key, DELETE, []);
  }

  #write<R>(
    name: string,
    { id, tenantId }: RowKey,
    sql: string,
    parameters: readonly WriteParameter[],
  ): Promise<R[]> {
    return this.#inTurn(name, { id, tenantId }, em =>
      runInWrite<R>(em, sql, [tenantId, id, ...parameters]),
    );
  }

  #inTurn<T>(
    name: string,
    { tenantId }: RowKey,
    work: (em: SqlEntityManager) => Promise<T>,
  ): Promise<T> {
    return this.database.write(name, tenantScope(tenantId), work, this.#bounds());
  }

  /** Not ended by a caller who has gone: what they have sent is worth keeping. */
  #bounds(): OperationBounds {
    const { operationMs, lockMs } = this.limits;
    const controller = new AbortController();
    setTimeout(() => controller.abort(operationTimeout(operationMs)), operationMs).unref();
    return { statementMs: operationMs, lockMs, signal: controller.signal };
  }
}

/** Another request sends the same file, or the upload was deleted or has expired. */
export function supersededUpload(): AppError {
  return new AppError(
    'CONFLICT',
    'Another request is sending this upload, or the upload was deleted. Ask for its offset with ' +
      'HEAD, then resume there.',
    { field: 'Upload-Offset' },
  );
}

async function requireRow(
  em: SqlEntityManager,
  sql: string,
  parameters: readonly WriteParameter[],
): Promise<void> {
  const rows = await runInWrite(em, sql, parameters);
  if (rows.length === 0) throw supersededUpload();
}

async function insertPiece(
  em: SqlEntityManager,
  { id, tenantId }: RowKey,
  { offset, bytes }: Piece,
): Promise<void> {
  const parameters = [tenantId, id, Math.floor(offset / PART_BYTES), bytes, offset % PART_BYTES];
  await runInWrite(em, STORE, parameters);
}

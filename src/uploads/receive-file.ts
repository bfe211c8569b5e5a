import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { AppError } from '../base/app-error.js';
import { httpError } from '../http/error-responses.js';
import { BodyPieces, idleBody } from './body-pieces.js';
import {
  supersededUpload,
  type Attempt,
  type OpenUpload,
  type UploadStore,
} from './upload-store.js';

/** The digest of a part that a client states, to have the part stored only if it is that. */
export interface Checksum {
  readonly algorithm: string;
  readonly digest: Buffer;
}

export interface ReceiveOptions {
  /** Where the body begins in the file. */
  readonly offset: number;
  /** The body is the whole file: what came before is dropped. */
  readonly isWhole: boolean;
  readonly checksum: Checksum | undefined;
  /** How long nothing may come. */
  readonly idleMs: number;
}

/** What was stored. */
export interface Received {
  readonly offset: number;
  /** The file's, once all of it is there. */
  readonly sha256: string | undefined;
}

/** The caller has gone, and is answered nothing. What had come is stored. */
export const CUT = Symbol('cut');

/** The part is not what its checksum says. It was not stored. */
export const OTHER_CHECKSUM = Symbol('other checksum');

/**
 * Receives the whole or a part of a file, and stores it piece by piece: at most some megabytes are
 * in memory, whatever the size. What has come counts even if the rest does not, unless it has a
 * checksum.
 */
export async function receiveFile(
  store: UploadStore,
  upload: OpenUpload,
  body: Readable,
  { offset, isWhole, checksum, idleMs }: ReceiveOptions,
): Promise<Received | typeof CUT | typeof OTHER_CHECKSUM> {
  const attempt = await store.begin(upload, offset, isWhole);
  if (!attempt) throw supersededUpload();
  const ofBody = checksum && createHash(checksum.algorithm);
  const ofFile = offset === 0 ? createHash('sha256') : undefined;
  const pieces = new BodyPieces(body, offset, upload.sizeBytes, idleMs, bytes => {
    ofBody?.update(bytes);
    ofFile?.update(bytes);
  });
  try {
    for (let piece; (piece = await pieces.next()) !== undefined;)
      await store.store(attempt, piece, checksum ? offset : pieces.offset);
    if (pieces.isTooLong) {
      if (isWhole) await store.confirm(attempt, 0);
      throw tooLong(upload.sizeBytes);
    }
    if (pieces.end !== 'complete') {
      const rest = pieces.rest();
      if (rest.bytes.length > 0 && !checksum) await store.store(attempt, rest, pieces.offset);
      if (pieces.end === 'cut') return CUT;
      throw idleBody();
    }
    if (ofBody && !ofBody.digest().equals(checksum!.digest)) return OTHER_CHECKSUM;
    const rest = pieces.rest();
    if (pieces.offset < upload.sizeBytes) {
      if (isWhole) await refuseShort(store, attempt, upload, pieces.offset);
      if (rest.bytes.length > 0) await store.store(attempt, rest, pieces.offset);
      else if (checksum) await store.confirm(attempt, pieces.offset);
      return { offset: pieces.offset, sha256: undefined };
    }
    const hash = ofFile ?? (await store.hashOfStored(upload, rest.offset)).update(rest.bytes);
    const sha256 = hash.digest('hex');
    if (upload.sha256 !== null && upload.sha256 !== sha256) {
      await store.confirm(attempt, 0);
      throw new AppError(
        'CHECKSUM_MISMATCH',
        `The file has the SHA-256 ${sha256}, and createUpload said ${upload.sha256}. It was not ` +
          'stored. Send the right file from the beginning.',
        { field: 'sha256' },
      );
    }
    await store.finish(attempt, rest, sha256);
    return { offset: pieces.offset, sha256 };
  } finally {
    pieces.drain();
  }
}

async function refuseShort(
  store: UploadStore,
  attempt: Attempt,
  { sizeBytes }: OpenUpload,
  length: number,
): Promise<never> {
  await store.confirm(attempt, 0);
  throw httpError(
    400,
    `The body has ${length} bytes, and createUpload said ${sizeBytes}. Send the whole file, or ` +
      'parts of it by PATCH.',
  );
}

export function tooLong(limit: number): Error {
  return httpError(
    413,
    `The file is larger than the ${limit} bytes that createUpload said. Create an upload of its ` +
      'size.',
  );
}

/** Whether the body is a file that is received already. */
export async function isSameFile(
  { sizeBytes, sha256 }: OpenUpload,
  body: Readable,
  idleMs: number,
): Promise<boolean | typeof CUT> {
  const hash = createHash('sha256');
  const pieces = new BodyPieces(body, 0, sizeBytes, idleMs, bytes => hash.update(bytes));
  try {
    while ((await pieces.next()) !== undefined);
    if (pieces.end === 'cut') return CUT;
    if (pieces.end === 'idle') throw idleBody();
    return !pieces.isTooLong && hash.digest('hex') === sha256;
  } finally {
    pieces.drain();
  }
}

import { Readable } from 'node:stream';
import { receiveFile } from './receive-file.js';
import { PART_BYTES } from './stored-parts.js';
import type { OpenUpload, UploadStore } from './upload-store.js';
import { UploadState } from './upload.entity.js';

/** The bytes are there: nobody waits for them. */
const IDLE_MS = 60_000;

/**
 * Stores a file that this process has, as if it had been sent to the address of its upload; what
 * had come of it before is replaced. Throws `CONFLICT` where another one stores it meanwhile.
 */
export async function storeFile(
  store: UploadStore,
  upload: OpenUpload,
  bytes: Buffer,
): Promise<void> {
  if (upload.state === UploadState.RECEIVED) return;
  const body = Readable.from(piecesOf(bytes), { objectMode: false });
  await receiveFile(store, upload, body, {
    offset: 0,
    isWhole: true,
    checksum: undefined,
    idleMs: IDLE_MS,
  });
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += PART_BYTES)
    yield bytes.subarray(start, start + PART_BYTES);
}

import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Client } from './client.js';
import type { WriteWorld } from './writes.js';

export interface NewUpload {
  readonly id: string;
  /** Of this gateway. */
  readonly url: string;
  readonly token: string;
}

export const sha256Of = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** Bytes that differ from place to place, so that a part in the wrong place is noticed. */
export function someBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, state = seed; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export async function createUpload(
  world: WriteWorld,
  sizeBytes: number,
  input: object = {},
  client: Client = world.writer,
): Promise<NewUpload> {
  const { upload } = await world.done(
    'createUpload',
    { filename: 'file.pdf', sizeBytes, ...input },
    'upload { id url token }',
    client,
  );
  expect(upload.token).toMatch(/^wvu_/);
  return { ...upload, url: new URL(upload.url, world.gateway.url).href };
}

/** A request to the address of an upload, by its token. */
export function send(
  { url, token }: Pick<NewUpload, 'url' | 'token'>,
  method: string,
  body?: Buffer | ReadableStream,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(body && { body, duplex: 'half' }),
  } as RequestInit);
}

export const TUS = { 'tus-resumable': '1.0.0' };

export const part = (offset: number): Record<string, string> => ({
  ...TUS,
  'content-type': 'application/offset+octet-stream',
  'upload-offset': String(offset),
});

/** What is stored of a file, behind the walls. */
export async function storedBytes(world: WriteWorld, id: string): Promise<Buffer> {
  const rows = await world.rows<{ bytes: string }>(
    "select encode(bytes, 'hex') as bytes from upload_parts where upload_id = ? order by part_no",
    [id],
  );
  return Buffer.concat(rows.map(({ bytes }) => Buffer.from(bytes, 'hex')));
}

export async function stateOf(
  world: WriteWorld,
  id: string,
): Promise<{ state: string; received: number; sha256: string | null }> {
  const [row] = await world.rows<{ state: string; received: number; sha256: string | null }>(
    'select state, received_bytes::int as received, sha256 from uploads where id = ?',
    [id],
  );
  return row!;
}

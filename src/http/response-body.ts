import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FormattedExecutionResult } from 'graphql';
import { jsonSize } from '../base/json-size.js';
import type { OperationBytes } from '../graphql/limits/byte-budget.js';
import { jsonPieces } from './json-pieces.js';

/** Characters from which on a text is written into memory of ours. */
const MIN_BUFFERED_LENGTH = 16_384;

/**
 * Room for any text but the largest: three bytes are the most that a UTF-16 unit takes in UTF-8.
 * Only what is written to takes up memory.
 */
const BUFFER_BYTES = 1024 * 1024;
const MAX_FREE_BUFFERS = 8;

/** Characters beyond which an answer is made in pieces, and others are served between them. */
const MAX_SYNC_BYTES = 524_288;

const encoder = new TextEncoder();
const freeBuffers: Buffer[] = [];

/** What is sent, and how long it is in bytes. */
export interface ResponseBody {
  readonly payload: string | Buffer | Readable;
  readonly length: number;
}

/**
 * The body of an answer, counted while it is made: throws the `problem` of `bytes` before there are
 * more than an answer may have. None of it is sent before all of it is made.
 */
export async function responseBody(
  result: FormattedExecutionResult,
  bytes: OperationBytes,
  response: ServerResponse,
): Promise<ResponseBody> {
  if (jsonSize(result, MAX_SYNC_BYTES) <= MAX_SYNC_BYTES) {
    const payload = toBody(JSON.stringify(result), response);
    const length = Buffer.byteLength(payload);
    bytes.write(length);
    return { payload, length };
  }
  // Room for all of it, or none.
  bytes.expectAtLeast(jsonSize(result, bytes.max));
  const pieces: Buffer[] = [];
  let length = 0;
  for (const text of jsonPieces(result)) {
    const piece = Buffer.from(text);
    bytes.write(piece.length);
    length += piece.length;
    pieces.push(piece);
    await nextTurn();
  }
  return { payload: Readable.from(drain(pieces)), length };
}

/** What was sent is held no longer. */
function* drain(pieces: Buffer[]): Generator<Buffer> {
  for (const [index, piece] of pieces.entries()) {
    pieces[index] = Buffer.alloc(0);
    yield piece;
  }
}

/**
 * The text as Node sends it fastest. Of a long string, Node would make a copy together with the
 * headers, and then bytes in memory that it asks the system for each time. Here the bytes are
 * written once, into memory that answers share.
 */
function toBody(text: string, response: ServerResponse): string | Buffer {
  if (text.length < MIN_BUFFERED_LENGTH) return text;
  const buffer = freeBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const { read, written } = encoder.encodeInto(text, buffer);
  const isComplete = read === text.length;
  const releaseBuffer = (): void => {
    if (freeBuffers.length < MAX_FREE_BUFFERS) freeBuffers.push(buffer);
  };
  if (!isComplete) {
    releaseBuffer();
    return Buffer.from(text);
  }
  // Sent, or never to be: nobody reads it any more.
  response.once('close', releaseBuffer);
  return buffer.subarray(0, written);
}

import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FormattedExecutionResult } from 'graphql';
import { jsonSize } from '../base/json-size.js';
import type { OperationBytes } from '../graphql/limits/byte-budget.js';
import { jsonPieces } from './json-pieces.js';

/** Characters from which on a text is written into memory of ours. */
const LARGE = 16_384;

/**
 * Room for any text but the largest: three bytes are the most that a UTF-16 unit takes in UTF-8.
 * Only what is written to takes up memory.
 */
const ROOM = 1024 * 1024;
const MAX_FREE = 8;

/** Characters beyond which an answer is made in pieces, and others are served between them. */
const AT_ONCE = 524_288;

const encoder = new TextEncoder();
const free: Buffer[] = [];

/** What is sent, and how long it is in bytes. */
export interface AnswerBody {
  readonly payload: string | Buffer | Readable;
  readonly length: number;
}

/**
 * The body of an answer, counted while it is made: throws the `problem` of `bytes` before there are
 * more than an answer may have. None of it is sent before all of it is made.
 */
export async function answerBody(
  result: FormattedExecutionResult,
  bytes: OperationBytes,
  response: ServerResponse,
): Promise<AnswerBody> {
  if (jsonSize(result, AT_ONCE) <= AT_ONCE) {
    const payload = toBody(JSON.stringify(result), response);
    const length = Buffer.byteLength(payload);
    bytes.write(length);
    return { payload, length };
  }
  // Room for all of it, or none.
  bytes.expect(jsonSize(result, bytes.most));
  const pieces: Buffer[] = [];
  let length = 0;
  for (const text of jsonPieces(result)) {
    const piece = Buffer.from(text);
    bytes.write(piece.length);
    length += piece.length;
    pieces.push(piece);
    await nextTurn();
  }
  return { payload: Readable.from(taken(pieces)), length };
}

/** What was sent is held no longer. */
function* taken(pieces: Buffer[]): Generator<Buffer> {
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
  if (text.length < LARGE) return text;
  const room = free.pop() ?? Buffer.allocUnsafeSlow(ROOM);
  const { read, written } = encoder.encodeInto(text, room);
  const fits = read === text.length;
  const giveBack = (): void => {
    if (free.length < MAX_FREE) free.push(room);
  };
  if (!fits) {
    giveBack();
    return Buffer.from(text);
  }
  // Sent, or never to be: nobody reads it any more.
  response.once('close', giveBack);
  return room.subarray(0, written);
}

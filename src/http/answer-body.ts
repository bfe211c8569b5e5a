import type { ServerResponse } from 'node:http';

/** Characters from which on a text is written into memory of ours. */
const LARGE = 16_384;

/** Room for any answer but the largest: three bytes are the most that a UTF-16 unit takes in UTF-8. Only what is written to takes up memory. */
const ROOM = 1024 * 1024;
const MAX_FREE = 8;

const encoder = new TextEncoder();
const free: Buffer[] = [];

/**
 * The text as Node sends it fastest. Of a long string, Node would make a copy together with the headers, and then bytes in memory that it
 * asks the system for each time. Here the bytes are written once, into memory that answers share.
 */
export function toBody(text: string, response: ServerResponse): string | Buffer {
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

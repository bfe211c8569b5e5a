import { analyse } from 'chardet';

/** Enough for statistics of letters. */
const SAMPLE_BYTES = 65_536;
/** HTML has its declaration here: https://html.spec.whatwg.org/#prescan-a-byte-stream */
const DECLARATION_BYTES = 1_024;
const DECLARATION =
  /<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]+)|^<\?xml[^>]{0,100}encoding=["']([\w.:-]+)/i;
/** It is ASCII, in which these switch to other characters: */
const ISO_2022_JP = ['\x1b$@', '\x1b$B', '\x1b(J'];
/** Below this, a guess is as good as any other. */
const LEAST_CONFIDENCE = 10;
/** What a text may hold of characters that none has: escape codes of a log, damage. */
const MOST_CONTROLS = 0.02;
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROLS = /[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f\ufffe\uffff]/g;

/**
 * The text of bytes, without its byte order mark; undefined where they are none. The charset is
 * told by the mark, else by `declared` (the parameter of the media type), else by the beginning of
 * an HTML page. What says nothing is UTF-8 where it is valid, and otherwise guessed.
 */
export function decodeText(bytes: Uint8Array, declared?: string): string | undefined {
  const mark = charsetOfMark(bytes);
  if (mark !== undefined) return decode(bytes, mark);
  if (bytes.includes(0)) return decodeUtf16(bytes);
  for (const charset of candidates(bytes, declared)) {
    const text = decode(bytes, charset);
    if (text !== undefined && isText(text)) return text;
  }
  return undefined;
}

/** What the text may be written in, the surest first. */
function* candidates(bytes: Uint8Array, declared: string | undefined): Generator<string> {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const beginning = latin1(sample);
  const [, ofMeta, ofXml] = DECLARATION.exec(beginning.slice(0, DECLARATION_BYTES)) ?? [];
  for (const charset of [declared, ofMeta, ofXml])
    // A text in which every character takes two bytes would have shown by a zero.
    if (charset !== undefined && !/^utf-?(?:16|32)/i.test(charset)) yield charset;
  if (ISO_2022_JP.some(escape => beginning.includes(escape))) yield 'iso-2022-jp';
  yield 'utf-8';
  for (const { name, confidence } of analyse(sample))
    if (confidence >= LEAST_CONFIDENCE) yield name;
  yield 'windows-1252';
}

function charsetOfMark([first, second, third, fourth]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xff && second === 0xfe && !(third === 0 && fourth === 0)) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return undefined;
}

/** Without a mark: all zeros are in one half of the pairs, since they are of the common letters. */
function decodeUtf16(bytes: Uint8Array): string | undefined {
  if (bytes.length % 2 !== 0) return undefined;
  const zeros = [0, 0];
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] === 0) zeros[at % 2]! += 1;
  const charset = zeros[0] === 0 ? 'utf-16le' : zeros[1] === 0 ? 'utf-16be' : undefined;
  const text = charset && decode(bytes, charset);
  return text !== undefined && isText(text) && !/[\p{Cn}\p{Co}]/u.test(text) ? text : undefined;
}

/** Undefined where bytes are not valid, or the charset is unknown. */
function decode(bytes: Uint8Array, charset: string): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isText(text: string): boolean {
  let left = text.length * MOST_CONTROLS;
  for (const _ of text.matchAll(CONTROLS)) if ((left -= 1) < 0) return false;
  return true;
}

/** One character for each byte, to look for patterns in bytes. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

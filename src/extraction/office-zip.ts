import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl';
import type { ExtractionLimits } from '../config/extraction-limits.js';
import { ExtractionError } from './extraction-error.js';

export type ZipLimits = Pick<ExtractionLimits, 'zipEntries' | 'zipBytes' | 'zipRatio'>;

const CONTENT_TYPES = '[Content_Types].xml';
/** What the document's main part is declared as; not one with macros. */
const MAIN_PART = /wordprocessingml\.(?:document|template)\.main\+xml/;
/** The parts that have text: not pictures, fonts and embedded files. */
const TEXT_PARTS = /\.(?:xml|rels)$/i;
/** Below this, a ratio says nothing: a small file that consists of spaces packs well. */
const LEAST_BYTES_OF_RATIO = 1_000_000;
/** How much of a file is looked at to decide what it is. */
const MOST_CONTENT_TYPES = 1_000_000;

/** Whether a ZIP file is a Word document. Throws an `ExtractionError` if it cannot be opened. */
export async function isDocx(bytes: Uint8Array, limits: ZipLimits): Promise<boolean> {
  const zip = await openZip(bytes);
  const entries = await listEntries(zip, limits);
  const types = entries.find(({ fileName }) => fileName === CONTENT_TYPES);
  if (!types || types.uncompressedSize > MOST_CONTENT_TYPES) return false;
  return MAIN_PART.test(new TextDecoder().decode(await unpack(zip, types, limits)));
}

/**
 * The parts of a Word document that have text, by their names. Throws an `ExtractionError` before
 * more than the limits is unpacked.
 */
export async function textParts(
  bytes: Uint8Array,
  limits: ZipLimits,
): Promise<Map<string, Uint8Array>> {
  const zip = await openZip(bytes);
  const entries = await listEntries(zip, limits);
  checkSizes(entries, limits);
  const parts = new Map<string, Uint8Array>();
  let left = limits.zipBytes;
  for (const entry of entries.filter(({ fileName }) => TEXT_PARTS.test(fileName))) {
    const part = await unpack(zip, entry, { ...limits, zipBytes: left });
    left -= part.length;
    parts.set(entry.fileName, part);
  }
  return parts;
}

function checkSizes(entries: readonly Entry[], { zipBytes, zipRatio }: ZipLimits): void {
  const unpacked = entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0);
  const packed = entries.reduce((sum, entry) => sum + entry.compressedSize, 0);
  if (unpacked > zipBytes) throw tooMuch(zipBytes);
  if (unpacked > LEAST_BYTES_OF_RATIO && unpacked > packed * zipRatio)
    throw new ExtractionError(
      'ZIP_BOMB',
      `The file becomes ${Math.round(unpacked / Math.max(packed, 1))} times as large when it is ` +
        `unpacked; at most ${zipRatio} times are accepted.`,
    );
}

async function openZip(bytes: Uint8Array): Promise<ZipFile> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return await fromBufferPromise(buffer, { lazyEntries: true, autoClose: false });
  } catch (error) {
    throw damaged(error);
  }
}

/** By the central directory. */
async function listEntries(zip: ZipFile, { zipEntries }: ZipLimits): Promise<Entry[]> {
  const entries: Entry[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      entries.push(entry);
      if (entries.length > zipEntries) break;
    }
  } catch (error) {
    throw damaged(error);
  }
  if (entries.length <= zipEntries) return entries;
  throw new ExtractionError(
    'ZIP_BOMB',
    `The file is packed from more than ${zipEntries} files, which is the limit.`,
  );
}

/** Counts again while it inflates: the directory may lie. */
async function unpack(zip: ZipFile, entry: Entry, { zipBytes }: ZipLimits): Promise<Uint8Array> {
  if (entry.isEncrypted())
    throw new ExtractionError(
      'ENCRYPTED',
      'The file is encrypted. Remove its password and send it again.',
    );
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > zipBytes) throw tooMuch(zipBytes);
      pieces.push(piece);
    }
  } catch (error) {
    throw error instanceof ExtractionError ? error : damaged(error);
  }
  return Buffer.concat(pieces);
}

function tooMuch(zipBytes: number): ExtractionError {
  return new ExtractionError(
    'ZIP_BOMB',
    `The file has more than ${zipBytes} bytes when it is unpacked.`,
  );
}

function damaged(cause: unknown): ExtractionError {
  return new ExtractionError(
    'CORRUPT',
    'The file is damaged: it cannot be unpacked. Save it again and send the new file.',
    { cause },
  );
}

import type { z } from 'zod';
import { wholeNumber } from './checks.js';

/** What a file may cost that is read. `docs/files.md` says what is refused with which code. */
export interface ExtractionLimits {
  bytes: number;
  /** Of the central directory of a ZIP file, which a DOCX is. */
  zipEntries: number;
  /** Of all its entries together, unpacked. */
  zipBytes: number;
  /** How many times as large it may become. */
  zipRatio: number;
  pages: number;
  /** Of the text that comes out. */
  characters: number;
  milliseconds: number;
  /** Of a thread that reads a file. */
  memoryMegabytes: number;
  /** Files that a process reads at the same time, each in a thread of its own. */
  filesAtOnce: number;
}

export const EXTRACTION_SETTINGS = {
  WEAVER_MAX_FILE_BYTES: wholeNumber(1_024, 1_073_741_824)
    .default(52_428_800)
    .describe('Bytes of a file whose text is read.'),
  WEAVER_MAX_FILE_ENTRIES: wholeNumber(10, 65_535)
    .default(10_000)
    .describe('Entries of a file that is packed, such as a DOCX.'),
  WEAVER_MAX_FILE_UNPACKED_BYTES: wholeNumber(1_024, 1_073_741_824)
    .default(104_857_600)
    .describe('Bytes of all entries of a packed file together, unpacked.'),
  WEAVER_MAX_FILE_RATIO: wholeNumber(2, 1_000)
    .default(100)
    .describe('How many times as large a packed file may become, from one million bytes on.'),
  WEAVER_MAX_FILE_PAGES: wholeNumber(1, 100_000).default(2_000).describe('Pages of a PDF.'),
  WEAVER_MAX_FILE_CHARACTERS: wholeNumber(1_000, 100_000_000)
    .default(20_000_000)
    .describe('Characters of the text of a file.'),
  WEAVER_MAX_FILE_MS: wholeNumber(1_000, 3_600_000)
    .default(60_000)
    .describe('Milliseconds that reading the text of a file may take.'),
  WEAVER_MAX_FILE_MEMORY_MB: wholeNumber(64, 16_384)
    .default(512)
    .describe('Megabytes of memory that reading the text of a file may take.'),
  WEAVER_MAX_FILES_AT_ONCE: wholeNumber(1, 64)
    .default(2)
    .describe('Files that a process reads at the same time, each in a thread of its own.'),
};

export function toExtractionLimits(
  env: z.infer<z.ZodObject<typeof EXTRACTION_SETTINGS>>,
): ExtractionLimits {
  return {
    bytes: env.WEAVER_MAX_FILE_BYTES,
    zipEntries: env.WEAVER_MAX_FILE_ENTRIES,
    zipBytes: env.WEAVER_MAX_FILE_UNPACKED_BYTES,
    zipRatio: env.WEAVER_MAX_FILE_RATIO,
    pages: env.WEAVER_MAX_FILE_PAGES,
    characters: env.WEAVER_MAX_FILE_CHARACTERS,
    milliseconds: env.WEAVER_MAX_FILE_MS,
    memoryMegabytes: env.WEAVER_MAX_FILE_MEMORY_MB,
    filesAtOnce: env.WEAVER_MAX_FILES_AT_ONCE,
  };
}

import type { ExtractionLimits } from '../config/extraction-limits.js';
import { hasVisibleCharacter } from '../base/control-characters.js';
import { detectFormat, type DetectedFormat, type FileLabels } from './detect-format.js';
import { ExtractionError } from './extraction-error.js';
import type { FileFormat } from './formats.js';
import { htmlToMarkdown } from './html-to-markdown.js';
import { countCharacters, storable, withLineFeeds } from './plain-text.js';
import { readCsv } from './read-csv.js';
import { tooManyCharacters } from './too-many-characters.js';

/** What `docs/files.md` calls the text of a file, and where it comes from. */
export interface ExtractedText {
  readonly text: string;
  /** Where each page begins, in characters (code points); empty where the format has no pages. */
  readonly pageStarts: readonly number[];
  /** Numbers from 1. Pages that are pictures, and empty ones. */
  readonly pagesWithoutText: readonly number[];
  readonly format: FileFormat;
  readonly extractor: string;
  /** The same extractor of the same version makes the same text of a file. */
  readonly extractorVersion: string;
  readonly title?: string | undefined;
}

/**
 * The package that reads a format with its version, which a test compares with `package.json`, and
 * behind it a number that grows whenever our own part makes another text.
 */
export const EXTRACTORS: Readonly<Record<FileFormat, readonly [name: string, version: string]>> = {
  PDF: ['unpdf', '1.8.1-1'],
  DOCX: ['mammoth', '1.13.0-1'],
  HTML: ['htmlparser2', '12.0.0-1'],
  MARKDOWN: ['weaver', '1'],
  TEXT: ['weaver', '1'],
  CSV: ['csv-parse', '7.0.3-1'],
};
const MOST_OF_TITLE = 200;
const PAGE_GAP = '\n\n';

interface FileText {
  /** Of each page, or one of a format without pages. */
  readonly pages: readonly string[];
  readonly hasPages: boolean;
  readonly title?: string | undefined;
}

/**
 * The text of a file, read in this thread: `textExtractor` runs it in one of its own. Throws an
 * `ExtractionError`.
 */
export async function readFile(
  bytes: Uint8Array,
  labels: FileLabels,
  limits: ExtractionLimits,
): Promise<ExtractedText> {
  if (bytes.length === 0) throw new ExtractionError('NO_TEXT', 'The file is empty.');
  const detected = await detectFormat(bytes, labels, limits);
  const read = await readPages(bytes, detected, limits);
  const pages = read.pages.map(storable);
  if (!pages.some(hasVisibleCharacter))
    throw new ExtractionError('NO_TEXT', 'The file has no text: there is nothing to see in it.');
  const { text, pageStarts, pagesWithoutText } = joinPages(pages);
  if (text.length > limits.characters && countCharacters(text) > limits.characters)
    throw tooManyCharacters(limits.characters);
  const [extractor, extractorVersion] = EXTRACTORS[detected.format];
  return {
    text,
    pageStarts: read.hasPages ? pageStarts : [],
    pagesWithoutText: read.hasPages ? pagesWithoutText : [],
    format: detected.format,
    extractor,
    extractorVersion,
    title: titleOf(read.title),
  };
}

async function readPages(
  bytes: Uint8Array,
  detected: DetectedFormat,
  limits: ExtractionLimits,
): Promise<FileText> {
  // Each reader is loaded for its own files: together they take a moment.
  switch (detected.format) {
    case 'PDF': {
      const { readPdf } = await import('./read-pdf.js');
      return { hasPages: true, ...(await readPdf(bytes, limits)) };
    }
    case 'DOCX': {
      const { readDocx } = await import('./read-docx.js');
      return { hasPages: false, pages: [await readDocx(bytes, limits)] };
    }
    case 'HTML': {
      const { text, title } = htmlToMarkdown(detected.text, limits.characters);
      return { hasPages: false, pages: [text], title };
    }
    case 'CSV':
      return { hasPages: false, pages: [await readCsv(detected.text, limits.characters)] };
    default:
      return { hasPages: false, pages: [withLineFeeds(detected.text)] };
  }
}

/** An empty line between two pages. A page without text begins and ends where the next begins. */
function joinPages(
  pages: readonly string[],
): Pick<ExtractedText, 'text' | 'pageStarts' | 'pagesWithoutText'> {
  const pageStarts: number[] = [];
  const pagesWithoutText: number[] = [];
  const pieces: string[] = [];
  let length = 0;
  for (const [index, page] of pages.entries()) {
    if (!hasVisibleCharacter(page)) {
      pagesWithoutText.push(index + 1);
      continue;
    }
    if (pieces.length > 0) length += PAGE_GAP.length;
    while (pageStarts.length <= index) pageStarts.push(length);
    pieces.push(page);
    length += countCharacters(page);
  }
  while (pageStarts.length < pages.length) pageStarts.push(length);
  return { text: pieces.join(PAGE_GAP), pageStarts, pagesWithoutText };
}

function titleOf(title: string | undefined): string | undefined {
  const line = storable(title ?? '')
    .replace(/\s+/g, ' ')
    .trim();
  return hasVisibleCharacter(line) ? [...line].slice(0, MOST_OF_TITLE).join('') : undefined;
}

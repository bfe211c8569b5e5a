import { escapeLine } from '../base/control-characters.js';
import { decodeText, latin1 } from './charset.js';
import { ExtractionError } from './extraction-error.js';
import {
  formatOfContentType,
  formatOfExtension,
  nameOfFormat,
  type FileFormat,
  type TextFormat,
} from './formats.js';
import type { ZipLimits } from './office-zip.js';

/** What whoever sends a file says of it. */
export interface FileLabels {
  readonly filename: string;
  /** A media type, perhaps with its `charset`. */
  readonly contentType?: string | undefined;
}

/** What a file is, and its text where its bytes are one. */
export type DetectedFormat =
  { readonly format: 'PDF' | 'DOCX' } | { readonly format: TextFormat; readonly text: string };

/** Media types that say nothing: programs send them for what they do not know. */
const SAYS_NOTHING = ['', 'application/octet-stream', 'binary/octet-stream', 'application/unknown'];
/** What Windows calls CSV where Excel is installed. */
const EXCEL = 'application/vnd.ms-excel';
/** How far a label is shown, in characters. */
const MOST_SHOWN = 100;
/** How far into a file its beginning goes, and the header of a PDF, as Acrobat accepts it. */
const BEGINNING = 4_096;
const PDF_HEADER = 1_024;

const OLE_SIGNATURE = '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1';
const OLE_ENCRYPTED = Buffer.from('EncryptedPackage', 'utf16le');
const ZIP_SIGNATURES = ['PK\x03\x04', 'PK\x05\x06'];
/** Formats of their own whose bytes are text. */
const TEXT_SIGNATURES = [
  [/^\{\\rtf/, 'RTF'],
  [/^%!PS/, 'PostScript'],
] as const;
const HTML_BEGINNING =
  /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^]*?-->\s*)*(?:<!doctype\s+html\b|<html[\s>])/i;

/**
 * Decides by the content what a file is. Its labels choose between the formats that are plain
 * text, and must not contradict the content. Throws an `ExtractionError`.
 */
export async function detectFormat(
  bytes: Uint8Array,
  file: FileLabels,
  limits: ZipLimits,
): Promise<DetectedFormat> {
  const labels = readLabels(file);
  const content = await contentOf(bytes, labels, limits);
  for (const label of labels) if (contradicts(label, content)) throw mismatch(label, content);
  switch (content.kind) {
    case 'unknown':
      throw notSupported(content.name);
    case 'text':
      return { format: textFormat(labels, file.filename), text: content.text };
    case 'HTML':
      return { format: 'HTML', text: content.text };
    default:
      return { format: content.kind };
  }
}

interface Label {
  /** Undefined for a type that is not accepted. */
  readonly format: FileFormat | undefined;
  /** As a sentence tells it. */
  readonly told: string;
  readonly charset?: string | undefined;
}

/** What the media type and the extension say; nothing of those that say nothing. */
function readLabels({ filename, contentType = '' }: FileLabels): Label[] {
  const [type = '', ...parameters] = contentType.split(';').map(part => part.trim().toLowerCase());
  const charsets = parameters.map(text => /^charset="?([^"]*)"?$/.exec(text)?.[1]);
  const ofName = formatOfExtension(extensionOf(filename) ?? '');
  const labels: Label[] = [];
  if (!SAYS_NOTHING.includes(type) && !(type === EXCEL && ofName === 'CSV'))
    labels.push({
      format: formatOfContentType(type),
      told: `declared as ${shown(type)}`,
      charset: charsets.find(Boolean),
    });
  if (ofName) labels.push({ format: ofName, told: `named as ${nameOfFormat(ofName)}` });
  return labels;
}

function extensionOf(filename: string): string | undefined {
  return /\.([^./\\]+)$/.exec(filename)?.[1]?.toLowerCase();
}

type Content =
  | { readonly kind: 'PDF' | 'DOCX' }
  | { readonly kind: 'HTML' | 'text'; readonly text: string }
  | { readonly kind: 'unknown'; readonly name: string };

async function contentOf(
  bytes: Uint8Array,
  labels: readonly Label[],
  limits: ZipLimits,
): Promise<Content> {
  const beginning = latin1(bytes.subarray(0, BEGINNING));
  if (beginsAsPdf(beginning, labels)) return { kind: 'PDF' };
  if (beginning.startsWith(OLE_SIGNATURE)) return oldOffice(bytes);
  const signed = TEXT_SIGNATURES.find(([pattern]) => pattern.test(beginning));
  if (signed) return { kind: 'unknown', name: signed[1] };
  // What few files need is loaded for them: it takes as long as reading a text.
  if (ZIP_SIGNATURES.some(signature => beginning.startsWith(signature))) {
    const { isDocx } = await import('./office-zip.js');
    if (await isDocx(bytes, limits)) return { kind: 'DOCX' };
  } else {
    const charset = labels.find(label => label.charset)?.charset;
    const text = decodeText(bytes, charset);
    const isPage = text !== undefined && HTML_BEGINNING.test(text.slice(0, BEGINNING));
    if (text !== undefined) return { kind: isPage ? 'HTML' : 'text', text };
  }
  const { fileTypeFromBuffer } = await import('file-type');
  const found = await fileTypeFromBuffer(bytes).catch(() => undefined);
  return { kind: 'unknown', name: found?.mime ?? 'neither text nor of a known type' };
}

/** A text may be about PDFs: behind other bytes a header counts in what is said to be one. */
function beginsAsPdf(beginning: string, labels: readonly Label[]): boolean {
  const header = beginning.search(/%PDF-\d/);
  if (header < 0 || header > PDF_HEADER) return false;
  const isBlank = /^(?:\xef\xbb\xbf)?\s*$/.test(beginning.slice(0, header));
  return isBlank || labels.some(({ format }) => format === 'PDF');
}

/** Files of Office before 2007, and encrypted ones of every Office. */
function oldOffice(bytes: Uint8Array): Content {
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(OLE_ENCRYPTED))
    return { kind: 'unknown', name: 'an old Microsoft Office file (.doc, .xls or .ppt)' };
  throw new ExtractionError(
    'ENCRYPTED',
    'The Office file is encrypted. Remove its password and send it again.',
  );
}

/** Where both are unknown, they may well mean the same. */
function contradicts({ format }: Label, content: Content): boolean {
  if (content.kind === 'unknown') return format !== undefined;
  if (content.kind === 'text') return format === 'PDF' || format === 'DOCX';
  return format !== content.kind;
}

function textFormat(labels: readonly Label[], filename: string): TextFormat {
  const unknown = labels.find(({ format }) => format === undefined);
  if (unknown) throw notSupported(`text, but ${unknown.told}`);
  const formats = labels.map(({ format }) => format as TextFormat);
  const extension = extensionOf(filename);
  if (formats.length === 0 && extension !== undefined)
    throw notSupported(`text, but named .${shown(extension)}`);
  // "text/plain" is what programs say of any text: a name is more exact.
  return formats.find(format => format !== 'TEXT') ?? 'TEXT';
}

function mismatch({ told }: Label, content: Content): ExtractionError {
  return new ExtractionError(
    'TYPE_MISMATCH',
    `The file is ${told}, but its content is ${nameOf(content)}. Correct the name or the ` +
      'type, or send the right file.',
  );
}

function nameOf(content: Content): string {
  if (content.kind === 'unknown') return content.name;
  return content.kind === 'text' ? 'text' : nameOfFormat(content.kind);
}

function notSupported(name: string): ExtractionError {
  return new ExtractionError(
    'TYPE_NOT_SUPPORTED',
    `The content of the file is ${name}, which is not supported. PDF, Word (.docx), HTML, ` +
      'Markdown (.md), plain text (.txt) and CSV are accepted.',
  );
}

function shown(text: string): string {
  return escapeLine(text).slice(0, MOST_SHOWN);
}

export type FileFormat = 'PDF' | 'DOCX' | 'HTML' | 'MARKDOWN' | 'TEXT' | 'CSV';

/** Formats whose bytes are text. Some of them only a label tells apart. */
export type TextFormat = Exclude<FileFormat, 'PDF' | 'DOCX'>;

interface FormatNames {
  /** As a sentence names it. */
  readonly name: string;
  /** The registered one first. */
  readonly contentTypes: readonly string[];
  readonly extensions: readonly string[];
}

const FORMATS: Readonly<Record<FileFormat, FormatNames>> = {
  PDF: {
    name: 'a PDF',
    contentTypes: ['application/pdf', 'application/x-pdf'],
    extensions: ['pdf'],
  },
  DOCX: {
    name: 'a Word document (DOCX)',
    contentTypes: ['application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
    extensions: ['docx'],
  },
  HTML: {
    name: 'an HTML page',
    contentTypes: ['text/html', 'application/xhtml+xml'],
    extensions: ['html', 'htm', 'xhtml'],
  },
  MARKDOWN: {
    name: 'Markdown',
    contentTypes: ['text/markdown', 'text/x-markdown'],
    extensions: ['md', 'markdown'],
  },
  TEXT: { name: 'plain text', contentTypes: ['text/plain'], extensions: ['txt', 'text', 'log'] },
  CSV: {
    name: 'CSV',
    contentTypes: ['text/csv', 'application/csv', 'text/tab-separated-values'],
    extensions: ['csv', 'tsv'],
  },
};
const ALL = Object.entries(FORMATS) as [FileFormat, FormatNames][];

/** The media types of the files that can be read. */
export const acceptedContentTypes: readonly string[] = ALL.flatMap(
  ([, { contentTypes }]) => contentTypes,
);

export function nameOfFormat(format: FileFormat): string {
  return FORMATS[format].name;
}

/** Undefined for a media type that is not accepted. */
export function formatOfContentType(contentType: string): FileFormat | undefined {
  return ALL.find(([, { contentTypes }]) => contentTypes.includes(contentType))?.[0];
}

/** Undefined for an extension that is not accepted. */
export function formatOfExtension(extension: string): FileFormat | undefined {
  return ALL.find(([, { extensions }]) => extensions.includes(extension))?.[0];
}

import { once } from 'node:events';
import { crc32, deflateSync } from 'node:zlib';
import { zipSync, type Zippable } from 'fflate';
// oxlint-disable-next-line import/no-named-as-default -- its types know no other
import PDFDocument from 'pdfkit';

type PdfOptions = NonNullable<ConstructorParameters<typeof PDFDocument>[0]>;
type Pdf = InstanceType<typeof PDFDocument>;

/** A PDF as a program writes one. */
export async function pdfOf(draw: (pdf: Pdf) => void, options: PdfOptions = {}): Promise<Buffer> {
  const pdf = new PDFDocument(options);
  const pieces: Buffer[] = [];
  pdf.on('data', (piece: Buffer) => pieces.push(piece));
  draw(pdf);
  const ended = once(pdf, 'end');
  pdf.end();
  await ended;
  return Buffer.concat(pieces);
}

/** A PDF of the objects given, of which the first is the catalog. Bodies may be bytes. */
export function rawPdf(objects: readonly (string | Buffer)[], trailer = ''): Buffer {
  const pieces: Buffer[] = [Buffer.from('%PDF-1.7\n')];
  const offsets: number[] = [];
  let length = pieces[0]!.length;
  const add = (piece: Buffer): void => {
    pieces.push(piece);
    length += piece.length;
  };
  for (const [index, body] of objects.entries()) {
    offsets.push(length);
    add(Buffer.from(`${index + 1} 0 obj\n`));
    add(Buffer.from(body));
    add(Buffer.from('\nendobj\n'));
  }
  const lines = offsets.map(offset => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const table = length;
  const size = objects.length + 1;
  add(Buffer.from(`xref\n0 ${size}\n0000000000 65535 f \n${lines}`));
  add(Buffer.from(`trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\n`));
  add(Buffer.from(`startxref\n${table}\n%%EOF\n`));
  return Buffer.concat(pieces);
}

/** Its pages, of which each shows the drawing instructions given. `extra` are further objects. */
export function drawnPdf(
  drawings: readonly (string | Buffer)[],
  { catalog = '', extra = [] as readonly string[], trailer = '' } = {},
): Buffer {
  const first = 4 + extra.length;
  const kids = drawings.map((_, index) => `${first + 2 * index} 0 R`).join(' ');
  const pages = drawings.flatMap((drawing, index) => [
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] ` +
      `/Resources << /Font << /F1 3 0 R >> >> /Contents ${first + 2 * index + 1} 0 R >>`,
    streamOf(drawing),
  ]);
  return rawPdf(
    [
      `<< /Type /Catalog /Pages 2 0 R ${catalog} >>`,
      `<< /Type /Pages /Kids [${kids}] /Count ${drawings.length} >>`,
      '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
      ...extra,
      ...pages,
    ],
    trailer,
  );
}

function streamOf(drawing: string | Buffer): Buffer {
  const packed = deflateSync(drawing);
  return Buffer.concat([
    Buffer.from(`<< /Length ${packed.length} /Filter /FlateDecode >>\nstream\n`),
    packed,
    Buffer.from('\nendstream'),
  ]);
}

/** Instructions that write a line at the top of a page. */
export function drawLine(text: string): string {
  return `BT /F1 12 Tf 72 720 Td (${text}) Tj ET`;
}

/** A picture of one colour. */
export function pngOf(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const rows = Buffer.alloc(height * (1 + 3 * width));
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const DOCUMENT = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const NAMESPACES =
  'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" ' +
  `xmlns:r="${OFFICE}" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" ` +
  'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" ' +
  'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"';

export function paragraph(text: string): string {
  return `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;
}

export interface DocxParts {
  /** What stands before the root element, such as a document type. */
  readonly prolog?: string;
  /** Relationships of the document. */
  readonly relationships?: string;
  /** Of the main part. */
  readonly contentType?: string;
  readonly others?: Zippable;
}

/** The entries of a Word document with the given body. */
export function docxEntries(body: string, parts: DocxParts = {}): Zippable {
  const { prolog = '', relationships = '', contentType = `${DOCUMENT}.main+xml` } = parts;
  const xml = (text: string): Buffer =>
    Buffer.from(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>${text}`);
  return {
    '[Content_Types].xml': xml(
      `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ` +
        `ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
        `<Override PartName="/word/document.xml" ContentType="${contentType}"/></Types>`,
    ),
    '_rels/.rels': xml(
      `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" ` +
        `Type="${OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>`,
    ),
    'word/_rels/document.xml.rels': xml(
      `<Relationships xmlns="${PACKAGE}/relationships">${relationships}</Relationships>`,
    ),
    'word/document.xml': xml(
      `${prolog}<w:document ${NAMESPACES}><w:body>${body}</w:body></w:document>`,
    ),
    ...parts.others,
  };
}

export function docxOf(body: string, parts?: DocxParts): Buffer {
  return Buffer.from(zipSync(docxEntries(body, parts), { level: 9 }));
}

export function zipOf(entries: Zippable): Buffer {
  return Buffer.from(zipSync(entries, { level: 9 }));
}

/** What Office writes around an encrypted document, or before 2007 around any. */
export function oleOf(stream: string): Buffer {
  const file = Buffer.alloc(4_096);
  file.set(Buffer.from('d0cf11e0a1b11ae1', 'hex'));
  file.set(Buffer.from(stream, 'utf16le'), 1_024);
  return file;
}

/** A text in a charset of one or two bytes a character. */
export function encodeAs(charset: string, text: string): Buffer {
  const decoder = new TextDecoder(charset, { fatal: true });
  const codes = new Map<string, readonly number[]>();
  const learn = (bytes: readonly number[]): void => {
    try {
      const character = decoder.decode(Uint8Array.from(bytes));
      if (!codes.has(character)) codes.set(character, bytes);
    } catch {
      // not a character
    }
  };
  for (let first = 0; first < 256; first += 1) learn([first]);
  if ([...text].some(character => !codes.has(character)))
    for (let first = 0x81; first < 0xff; first += 1)
      for (let second = 0x40; second < 0xff; second += 1) learn([first, second]);
  return Buffer.from(
    [...text].flatMap(character => {
      const bytes = codes.get(character);
      if (!bytes) throw new Error(`${charset} has no ${character}.`);
      return [...bytes];
    }),
  );
}

/** A small PDF whose page draws forms within forms: ten billion words in the end. */
export function endlessPdf(): Buffer {
  const depth = 10;
  const first = 4;
  const forms = Array.from({ length: depth }, (_, level) => {
    const isLast = level === depth - 1;
    const drawing = isLast ? drawLine('word') : '/X Do '.repeat(10);
    const resources = isLast
      ? '/Font << /F1 3 0 R >>'
      : `/XObject << /X ${first + level + 1} 0 R >>`;
    return (
      `<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << ${resources} >> ` +
      `/Length ${drawing.length} >>\nstream\n${drawing}\nendstream`
    );
  });
  const page = first + depth;
  return rawPdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${page} 0 R] /Count 1 >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    ...forms,
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] ' +
      `/Resources << /XObject << /X ${first} 0 R >> >> /Contents ${page + 1} 0 R >>`,
    '<< /Length 5 >>\nstream\n/X Do\nendstream',
  ]);
}

/** A small PDF whose page inflates to so many bytes, of which a few are text. */
export function inflatingPdf(bytes: number): Buffer {
  return drawnPdf([Buffer.concat([Buffer.from(drawLine('Small.')), Buffer.alloc(bytes, '\n')])]);
}

// cspell:disable -- words of many languages
import { gzipSync } from 'node:zlib';
import {
  docxEntries,
  docxOf,
  drawLine,
  drawnPdf,
  encodeAs,
  oleOf,
  paragraph,
  pdfOf,
  pngOf,
  rawPdf,
  zipOf,
} from './file-makers.js';
import type { ExtractionCode } from '../../src/extraction/extraction-error.js';
import type { ExtractionLimits } from '../../src/config/extraction-limits.js';
import type { ExtractedText } from '../../src/extraction/read-file.js';

/** A file that a stranger sends, and what it must give. */
export interface OddFile {
  /** What it is, as the end of a sentence. */
  readonly about: string;
  readonly filename: string;
  readonly contentType?: string;
  readonly make: () => Buffer | Promise<Buffer>;
  readonly limits?: Partial<ExtractionLimits>;
  /** The text, or what it must match, and whatever else is told of it. */
  readonly gives?: Partial<Omit<ExtractedText, 'text'>> & { readonly text?: string | RegExp };
  readonly refused?: ExtractionCode;
  /** What the refusal says. */
  readonly message?: RegExp;
}

const text = (value: string) => (): Buffer => Buffer.from(value);
const LF = String.fromCharCode(10);
const lines = (...all: string[]): string => all.join(LF);

const RUSSIAN =
  'Возврат товара возможен в течение четырнадцати дней после покупки, если сохранён чек. ' +
  'Деньги возвращаются на карту покупателя в течение недели.';
const GERMAN = 'Die Rückgabe ist innerhalb von 14 Tagen möglich. Größe und Übergröße kosten 5 €.';
const JAPANESE = '商品の返品は購入から十四日以内に受け付けます。レシートを必ずお持ちください。';
const CHINESE = '商品可在购买后十四天内退货，请携带收据。退款将在一周内退回到您的银行卡。';
const KOREAN = '상품은 구매 후 십사일 이내에 반품할 수 있습니다. 영수증을 꼭 지참해 주세요.';

const TEXTS: readonly OddFile[] = [
  { about: 'nothing', filename: 'a.txt', make: text(''), refused: 'NO_TEXT', message: /is empty/ },
  {
    about: 'white space',
    filename: 'a.txt',
    make: text(' \t\r\n\u00a0\u3000'),
    refused: 'NO_TEXT',
  },
  { about: 'a byte order mark alone', filename: 'a.md', make: text('\ufeff'), refused: 'NO_TEXT' },
  {
    about: 'characters without width',
    filename: 'a.txt',
    make: text('\u200b\u2060'),
    refused: 'NO_TEXT',
  },
  {
    about: 'UTF-8 with a byte order mark',
    filename: 'a.txt',
    make: text('\ufeffGröße'),
    gives: { text: 'Größe', format: 'TEXT', pageStarts: [], extractor: 'weaver' },
  },
  {
    about: 'UTF-16 of Windows with a byte order mark',
    filename: 'a.txt',
    make: () => Buffer.from('\ufeffGröße 🙂', 'utf16le'),
    gives: { text: 'Größe 🙂' },
  },
  {
    about: 'UTF-16 of a Mac with a byte order mark',
    filename: 'a.txt',
    make: () => Buffer.from('\ufeffGröße', 'utf16le').swap16(),
    gives: { text: 'Größe' },
  },
  {
    about: 'UTF-16 without a byte order mark',
    filename: 'a.txt',
    make: () => Buffer.from(`${GERMAN}\n`, 'utf16le'),
    gives: { text: `${GERMAN}\n` },
  },
  {
    about: 'big-endian UTF-16 without a byte order mark',
    filename: 'a.txt',
    make: () => Buffer.from(JAPANESE + LF, 'utf16le').swap16(),
    gives: { text: JAPANESE + LF },
  },
  {
    about: 'UTF-32',
    filename: 'a.txt',
    make: () => Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]),
    refused: 'TYPE_MISMATCH',
  },
  {
    about: 'windows-1252',
    filename: 'a.txt',
    make: () => encodeAs('windows-1252', GERMAN.repeat(4)),
    gives: { text: GERMAN.repeat(4) },
  },
  {
    about: 'windows-1251',
    filename: 'a.txt',
    make: () => encodeAs('windows-1251', RUSSIAN),
    gives: { text: RUSSIAN },
  },
  {
    about: 'KOI8-R',
    filename: 'a.txt',
    make: () => encodeAs('koi8-r', RUSSIAN),
    gives: { text: RUSSIAN },
  },
  {
    about: 'Shift_JIS',
    filename: 'a.md',
    make: () => encodeAs('shift_jis', JAPANESE.repeat(3)),
    gives: { text: JAPANESE.repeat(3), format: 'MARKDOWN' },
  },
  {
    about: 'EUC-JP',
    filename: 'a.txt',
    make: () => encodeAs('euc-jp', JAPANESE.repeat(3)),
    gives: { text: JAPANESE.repeat(3) },
  },
  {
    about: 'ISO-2022-JP',
    filename: 'a.txt',
    make: () =>
      Buffer.concat([
        Buffer.from('\x1b$B'),
        Buffer.from(encodeAs('euc-jp', JAPANESE).map(byte => byte & 0x7f)),
        Buffer.from('\x1b(B'),
      ]),
    gives: { text: JAPANESE },
  },
  {
    about: 'GB 18030',
    filename: 'a.txt',
    make: () => encodeAs('gb18030', CHINESE.repeat(3)),
    gives: { text: CHINESE.repeat(3) },
  },
  {
    about: 'EUC-KR',
    filename: 'a.txt',
    make: () => encodeAs('euc-kr', KOREAN.repeat(3)),
    gives: { text: KOREAN.repeat(3) },
  },
  {
    about: 'a charset that its media type names',
    filename: 'a.txt',
    contentType: 'text/plain; charset="ISO-8859-2"',
    make: () => encodeAs('iso-8859-2', 'Zażółć gęślą jaźń'),
    gives: { text: 'Zażółć gęślą jaźń' },
  },
  {
    about: 'a charset of its media type that does not exist',
    filename: 'a.txt',
    contentType: 'text/plain; charset=klingon',
    make: text('Größe'),
    gives: { text: 'Größe' },
  },
  {
    about: 'line ends of Windows and of old Macs',
    filename: 'a.txt',
    make: text('one\r\ntwo\rthree\n\r\n'),
    gives: { text: 'one\ntwo\nthree\n\n' },
  },
  {
    about: 'Markdown',
    filename: 'a.md',
    make: text('---\ntitle: x\n---\n# One\r\n\r\n  <b>two</b> &amp;\n\n| a | b |\n|---|---|\n'),
    gives: {
      text: '---\ntitle: x\n---\n# One\n\n  <b>two</b> &amp;\n\n| a | b |\n|---|---|\n',
      format: 'MARKDOWN',
    },
  },
  {
    about: 'a log with colours',
    filename: 'a.log',
    make: text('\x1b[31merror\x1b[0m of the disk\n'),
    gives: { text: '\x1b[31merror\x1b[0m of the disk\n' },
  },
  {
    about: 'a text with zeros in it',
    filename: 'a.txt',
    make: text('one\0two three'),
    refused: 'TYPE_MISMATCH',
  },
  {
    about: 'random bytes',
    filename: 'a',
    make: () =>
      Buffer.from(Array.from({ length: 4_000 }, (_, at) => (at * at * 31 + 7 * at) % 251)),
    refused: 'TYPE_NOT_SUPPORTED',
    message: /PDF, Word \(\.docx\), HTML, Markdown/,
  },
  {
    about: 'a text that begins as a bitmap does',
    filename: 'a.txt',
    make: text('BM25 ranks.'),
    gives: { text: 'BM25 ranks.' },
  },
  {
    about: 'a text that begins as a program does',
    filename: 'a.txt',
    make: text('MZ is a tag.'),
    gives: { format: 'TEXT' },
  },
  {
    about: 'a text about PDFs',
    filename: 'a.md',
    make: text('A file begins with %PDF-1.7.'),
    gives: { format: 'MARKDOWN' },
  },
  {
    about: 'one line of a million characters',
    filename: 'a.txt',
    make: text('word '.repeat(200_000)),
    gives: { text: 'word '.repeat(200_000) },
  },
  {
    about: 'a text with too many characters',
    filename: 'a.txt',
    make: text('🙂'.repeat(501)),
    limits: { characters: 500 },
    refused: 'TOO_LARGE',
    message: /more than 500 characters/,
  },
  {
    about: 'a text with as many characters as it may have',
    filename: 'a.txt',
    make: text('🙂'.repeat(500)),
    limits: { characters: 500 },
    gives: { text: '🙂'.repeat(500) },
  },
];

const TABLES: readonly OddFile[] = [
  {
    about: 'CSV with quotation marks',
    filename: 'a.csv',
    make: text('name,price\r\n"Belt, brown","5 ""EUR"""\r\n\r\nShoe,\r\n'),
    gives: { text: 'name: Belt, brown\nprice: 5 "EUR"\n\nname: Shoe', format: 'CSV' },
  },
  {
    about: 'CSV with semicolons, from Excel in Europe',
    filename: 'a.csv',
    contentType: 'application/vnd.ms-excel',
    make: () => encodeAs('windows-1252', 'Größe;Preis\n42;9,90\n'),
    gives: { text: 'Größe: 42\nPreis: 9,90' },
  },
  {
    about: 'Unicode text of Excel, with tabs',
    filename: 'a.csv',
    make: () => Buffer.from('\ufeffname\tprice\r\nBelt\t5\r\n', 'utf16le'),
    gives: { text: 'name: Belt\nprice: 5' },
  },
  {
    about: 'CSV with values of several lines',
    filename: 'a.csv',
    make: text('q,a\n"How\n\nlong?","7\ndays"\n'),
    gives: { text: 'q: How long?\na: 7 days' },
  },
  {
    about: 'CSV with records of different lengths',
    filename: 'a.csv',
    make: text('a,,a\n1,2,3,4\n5\n,,\n'),
    gives: { text: 'a: 1\nColumn 2: 2\na: 3\nColumn 4: 4\n\na: 5' },
  },
  {
    about: 'CSV of one column',
    filename: 'a.csv',
    make: text('name\nBelt\nShoe\n'),
    gives: { text: 'name: Belt\n\nname: Shoe' },
  },
  {
    about: 'CSV with an inch in it',
    filename: 'a.csv',
    make: text('name,size\nScreen,24" wide\n'),
    gives: { text: 'name: Screen\nsize: 24" wide' },
  },
  {
    about: 'CSV with a quotation mark that is never closed',
    filename: 'a.csv',
    make: text('name,price\n"Belt,5\nShoe,7\n'),
    refused: 'CORRUPT',
    message: /quotation mark/,
  },
  {
    about: 'CSV without records',
    filename: 'a.csv',
    make: text('name,price\n'),
    refused: 'NO_TEXT',
  },
  {
    about: 'CSV whose text is too large',
    filename: 'a.csv',
    make: text(`name\n${'Belt\n'.repeat(100)}`),
    limits: { characters: 1_000 },
    refused: 'TOO_LARGE',
  },
];

const PAGES: readonly OddFile[] = [
  {
    about: 'an HTML page',
    filename: 'a.html',
    contentType: 'text/html; charset=utf-8',
    make: text(
      '<!doctype html><title> Re&shy;turns &amp; more </title><h1>Returns</h1><p>With&shy;in ' +
        '<b>14</b>\ndays.<ul><li>Shoes<li>Belts<ul><li>brown</ul></ul>' +
        '<table><tr><th>Size<th>Price' +
        '<tr><td>42' +
        '<td>a|b</table><pre>\n# a\n  b</pre>',
    ),
    gives: {
      format: 'HTML',
      extractor: 'htmlparser2',
      title: 'Returns & more',
      text: lines(
        '# Returns',
        '',
        'Within 14 days.',
        '',
        '- Shoes',
        '- Belts',
        '',
        '  - brown',
        '',
        '| Size | Price |',
        '| --- | --- |',
        '| 42 | a\\|b |',
        '',
        '```',
        '# a',
        '  b',
        '```',
      ),
    },
  },
  {
    about: 'what an HTML page does not show',
    filename: 'a.html',
    make: text(
      '<html><script>run()</script><style>p{}</style><p>Seen<!-- not --><p hidden>secret' +
        '<div style="display: none">secret<div>secret</div></div><template>secret</template>',
    ),
    gives: { text: 'Seen' },
  },
  {
    about: 'a page arranged by tables',
    filename: 'a.html',
    make: text(
      '<html><table><tr><td>Menu<td><h2>Title</h2><table><tr><td>1<td>2<tr><td>3' +
        '<td>4</table></table>',
    ),
    gives: { text: 'Menu\n\n## Title\n\n| 1 | 2 |\n| --- | --- |\n| 3 | 4 |' },
  },
  {
    about: 'text that reads as Markdown',
    filename: 'a.html',
    make: text('<html><p># one</p><p>two<br>---</p><p>```</p>'),
    gives: { text: '\\# one\n\ntwo\n\\---\n\n\\```' },
  },
  {
    about: 'a page in the charset of its meta element',
    filename: 'a.html',
    make: () => encodeAs('windows-1251', `<!doctype html><meta charset=windows-1251><p>${RUSSIAN}`),
    gives: { text: RUSSIAN },
  },
  {
    about: 'a page in the charset of its old meta element',
    filename: 'a.htm',
    make: () =>
      encodeAs(
        'shift_jis',
        `<html><meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">` +
          `<p>${JAPANESE}`,
      ),
    gives: { text: JAPANESE },
  },
  {
    about: 'XHTML',
    filename: 'a.xhtml',
    make: text(
      '<?xml version="1.0" encoding="utf-8"?>\n<!-- x -->\n<!DOCTYPE html PUBLIC ' +
        '"-//W3C//DTD XHTML 1.0 Strict//EN" "http://127.0.0.1:1/xhtml.dtd">' +
        '<html xmlns="http://www.w3.org/1999/xhtml"><p>One<br/>two</p></html>',
    ),
    gives: { text: 'One\ntwo', format: 'HTML' },
  },
  {
    about: 'a part of a page that is named HTML',
    filename: 'a.html',
    make: text('<p>One</p>'),
    gives: { text: 'One', format: 'HTML' },
  },
  {
    about: 'characters that no database takes',
    filename: 'a.html',
    make: text('<html>a&#0;b&#xD800;c&#x1F642;'),
    gives: { text: 'a\ufffdb\ufffdc🙂' },
  },
  {
    about: 'a page of scripts',
    filename: 'a.html',
    make: text('<!doctype html><script>document.write("x")</script>'),
    refused: 'NO_TEXT',
  },
  {
    about: 'a page of elements without end inside each other',
    filename: 'a.html',
    make: text(`<html>${'<div>'.repeat(30_000)}x`),
    refused: 'CORRUPT',
    message: /more than 20000 deep/,
  },
  {
    about: 'a page of signs that begin no element',
    filename: 'a.html',
    make: text(`<html>${'<'.repeat(100_000)}`),
    gives: { text: /^<+$/ },
  },
  {
    about: 'tables inside tables',
    filename: 'a.html',
    make: text(`<html>${'<table><tr><td>'.repeat(2_000)}deep`),
    gives: { text: 'deep' },
  },
  {
    about: 'a cell that claims to span a billion columns',
    filename: 'a.html',
    make: text('<html><table><tr><td colspan=1000000000>a<tr><td>b<td>c</table>'),
    gives: { text: /^\| a \|[ |]+\n/ },
  },
  {
    about: 'a page whose text is too large',
    filename: 'a.html',
    make: text(`<html>${'<p>Belt</p>'.repeat(1_000)}`),
    limits: { characters: 1_000 },
    refused: 'TOO_LARGE',
  },
];

const SCRIPT =
  '/OpenAction << /S /JavaScript /JS (app.alert\\("run"\\); ' +
  'this.submitForm\\("http://127.0.0.1:1"\\)) >>';

const PDFS: readonly OddFile[] = [
  {
    about: 'a PDF',
    filename: 'a.pdf',
    contentType: 'application/pdf',
    make: () =>
      pdfOf(
        pdf => {
          pdf.fontSize(20).text('Returns').fontSize(12);
          pdf.text('You can return goods within fourteen days. '.repeat(20));
          pdf.addPage().text('The second page is about belts. '.repeat(10));
        },
        { info: { Title: 'Terms' } },
      ),
    gives: {
      text: /^# Returns\n\nYou can return goods [^]*\n\nThe second page /,
      format: 'PDF',
      title: 'Terms',
      extractor: 'unpdf',
      pagesWithoutText: [],
    },
  },
  {
    about: 'a PDF with words that are parted at the ends of lines',
    filename: 'a.pdf',
    make: () =>
      pdfOf(pdf =>
        pdf.text(
          lines(
            'The docu-',
            'mentation is well-',
            'known, and a well and a known one.',
            'Of the man-made. A man-',
            'made one.',
          ),
        ),
      ),
    gives: {
      text: lines(
        'The documentation',
        'is well-known,',
        'and a well and a known one.',
        'Of the man-made. A man-made',
        'one.',
      ),
    },
  },
  {
    about: 'a PDF with an empty page and a picture',
    filename: 'a.pdf',
    make: () =>
      pdfOf(pdf => {
        pdf.addPage().text('Two 🙂'.slice(0, 3));
        pdf.addPage().image(pngOf(8, 8), 0, 0, { width: 300 });
        pdf.addPage().text('Four');
      }),
    gives: { text: 'Two\n\nFour', pageStarts: [0, 0, 5, 5], pagesWithoutText: [1, 3] },
  },
  {
    about: 'a scan',
    filename: 'a.pdf',
    make: () =>
      pdfOf(pdf => {
        for (let page = 1; page <= 12; page += 1) {
          if (page > 1) pdf.addPage();
          pdf.image(pngOf(8, 8), 0, 0, { width: 500 });
        }
      }),
    refused: 'NO_TEXT_LAYER',
    message: /Pages 1 to 12/,
  },
  {
    about: 'a scan of one page',
    filename: 'a.pdf',
    make: () => pdfOf(pdf => pdf.image(pngOf(8, 8), 0, 0)),
    refused: 'NO_TEXT_LAYER',
    message: /Page 1 of/,
  },
  {
    about: 'a PDF that a password opens',
    filename: 'a.pdf',
    make: () => pdfOf(pdf => pdf.text('secret'), { userPassword: 'open', ownerPassword: 'all' }),
    refused: 'ENCRYPTED',
    message: /password/,
  },
  {
    about: 'a PDF encrypted by AES with 256 bits',
    filename: 'a.pdf',
    make: () => pdfOf(pdf => pdf.text('secret'), { userPassword: 'open', pdfVersion: '1.7ext3' }),
    refused: 'ENCRYPTED',
  },
  {
    about: 'a PDF that only its owner may change',
    filename: 'a.pdf',
    make: () => pdfOf(pdf => pdf.text('Readable.'), { ownerPassword: 'all' }),
    gives: { text: 'Readable.' },
  },
  {
    about: 'a PDF with scripts and addresses',
    filename: 'a.pdf',
    make: () => drawnPdf([drawLine('Seen')], { catalog: SCRIPT }),
    gives: { text: 'Seen' },
  },
  {
    about: 'a PDF behind other bytes',
    filename: 'a.pdf',
    make: async () =>
      Buffer.concat([Buffer.from('From: mail\r\n\r\n'), drawnPdf([drawLine('Seen')])]),
    gives: { text: 'Seen' },
  },
  {
    about: 'a PDF with too many pages',
    filename: 'a.pdf',
    make: () => drawnPdf(Array.from({ length: 21 }, () => drawLine('x'))),
    limits: { pages: 20 },
    refused: 'TOO_MANY_PAGES',
    message: /21 pages; at most 20/,
  },
  {
    about: 'a PDF with as many pages as it may have',
    filename: 'a.pdf',
    make: () => drawnPdf(Array.from({ length: 20 }, (_, page) => drawLine(`${page}th page`))),
    limits: { pages: 20 },
    gives: { text: /19th page$/ },
  },
  {
    about: 'a PDF whose page has too much text',
    filename: 'a.pdf',
    make: () =>
      drawnPdf([
        Array.from(
          { length: 5_000 },
          (_, n) => `BT /F1 9 Tf 72 ${(n * 9) % 700} Td (many words again and again) Tj ET`,
        ).join(LF),
      ]),
    limits: { characters: 10_000 },
    refused: 'TOO_LARGE',
  },
  {
    about: 'a PDF that is cut off',
    filename: 'a.pdf',
    make: async () => (await pdfOf(pdf => pdf.text('Lost.'))).subarray(0, 300),
    refused: 'CORRUPT',
  },
  {
    about: 'a PDF of a header alone',
    filename: 'a.pdf',
    make: text('%PDF-1.4\n'),
    refused: 'CORRUPT',
  },
  {
    about: 'a PDF without pages',
    filename: 'a.pdf',
    make: () =>
      rawPdf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [] /Count 0 >>']),
    refused: 'CORRUPT',
  },
  {
    about: 'a PDF whose tree of pages has no end',
    filename: 'a.pdf',
    make: () =>
      rawPdf([
        '<< /Type /Catalog /Pages 2 0 R >>',
        '<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>',
      ]),
    refused: 'CORRUPT',
  },
  {
    about: 'a PDF that claims a billion pages',
    filename: 'a.pdf',
    make: () =>
      rawPdf([
        '<< /Type /Catalog /Pages 2 0 R >>',
        '<< /Type /Pages /Kids [3 0 R] /Count 1000000000 >>',
        '<< /Type /Page /Parent 2 0 R >>',
      ]),
    refused: 'NO_TEXT_LAYER',
  },
  {
    about: 'a PDF whose table of objects is wrong',
    filename: 'a.pdf',
    make: () =>
      Buffer.from(
        drawnPdf([drawLine('Found')])
          .toString('latin1')
          .replace(/startxref\n\d+/, 'startxref\n7'),
        'latin1',
      ),
    gives: { text: 'Found' },
  },
  {
    about: 'a PDF whose outline goes round',
    filename: 'a.pdf',
    make: () =>
      drawnPdf([drawLine('Seen')], {
        catalog: '/Outlines 4 0 R',
        extra: [
          '<< /First 5 0 R /Last 5 0 R >>',
          '<< /Title (Seen) /Parent 4 0 R /Next 5 0 R /First 5 0 R /Dest [6 0 R /Fit] >>',
        ],
      }),
    gives: { text: '# Seen' },
  },
];

const WORD: readonly OddFile[] = [
  {
    about: 'a Word document',
    filename: 'a.docx',
    make: () =>
      docxOf(
        '<w:p><w:pPr><w:pStyle w:val="h"/></w:pPr><w:r><w:t>Returns</w:t></w:r></w:p>' +
          paragraph('Within 14 days.') +
          '<w:tbl><w:tr><w:tc>' +
          `${paragraph('Size')}</w:tc><w:tc>${paragraph('Price')}</w:tc></w:tr><w:tr><w:tc>` +
          `${paragraph('42')}</w:tc><w:tc>${paragraph('5')}</w:tc></w:tr></w:tbl>`,
        {
          relationships:
            '<Relationship Id="s" Type="http://schemas.openxmlformats.org/officeDocument/2006/' +
            'relationships/styles" Target="styles.xml"/>',
          others: {
            'word/styles.xml': Buffer.from(
              '<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">' +
                '<w:style w:type="paragraph" w:styleId="h"><w:name w:val="heading 1"/></w:style>' +
                '</w:styles>',
            ),
          },
        },
      ),
    gives: {
      text: '# Returns\n\nWithin 14 days.\n\n| Size | Price |\n| --- | --- |\n| 42 | 5 |',
      format: 'DOCX',
      extractor: 'mammoth',
      pageStarts: [],
    },
  },
  {
    about: 'a Word document that is named as nothing',
    filename: 'download',
    contentType: 'application/octet-stream',
    make: () => docxOf(paragraph('Seen')),
    gives: { text: 'Seen', format: 'DOCX' },
  },
  {
    about: 'a Word document with tracked changes',
    filename: 'a.docx',
    make: () =>
      docxOf(
        '<w:p w:rsidR="00A1"><w:pPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr><w:r><w:rPr><w:b/>' +
          '<w:rPrChange w:id="2"><w:rPr><w:i/></w:rPr></w:rPrChange></w:rPr><w:t>One</w:t></w:r>' +
          '<w:del w:id="3"><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>' +
          `${paragraph(' two')}<w:p><w:ins w:id="4"><w:r><w:t>Three</w:t></w:r></w:ins></w:p>`,
      ),
    gives: { text: 'One two\n\nThree' },
  },
  {
    about: 'an empty Word document',
    filename: 'a.docx',
    make: () => docxOf('<w:p/>'),
    refused: 'NO_TEXT',
  },
  {
    about: 'an encrypted Word document',
    filename: 'a.docx',
    make: () => oleOf('EncryptedPackage'),
    refused: 'ENCRYPTED',
  },
  {
    about: 'a Word document of before 2007',
    filename: 'a.doc',
    contentType: 'application/msword',
    make: () => oleOf('WordDocument'),
    refused: 'TYPE_NOT_SUPPORTED',
    message: /old Microsoft Office file/,
  },
  {
    about: 'a Word document of before 2007 with a new name',
    filename: 'a.docx',
    make: () => oleOf('WordDocument'),
    refused: 'TYPE_MISMATCH',
  },
  {
    about: 'a Word document with an entry that is encrypted',
    filename: 'a.docx',
    make: () => withFlag(docxOf(paragraph('x'))),
    refused: 'ENCRYPTED',
  },
  {
    about: 'a Word document with macros',
    filename: 'a.docm',
    make: () =>
      docxOf(paragraph('x'), {
        contentType: 'application/vnd.ms-word.document.macroEnabled.main+xml',
      }),
    refused: 'TYPE_NOT_SUPPORTED',
  },
  {
    about: 'a Word document that becomes too large',
    filename: 'a.docx',
    make: () => docxOf(paragraph('x'.repeat(300_000))),
    limits: { zipBytes: 200_000 },
    refused: 'ZIP_BOMB',
    message: /more than 200000 bytes/,
  },
  {
    about: 'a Word document that becomes many times as large',
    filename: 'a.docx',
    make: () => docxOf(paragraph(' '.repeat(2_000_000))),
    refused: 'ZIP_BOMB',
    message: /times as large/,
  },
  {
    about: 'a Word document with a picture that becomes many times as large',
    filename: 'a.docx',
    make: () => docxOf(paragraph('x'), { others: { 'word/media/a.bmp': Buffer.alloc(3_000_000) } }),
    refused: 'ZIP_BOMB',
  },
  {
    about: 'a Word document that says it becomes small',
    filename: 'a.docx',
    make: () => withSize(docxOf(paragraph('x'.repeat(300_000)))),
    refused: 'CORRUPT',
  },
  {
    about: 'a Word document of too many entries',
    filename: 'a.docx',
    make: () =>
      docxOf(paragraph('x'), {
        others: Object.fromEntries(
          Array.from({ length: 200 }, (_, number) => [`word/${number}.xml`, Buffer.from('<a/>')]),
        ),
      }),
    limits: { zipEntries: 100 },
    refused: 'ZIP_BOMB',
    message: /more than 100 files/,
  },
  {
    about: 'a Word document with a name that leads out of it',
    filename: 'a.docx',
    make: () => docxOf(paragraph('x'), { others: { '../../etc/passwd.xml': Buffer.from('<a/>') } }),
    refused: 'CORRUPT',
  },
  {
    about: 'a Word document that is cut off',
    filename: 'a.docx',
    make: () => docxOf(paragraph('x')).subarray(0, 400),
    refused: 'CORRUPT',
  },
  {
    about: 'a Word document without its main part',
    filename: 'a.docx',
    make: () => {
      const { 'word/document.xml': _, ...others } = docxEntries('');
      return zipOf(others);
    },
    refused: 'CORRUPT',
  },
  {
    about: 'a Word document whose XML is broken',
    filename: 'a.docx',
    make: () => docxOf('<w:p><w:r><w:t>x</w:p>'),
    refused: 'CORRUPT',
  },
  {
    about: 'a Word document that refers to a file of the machine',
    filename: 'a.docx',
    make: () =>
      docxOf(paragraph('before &x; behind'), {
        prolog: '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
      }),
    refused: 'CORRUPT',
  },
  {
    about: 'a Word document with entities of entities',
    filename: 'a.docx',
    make: () =>
      docxOf(paragraph('before &e9;'), {
        prolog: `<!DOCTYPE w [<!ENTITY e0 "ha">${Array.from(
          { length: 9 },
          (_, n) => `<!ENTITY e${n + 1} "${`&e${n};`.repeat(10)}">`,
        ).join('')}]>`,
      }),
    refused: 'CORRUPT',
  },
  {
    about: 'a Word document with pictures elsewhere',
    filename: 'a.docx',
    make: () =>
      docxOf(
        paragraph('Seen') +
          '<w:p><w:r><w:drawing><wp:inline><wp:docPr descr="A belt"/><a:graphic><a:graphicData>' +
          '<pic:pic><pic:blipFill><a:blip r:link="p"/></pic:blipFill></pic:pic></a:graphicData>' +
          '</a:graphic></wp:inline></w:drawing></w:r></w:p>',
        {
          relationships:
            '<Relationship Id="p" TargetMode="External" Target="http://127.0.0.1:1/a.png" ' +
            'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"/>',
        },
      ),
    gives: { text: /^Seen/ },
  },
  {
    about: 'a spreadsheet',
    filename: 'a.xlsx',
    make: () =>
      docxOf('', {
        contentType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml',
      }),
    refused: 'TYPE_NOT_SUPPORTED',
  },
  {
    about: 'a book',
    filename: 'a.epub',
    make: () => zipOf({ mimetype: [Buffer.from('application/epub+zip'), { level: 0 }] }),
    refused: 'TYPE_NOT_SUPPORTED',
    message: /application\/epub\+zip/,
  },
  {
    about: 'an empty ZIP file',
    filename: 'a.docx',
    make: () => zipOf({}),
    refused: 'TYPE_MISMATCH',
  },
];

const LABELS: readonly OddFile[] = [
  {
    about: 'a picture that is named as a PDF',
    filename: 'a.pdf',
    make: () => pngOf(1, 1),
    refused: 'TYPE_MISMATCH',
    message: /named as a PDF, but its content is image\/png/,
  },
  {
    about: 'a picture',
    filename: 'a.png',
    contentType: 'image/png',
    make: () => pngOf(1, 1),
    refused: 'TYPE_NOT_SUPPORTED',
    message: /is image\/png/,
  },
  {
    about: 'a page that is declared as a PDF',
    filename: 'a',
    contentType: 'application/pdf',
    make: text('<!DOCTYPE html><p>Not found'),
    refused: 'TYPE_MISMATCH',
    message: /declared as application\/pdf, but its content is an HTML page/,
  },
  {
    about: 'a page that is named as a text',
    filename: 'a.txt',
    make: text('<html><p>Not found'),
    refused: 'TYPE_MISMATCH',
  },
  {
    about: 'a PDF that is named as a Word document',
    filename: 'a.docx',
    make: () => drawnPdf([drawLine('x')]),
    refused: 'TYPE_MISMATCH',
    message: /named as a Word document \(DOCX\), but its content is a PDF/,
  },
  {
    about: 'a PDF that is declared as a picture',
    filename: 'a',
    contentType: 'image/png',
    make: () => drawnPdf([drawLine('x')]),
    refused: 'TYPE_MISMATCH',
  },
  {
    about: 'a Word document that is named as a PDF',
    filename: 'a.PDF',
    make: () => docxOf(paragraph('x')),
    refused: 'TYPE_MISMATCH',
  },
  {
    about: 'a text that is named as a PDF',
    filename: 'a.pdf',
    make: text('Hello'),
    refused: 'TYPE_MISMATCH',
    message: /content is text/,
  },
  {
    about: 'a packed text',
    filename: 'a.txt',
    make: () => gzipSync('Hello'),
    refused: 'TYPE_MISMATCH',
    message: /application\/gzip/,
  },
  {
    about: 'a program',
    filename: 'a',
    make: () => Buffer.from('7f454c4602010100'.padEnd(128, '0'), 'hex'),
    refused: 'TYPE_NOT_SUPPORTED',
  },
  {
    about: 'RTF',
    filename: 'a.rtf',
    make: text('{\\rtf1 Hello}'),
    refused: 'TYPE_NOT_SUPPORTED',
    message: /RTF/,
  },
  {
    about: 'RTF that is named as a text',
    filename: 'a.txt',
    make: text('{\\rtf1 Hello}'),
    refused: 'TYPE_MISMATCH',
  },
  {
    about: 'PostScript',
    filename: 'a.ps',
    make: text('%!PS-Adobe-3.0\n'),
    refused: 'TYPE_NOT_SUPPORTED',
  },
  {
    about: 'JSON',
    filename: 'a.json',
    make: text('{"a": 1}'),
    refused: 'TYPE_NOT_SUPPORTED',
    message: /named \.json/,
  },
  {
    about: 'JSON that is declared as it is',
    filename: 'a.txt',
    contentType: 'application/json',
    make: text('{"a": 1}'),
    refused: 'TYPE_NOT_SUPPORTED',
    message: /declared as application\/json/,
  },
  {
    about: 'JSON that is declared as a plain text',
    filename: 'a.json',
    contentType: 'text/plain',
    make: text('{"a": 1}'),
    gives: { text: '{"a": 1}', format: 'TEXT' },
  },
  {
    about: 'a text without an extension',
    filename: 'README',
    make: text('Hello'),
    gives: { format: 'TEXT' },
  },
  {
    about: 'Markdown that is declared as a plain text',
    filename: 'a.md',
    contentType: 'text/plain',
    make: text('# Hello'),
    gives: { format: 'MARKDOWN' },
  },
  {
    about: 'a text that is declared as Markdown',
    filename: 'a.txt',
    contentType: 'text/markdown',
    make: text('# Hello'),
    gives: { format: 'MARKDOWN' },
  },
  {
    about: 'a PDF that is declared as anything',
    filename: 'a.bin',
    contentType: 'application/octet-stream',
    make: () => drawnPdf([drawLine('Seen')]),
    gives: { text: 'Seen', format: 'PDF' },
  },
];

export const ODD_FILES: readonly OddFile[] = [
  ...TEXTS,
  ...TABLES,
  ...PAGES,
  ...PDFS,
  ...WORD,
  ...LABELS,
];

/** The flag that an entry is encrypted, in the central directory and before each entry. */
function withFlag(zip: Buffer): Buffer {
  return forEachEntry(zip, (at, isDirectory) => {
    zip.writeUInt16LE(zip.readUInt16LE(at + (isDirectory ? 8 : 6)) | 1, at + (isDirectory ? 8 : 6));
  });
}

/** Entries of more than a thousand bytes claim to have ten. */
function withSize(zip: Buffer): Buffer {
  return forEachEntry(zip, (at, isDirectory) => {
    const size = at + (isDirectory ? 24 : 22);
    if (zip.readUInt32LE(size) > 1_000) zip.writeUInt32LE(10, size);
  });
}

function forEachEntry(zip: Buffer, change: (at: number, isDirectory: boolean) => void): Buffer {
  for (const [signature, isDirectory] of [
    ['PK\x03\x04', false],
    ['PK\x01\x02', true],
  ] as const)
    for (let at = zip.indexOf(signature); at >= 0; at = zip.indexOf(signature, at + 4))
      change(at, isDirectory);
  return zip;
}

import {
  Document,
  ExternalHyperlink,
  FootnoteReferenceRun,
  HeadingLevel,
  Packer,
  Paragraph,
  Table,
  TableCell,
  TableRow,
  TextRun,
} from 'docx';
import { expect, it } from 'vitest';
import { readFile } from '../../../src/extraction/read-file.js';
import { EXTRACTION_LIMITS } from '../../support/extraction-limits.js';

const cell = (text: string): TableCell => new TableCell({ children: [new Paragraph(text)] });

it('A Word document of a program gives headings, lists, tables, links and footnotes', async () => {
  const document = new Document({
    footnotes: { 1: { children: [new Paragraph('By law.')] } },
    sections: [
      {
        children: [
          new Paragraph({ text: 'Terms', heading: HeadingLevel.TITLE }),
          new Paragraph({ text: 'Returns', heading: HeadingLevel.HEADING_1 }),
          new Paragraph({
            children: [
              new TextRun('Within '),
              new TextRun({ text: '14 days', bold: true }),
              new FootnoteReferenceRun(1),
              new TextRun(', see '),
              new ExternalHyperlink({
                link: 'https://example.com/terms',
                children: [new TextRun('the terms')],
              }),
            ],
          }),
          new Paragraph({ text: 'shoes', bullet: { level: 0 } }),
          new Paragraph({ text: 'boots', bullet: { level: 1 } }),
          new Paragraph({ text: 'belts', bullet: { level: 0 } }),
          new Paragraph({ text: 'Sizes', heading: HeadingLevel.HEADING_2 }),
          new Table({
            rows: [
              new TableRow({ tableHeader: true, children: [cell('Size'), cell('Price')] }),
              new TableRow({ children: [cell('42'), cell('5 | 6')] }),
            ],
          }),
        ],
      },
    ],
  });
  const labels = { filename: 'terms.docx' };
  const { text } = await readFile(await Packer.toBuffer(document), labels, EXTRACTION_LIMITS);
  expect(text).toBe(
    `# Terms

# Returns

Within 14 days[1], see the terms

- shoes

  - boots
- belts

## Sizes

| Size | Price |
| --- | --- |
| 42 | 5 \\| 6 |

1. By law.`,
  );
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExtractionError } from '../../../src/extraction/extraction-error.js';
import { textExtractor } from '../../../src/extraction/text-extractor.js';
import { createLogger } from '../../../src/observability/logger.js';
import { EXTRACTION_LIMITS } from '../../support/extraction-limits.js';
import {
  docxOf,
  drawLine,
  drawnPdf,
  endlessPdf,
  inflatingPdf,
  paragraph,
} from '../../support/file-makers.js';

const log = createLogger('silent');
const NOTE = { filename: 'note.md', log };
const note = Buffer.from('# Hello');

/** A test fails by its own time-out where a thread goes on. */
const refusal = async (answer: Promise<unknown>): Promise<ExtractionError> => {
  const error = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ExtractionError);
  return error as ExtractionError;
};

// Each thread compiles the sources first.
const TIMEOUT = { timeout: 120_000 };

describe('Reading files in threads', TIMEOUT, () => {
  it('gives the text of several files at once, and leaves their bytes as they were', async () => {
    const extractText = textExtractor({ ...EXTRACTION_LIMITS, filesAtOnce: 2 });
    const pdf = drawnPdf([drawLine('Of a PDF')]);
    const before = Buffer.from(pdf);
    const answers = await Promise.all([
      extractText(pdf, { filename: 'a.pdf', log }),
      extractText(docxOf(paragraph('Of a DOCX')), { filename: 'a.docx', log }),
      extractText(note, NOTE),
    ]);
    expect(answers.map(({ text, format }) => [text, format])).toEqual([
      ['Of a PDF', 'PDF'],
      ['Of a DOCX', 'DOCX'],
      ['# Hello', 'MARKDOWN'],
    ]);
    expect(pdf.equals(before)).toBe(true);
  });

  it('gives a long text as it is, whatever its characters', async () => {
    const long = 'Größe 🙂 尺寸\n'.repeat(300_000);
    const extractText = textExtractor(EXTRACTION_LIMITS);
    const { text } = await extractText(Buffer.from(long), NOTE);
    expect(text === long).toBe(true);
  });

  it('refuses a file with too many bytes before it starts a thread', async () => {
    const extractText = textExtractor({ ...EXTRACTION_LIMITS, bytes: 6, filesAtOnce: 0 });
    const error = await refusal(extractText(note, NOTE));
    expect(error).toMatchObject({ code: 'TOO_LARGE', retryable: false });
    expect(error.message).toBe('The file has 7 bytes; at most 6 are accepted.');
  });

  it('hands the refusal of a reader on, with its code', async () => {
    const extractText = textExtractor(EXTRACTION_LIMITS);
    const error = await refusal(extractText(Buffer.from('{}'), { filename: 'a.json', log }));
    expect(error).toMatchObject({ code: 'TYPE_NOT_SUPPORTED', retryable: false });
  });

  it('ends a thread that takes too long', async () => {
    const extractText = textExtractor({
      ...EXTRACTION_LIMITS,
      milliseconds: 1_500,
      filesAtOnce: 1,
    });
    const error = await refusal(extractText(endlessPdf(), { filename: 'a.pdf', log }));
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: false });
    expect(error.message).toMatch(/more than 1\.5 seconds/);
  });

  it('ends a thread that takes too much memory outside its heap', async () => {
    const extractText = textExtractor({ ...EXTRACTION_LIMITS, memoryMegabytes: 128 });
    const bomb = inflatingPdf(200_000_000);
    expect(bomb.length).toBeLessThan(400_000);
    const error = await refusal(extractText(bomb, { filename: 'a.pdf', log }));
    expect(error).toMatchObject({ code: 'TOO_LARGE', retryable: false });
    expect(error.message).toMatch(/more than 128 MB of memory/);
  });

  it('says that a thread has crashed, so that the file is tried again', async () => {
    const extractText = textExtractor(EXTRACTION_LIMITS);
    const contentType = 7 as unknown as string; // nothing that a caller can send
    const error = await refusal(extractText(note, { ...NOTE, contentType }));
    expect(error).toMatchObject({ code: 'WORKER_CRASHED', retryable: true });
    expect(error.message).not.toMatch(/split/);
  });

  it('ends a thread when its signal says so, and lets the next file have its place', async () => {
    const extractText = textExtractor({ ...EXTRACTION_LIMITS, filesAtOnce: 1 });
    const [running, waiting] = [new AbortController(), new AbortController()];
    const first = extractText(endlessPdf(), { filename: 'a.pdf', log, signal: running.signal });
    const second = extractText(note, { ...NOTE, signal: waiting.signal });
    const third = extractText(note, NOTE);
    const reason = new Error('The document was deleted.');
    waiting.abort(reason);
    await expect(second).rejects.toBe(reason);
    running.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect((await third).text).toBe('# Hello');
  });

  it('starts nothing for a signal that has said so before', async () => {
    const extractText = textExtractor({ ...EXTRACTION_LIMITS, filesAtOnce: 0 });
    const reason = new Error('The document was deleted.');
    const signal = AbortSignal.abort(reason);
    await expect(extractText(note, { ...NOTE, signal })).rejects.toBe(reason);
  });
});

describe('An address in a file', TIMEOUT, () => {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url!);
    response.end();
  });
  let address: string;
  beforeAll(async () => {
    await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  it('is fetched by nobody', async () => {
    const extractText = textExtractor(EXTRACTION_LIMITS);
    const relationship = (type: string, name: string): string =>
      `<Relationship Id="${name}" TargetMode="External" Target="${address}/${name}" ` +
      `Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/${type}"/>`;
    const picture =
      '<w:p><w:r><w:drawing><wp:inline><a:graphic><a:graphicData><pic:pic><pic:blipFill>' +
      '<a:blip r:link="picture"/></pic:blipFill></pic:pic></a:graphicData></a:graphic>' +
      '</wp:inline></w:drawing></w:r></w:p>';
    const files: Record<string, Buffer> = {
      'a.html': Buffer.from(
        `<!DOCTYPE html SYSTEM "${address}/dtd"><base href="${address}/"><link rel=stylesheet ` +
          `href="/css"><meta http-equiv=refresh content="0; url=/refresh"><p>Seen<img src="/png">` +
          `<script src="/js">fetch("${address}/fetch")</script><iframe src="/frame"></iframe>`,
      ),
      'a.docx': docxOf(paragraph('Seen') + picture, {
        relationships:
          relationship('image', 'picture') + relationship('attachedTemplate', 'template'),
      }),
      'entity.docx': docxOf(paragraph('&x;'), {
        prolog: `<!DOCTYPE w [<!ENTITY x SYSTEM "${address}/entity">]>`,
      }),
      'a.pdf': drawnPdf([drawLine('Seen')], {
        catalog:
          `/OpenAction << /S /URI /URI (${address}/uri) /Next << /S /JavaScript /JS ` +
          `(this.submitForm\\("${address}/js"\\)) >> >> /Names << /EmbeddedFiles << /Names ` +
          `[(a) << /Type /Filespec /FS /URL /F (${address}/file) >>] >> >>`,
      }),
      'stream.pdf': drawnPdf([drawLine('Seen')], {
        catalog: '/Metadata 4 0 R',
        extra: [`<< /Length 0 /F << /FS /URL /F (${address}/stream) >> >>\nstream\n\nendstream`],
      }),
    };
    const texts: Record<string, string> = {};
    for (const [filename, bytes] of Object.entries(files)) {
      const answer = extractText(bytes, { filename, log });
      texts[filename] = await answer.then(
        ({ text }) => text,
        (error: unknown) => (error as ExtractionError).code,
      );
    }
    expect(texts).toEqual({
      'a.html': 'Seen',
      'a.docx': 'Seen',
      'entity.docx': 'CORRUPT',
      'a.pdf': 'Seen',
      'stream.pdf': 'Seen',
    });
    expect(requests).toEqual([]);
  });
});

import { getResolvedPDFJS } from 'unpdf';
import type { PDFDocumentProxy, PDFPageProxy } from 'unpdf/pdfjs';
import type { ExtractionLimits } from '../config/extraction-limits.js';
import { ExtractionError } from './extraction-error.js';
import { tooManyCharacters } from './too-many-characters.js';
import { linesOf, type TextLine, type TextRun } from './pdf-lines.js';
import { outlineTitles } from './pdf-outline.js';
import { pdfPages } from './pdf-pages.js';

/** The text of each page of a PDF, in their order. */
export interface PdfText {
  readonly pages: readonly string[];
  readonly title: string | undefined;
}

type PdfLimits = Pick<ExtractionLimits, 'pages' | 'characters'>;

/** Throws an `ExtractionError`. Nothing is fetched, and no script of the file is run. */
export async function readPdf(bytes: Uint8Array, limits: PdfLimits): Promise<PdfText> {
  const document = await openPdf(bytes);
  try {
    if (document.numPages > limits.pages)
      throw new ExtractionError(
        'TOO_MANY_PAGES',
        `The PDF has ${document.numPages} pages; at most ${limits.pages} are accepted. Send it ` +
          'in parts.',
      );
    if (document.numPages === 0) throw damaged(new Error('It has no pages.'));
    const pages = await linesOfPages(document, limits.characters);
    if (pages.every(lines => lines.length === 0)) throw noTextLayer(pages.length);
    const titles = await outlineTitles(document).catch(() => []);
    const info = (await document.getMetadata().catch(() => undefined))?.info as
      { readonly Title?: unknown } | undefined;
    const title = typeof info?.Title === 'string' ? info.Title : undefined;
    return { pages: pdfPages(pages, titles), title };
  } catch (error) {
    throw error instanceof ExtractionError ? error : damaged(error);
  } finally {
    // Not awaited: it waits for pages that are not read to their end.
    void document.loadingTask.destroy().catch(() => undefined);
  }
}

async function openPdf(bytes: Uint8Array): Promise<PDFDocumentProxy> {
  const { getDocument } = await getResolvedPDFJS();
  try {
    return await getDocument({
      // It keeps them, and does not take those of a Buffer.
      data: new Uint8Array(bytes),
      verbosity: 0,
      disableFontFace: true,
      useSystemFonts: false,
      useWorkerFetch: false,
      useWasm: false,
      enableXfa: false,
      stopAtErrors: false,
      maxImageSize: 0,
    }).promise;
  } catch (error) {
    if ((error as Error).name === 'PasswordException')
      throw new ExtractionError(
        'ENCRYPTED',
        'The PDF is encrypted with a password. Remove the password and send it again.',
        { cause: error },
      );
    throw damaged(error);
  }
}

/** Pages that cannot be read are empty, as long as others can. */
async function linesOfPages(document: PDFDocumentProxy, limit: number): Promise<TextLine[][]> {
  const pages: TextLine[][] = [];
  let left = limit;
  let failure: unknown;
  for (let number = 1; number <= document.numPages; number += 1) {
    try {
      const page = await document.getPage(number);
      const runs = await runsOfPage(page, left);
      for (const run of runs) left -= run.str.length;
      pages.push(linesOf(runs));
      page.cleanup();
    } catch (error) {
      if (error instanceof ExtractionError) throw tooManyCharacters(limit);
      failure ??= error;
      pages.push([]);
    }
  }
  if (failure !== undefined && pages.every(lines => lines.length === 0)) throw damaged(failure);
  return pages;
}

/** As a stream, so that a page without end is left early. */
async function runsOfPage(page: PDFPageProxy, limit: number): Promise<TextRun[]> {
  const reader = page.streamTextContent({ disableNormalization: false }).getReader();
  const runs: TextRun[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return runs;
    for (const item of (value as { items: (TextRun | { type: string })[] }).items) {
      if (!('str' in item)) continue;
      length += item.str.length;
      // The stream ends with the document: if it is cancelled, pdf.js writes on into it.
      if (length > limit) throw tooManyCharacters(limit);
      runs.push(item);
    }
  }
}

function noTextLayer(pages: number): ExtractionError {
  const which =
    pages === 1
      ? 'Page 1 of the PDF has no text: it is a picture, such as a scan.'
      : `Pages 1 to ${pages} of the PDF have no text: they are pictures, such as scans.`;
  return new ExtractionError(
    'NO_TEXT_LAYER',
    `${which} Run text recognition (OCR) over the file and send the result.`,
  );
}

function damaged(cause: unknown): ExtractionError {
  return new ExtractionError(
    'CORRUPT',
    'The PDF is damaged: it cannot be read. Open it, save it again and send the new file.',
    { cause },
  );
}

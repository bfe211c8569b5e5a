import type { PDFDocumentProxy } from 'unpdf/pdfjs';

/** A title of the outline that viewers show beside a PDF. */
export interface OutlineTitle {
  readonly title: string;
  /** From 1 for a chapter. */
  readonly level: number;
  /** From 0. */
  readonly page: number;
}

/** A file can claim any number, and loops. */
const MOST_TITLES = 10_000;
const MOST_LEVELS = 6;

type Outline = Awaited<ReturnType<PDFDocumentProxy['getOutline']>>;

/** The titles of a PDF's outline that lead to a page of it, in their order. */
export async function outlineTitles(document: PDFDocumentProxy): Promise<OutlineTitle[]> {
  const titles: OutlineTitle[] = [];
  let looked = 0;
  const read = async (items: Outline, level: number): Promise<void> => {
    for (const item of items ?? []) {
      if ((looked += 1) > MOST_TITLES) return;
      const page = await pageOf(document, item.dest);
      if (page !== undefined) titles.push({ title: item.title, level, page });
      if (level < MOST_LEVELS) await read(item.items as Outline, level + 1);
    }
  };
  await read(await document.getOutline(), 1);
  return titles;
}

async function pageOf(
  document: PDFDocumentProxy,
  destination: string | unknown[] | null,
): Promise<number | undefined> {
  try {
    const place =
      typeof destination === 'string' ? await document.getDestination(destination) : destination;
    const page: unknown = place?.[0];
    if (typeof page === 'number') return page;
    return page ? await document.getPageIndex(page as { num: number; gen: number }) : undefined;
  } catch {
    return undefined;
  }
}

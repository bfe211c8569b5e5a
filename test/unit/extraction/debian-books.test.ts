import { beforeAll, describe, expect, it } from 'vitest';
import { readFile, type ExtractedText } from '../../../src/extraction/read-file.js';
import { debianBooks } from '../../support/debian-books.js';
import { EXTRACTION_LIMITS } from '../../support/extraction-limits.js';
import { wordRecall } from '../../support/word-recall.js';

const books = debianBooks() ?? [];
const LEAST_RECALL = 0.98;
/** The pages before the one with the number 1, which have Roman numbers. */
const FRONT_PAGES = 8;

// Without the packages there is nothing to compare: a warning says so.
describe.skipIf(books.length === 0)('A book of Debian', { timeout: 120_000 }, () => {
  const texts = new Map<string, ExtractedText>();
  beforeAll(async () => {
    for (const { name, pdf } of books)
      texts.set(name, await readFile(pdf, { filename: `${name}.pdf` }, EXTRACTION_LIMITS));
  }, 120_000);

  it.each(books)('has in its PDF the words of its text: $name', ({ name, txt }) => {
    expect(wordRecall(txt, texts.get(name)!.text)).toBeGreaterThanOrEqual(LEAST_RECALL);
  });

  it('has each heading on the page that its table of contents names', () => {
    const faq = texts.get('debian-faq')!;
    const contents = faq.text.matchAll(/^(\d+\.\d+) .*?(?: \.)+ (\d+)$/gm);
    const named = new Map(Array.from(contents, ([, number, page]) => [number!, Number(page)]));
    const headings = faq.text.matchAll(/^## (\d+\.\d+) /gm);
    const found = Array.from(headings, ({ index, 1: number }) => ({
      number: number!,
      page: pageOf(faq, index) - FRONT_PAGES,
    })).filter(({ number }) => named.has(number));
    expect(found.length).toBeGreaterThan(60);
    expect(found).toEqual(found.map(({ number }) => ({ number, page: named.get(number) })));
  });

  it('begins each page where it says, counted in characters', () => {
    for (const { text, pageStarts, pagesWithoutText } of texts.values()) {
      const characters = [...text];
      for (const [index, start] of pageStarts.entries()) {
        const before = characters.slice(Math.max(0, start - 2), start).join('');
        if (index > 0 && !pagesWithoutText.includes(index + 1)) expect(before).toBe('\n\n');
        expect(characters[start]).toMatch(/\S/);
      }
    }
    expect(texts.get('debian-faq')!.pageStarts).toHaveLength(73);
    expect(texts.get('debian-policy')!.pageStarts).toHaveLength(193);
  });

  it('has its chapters as headings, and no word that is parted at the end of a line', () => {
    const { text } = texts.get('debian-faq')!;
    expect(text).toMatch(/^# Chapter 1 Definitions and overview$/m);
    expect(text).toContain('pointers to other documentation\n');
    expect(text.match(/.*\p{Ll}-\n\p{Ll}.*/u)).toBeNull();
  });
});

/** Counted from 1. `index` counts code units. */
function pageOf({ text, pageStarts }: ExtractedText, index: number): number {
  const characters = [...text.slice(0, index)].length;
  return pageStarts.findLastIndex(start => start <= characters) + 1;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readDebianPackages } from '../../bench/shared/debian-packages.js';

/** The same text twice. */
export interface DebianBook {
  readonly name: string;
  readonly pdf: Buffer;
  readonly txt: string;
}

const BOOKS = [
  { name: 'debian-faq', files: 'usr/share/doc/debian/FAQ/debian-faq.en' },
  { name: 'debian-policy', files: 'usr/share/doc/debian-policy/policy' },
];

/**
 * Debian's books, from the folder that WEAVER_DEBIAN_BOOKS names, else downloaded; undefined where
 * they cannot be.
 */
export function debianBooks(): DebianBook[] | undefined {
  const folder = process.env.WEAVER_DEBIAN_BOOKS;
  if (folder) return readBooks(folder);
  try {
    return readDebianPackages(
      BOOKS.map(({ name }) => name),
      readBooks,
    );
  } catch {
    console.warn(
      '\n*** No PDF is compared with the text of the same book: apt-get cannot download ' +
        'debian-faq and debian-policy. Set WEAVER_DEBIAN_BOOKS to a folder with both unpacked.' +
        ' ***\n',
    );
    return undefined;
  }
}

function readBooks(folder: string): DebianBook[] {
  const read = (file: string): Buffer => gunzipSync(readFileSync(join(folder, file)));
  return BOOKS.map(({ name, files }) => ({
    name,
    pdf: read(`${files}.pdf.gz`),
    txt: read(`${files}.txt.gz`).toString(),
  }));
}

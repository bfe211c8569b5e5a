import { zipSync } from 'fflate';
import mammoth from 'mammoth';
import { ExtractionError } from './extraction-error.js';
import { htmlToMarkdown } from './html-to-markdown.js';
import { textParts, type ZipLimits } from './office-zip.js';

const STYLES = ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => p:fresh"];

/** Looks and histories of characters, of which no text is made: half of most documents. */
const PROPERTIES = /<w:rPr>(?:(?!<\/?w:rPr\b)[^])*<\/w:rPr>/g;
/** Part of the properties of a paragraph's end, where its break was deleted. */
const DELETED = /<w:del\b/;
const MARKS = / w:rsid\w*="[^"]*"|<w:(?:proofErr|lastRenderedPageBreak)\b[^>]*\/>/g;
const MAIN_PARTS = /^word\/[^/]*\.xml$/;

/**
 * The text of a Word document. Pictures are not read, and nothing that it refers to is fetched.
 * Throws an `ExtractionError`.
 */
export async function readDocx(
  bytes: Uint8Array,
  limits: ZipLimits & { readonly characters: number },
): Promise<string> {
  const html = await convert(repack(await textParts(bytes, limits)));
  return htmlToMarkdown(html, limits.characters).text;
}

/**
 * Without compression, and by names that are there once. So whatever reads it next can inflate
 * nothing, and sees the parts that were checked. The parts are shorter: a tree is made of them,
 * which takes fifty times their length.
 */
function repack(parts: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const entries = Array.from(parts, ([name, part]) => [
    name,
    MAIN_PARTS.test(name) ? withoutLooks(part) : part,
  ]);
  return zipSync(Object.fromEntries(entries) as Record<string, Uint8Array>, { level: 0 });
}

function withoutLooks(part: Uint8Array): Uint8Array {
  const isUtf8 = part[0] !== 0xff && part[0] !== 0xfe;
  if (!isUtf8) return part;
  const xml = new TextDecoder()
    .decode(part)
    .replace(MARKS, '')
    .replace(PROPERTIES, properties => (DELETED.test(properties) ? properties : ''));
  return new TextEncoder().encode(xml);
}

async function convert(packed: Uint8Array): Promise<string> {
  try {
    const { value } = await mammoth.convertToHtml(
      { buffer: Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength) },
      {
        styleMap: STYLES,
        externalFileAccess: false,
        convertImage: mammoth.images.imgElement(() => Promise.resolve({ src: '' })),
      },
    );
    // Leads from a footnote back to the text.
    return value.replaceAll('↑</a>', '</a>');
  } catch (cause) {
    throw new ExtractionError(
      'CORRUPT',
      'The Word document is damaged: its text cannot be read. Open it, save it again and send ' +
        'the new file.',
      { cause },
    );
  }
}

import mammoth from 'mammoth';
import { ExtractionError } from './extraction-error.js';
import { htmlToMarkdown } from './html-to-markdown.js';
import { repackText, type ZipLimits } from './office-zip.js';

const STYLES = ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => p:fresh"];

/**
 * The text of a Word document. Pictures are not read, and nothing that it refers to is fetched.
 * Throws an `ExtractionError`.
 */
export async function readDocx(
  bytes: Uint8Array,
  limits: ZipLimits & { readonly characters: number },
): Promise<string> {
  const packed = await repackText(bytes, limits);
  const html = await convert(packed);
  return htmlToMarkdown(html, limits.characters).text;
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

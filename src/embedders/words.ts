/**
 * Scripts that put no spaces between words: each of their characters counts as a word, and pairs of
 * them make up for the rest.
 */
const UNSPACED = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
  .map(script => `\\p{Script=${script}}`)
  .join('');
const WORD = new RegExp(`[${UNSPACED}]|(?:(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}])+`, 'gu');
const ASCII_WORD = /[a-z0-9]+/g;
const NOT_ASCII = /[\u0080-\uffff]/;
const DIACRITICS = /[\u0300-\u036f]/g;

/**
 * English words that say little about a text's subject, as the words of a text come out of
 * `wordsOf`: without apostrophes.
 */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about after all also am an and any are as at be been before being both but by can could d
   did do does doing don for from had has have having he her here hers him his how i if in into
   is it its just ll m may me might more most my no nor not of off on once only or other our out
   over own re s same shall she should so some such t than that the their them then there these
   they this those through to too under until up us ve very was we were what when where which
   while who whom why will with would you your`.split(/\s+/),
);

/**
 * The words of a text in their order: lower case, in Unicode's NFKC form, without the diacritics of
 * European scripts (`Café` gives `cafe`). Uses no locale and no dictionary (`Intl.Segmenter` would
 * split otherwise after an update of ICU), so a text has the same words everywhere.
 */
export function wordsOf(text: string): string[] {
  const lower = text.toLowerCase();
  if (!NOT_ASCII.test(lower)) return lower.match(ASCII_WORD) ?? [];
  return lower.normalize('NFKD').replace(DIACRITICS, '').normalize('NFKC').match(WORD) ?? [];
}

/**
 * The word without its commonest English endings, so that `refund`, `refunds`, `refunded` and
 * `refunding` are one word. In the spirit of Harman's S-stemmer ("How effective is suffixing?",
 * 1991), with `-ed` and `-ing`; the stem need not be a word: `policies` gives `polici`.
 */
export function stemOf(word: string): string {
  if (!/^[a-z]{3,}$/.test(word)) return word;
  return word
    .replace(/ie[sd]$/, 'y')
    .replace(/(?<=[^aeious])es$|(?<=..[^us])s$/, '')
    .replace(/(?<=[aeiouy].*)(?:(?<!e)ed|ing)$/, '')
    .replace(/(?<=..)e$/, '')
    .replace(/([^aeiou])\1$/, '$1')
    .replace(/(?<=.)y$/, 'i');
}

import { readWords } from '../base/read-words.js';

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

export interface TextWords {
  /** Words and the parts of joined ones, in their order. */
  readonly words: readonly string[];
  /** What is joined of several, such as `fastify.addhook`. */
  readonly joined: readonly string[];
}

/**
 * The words of a text, as searches by words read them: folded and without accents (`Café` gives
 * `cafe`); each character of a script without spaces is one. Uses no locale and no dictionary
 * (`Intl.Segmenter` would split otherwise after an update of ICU), so a text has the same words
 * everywhere.
 */
export function wordsOf(text: string): TextWords {
  const words: string[] = [];
  const joined: string[] = [];
  for (const { size, isPair, plain } of readWords(text)) {
    if (plain === '' || isPair) continue;
    if (size === 1) words.push(plain);
    else joined.push(plain);
  }
  return { words, joined };
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

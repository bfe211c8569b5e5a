// oxlint-disable max-lines -- tables and signs belong with what reads by them
// oxlint-disable no-control-regex -- signs that are set within words are control characters
/**
 * What the words of a text are: the same as `weaver_read_words` in the database gives
 * (`migrations/Migration20261201200000_words.ts`), apart from stems, and where they stand. A test
 * compares the two; whoever changes one changes the other.
 */

/** Neither letters, marks nor digits. */
const SEPARATORS =
  '80-bf d7 f7 2c2-2c5 2d2-2eb 2ed 2ef-2ff 375 3f6 482 55a-55f 589-58f 5be 5c0 5c3 5c6 5f3-60f ' +
  '61b-61f 66a-66d 6d4 6dd-6de 6e9 6fd-6fe 700-70f 7f6-7f9 7fe-7ff 830-83e 85e 888 890-891 8e2 ' +
  '964-965 970 9f2-9f3 9fa-9fb 9fd a76 af0-af1 b70 bf3-bfa c77 c7f c84 d4f d79 df4 e3f e4f ' +
  'e5a-e5b f01-f17 f1a-f1f f34 f36 f38 f3a-f3d f85 fbe-fc5 fc7-fda 104a-104f 109e-109f 10fb ' +
  '1360-1368 1390-1399 1400 166d-166e 1680 169b-169c 16eb-16ed 1735-1736 17d4-17d6 17d8-17db ' +
  '1800-180a 1940-1945 19de-19ff 1a1e-1a1f 1aa0-1aa6 1aa8-1aad 1b4e-1b4f 1b5a-1b6a 1b74-1b7f ' +
  '1bfc-1bff 1c3b-1c3f 1c7e-1c7f 1cc0-1cc7 1cd3 2010-20c1 2104-212e 213a-214d 214f 218a-2319 ' +
  '231c-23e8 23f4-23f7 23fb-244a 2500-25ff 27c0-2b1a 2b1d-2b4f 2b51-2b54 2b56-2bff 2ce5-2cea ' +
  '2cf9-2cfc 2cfe-2cff 2d70 2e00-2e2e 2e30-3004 3008-3020 3030 3037 303d-303f 30a0 30fb ' +
  '3190-3191 31c0-31ef 327f 4dc0-4dff a490-a4c6 a4fe-a4ff a60d-a60f a673 a67e a6f2-a716 ' +
  'a720-a721 a789-a78a a828-a82b a836-a839 a874-a877 a8ce-a8cf a8f8-a8fa a8fc a92e-a92f a95f ' +
  'a9c1-a9cd a9de-a9df aa5c-aa5f aa77-aa79 aade-aadf aaf0-aaf1 ab5b ab6a-ab6b abeb e000-f8ff ' +
  'fbb2-fdff fe45-fe46 fff9-fffd 10100-10102 10137-1013f 10179-10189 1018c-101fc 1039f 103d0 ' +
  '1056f 10857 10877-10878 1091f 1093f 10a50-10a58 10a7f 10ac8 10af0-10af6 10b39-10b3f ' +
  '10b99-10b9c 11047-1104d 110bb-110c1 11140-11143 111c5-111c8 12470-12474 1d000-1d241 ' +
  '1d300-1d356 1d800-1d9ff 1fb00-1fbfa';
/** Pictures, of which each is a word. */
const PICTURES = '231a-231b 23e9-23f3 23f8-23fa 2600-27bf 2b1b-2b1c 2b50 2b55 1f000-1faff';
/** Scripts without spaces: Han, Hiragana, Katakana, Thai, Lao, Khmer and Burmese. */
const UNSPACED =
  '3005-3007 3021-3029 3038-303b 3041-3096 309d-309f 30a1-30fa 30fc-30ff 31f0-31ff 3400-4dbf ' +
  '4e00-9fff f900-faff 20000-3ffff e01-e3a e40-e4e e80-ecf edc-eff 1780-17d3 17dc-17dd ' +
  '1000-103f 1050-109d a9e0-a9ef aa60-aa76 aa7a-aa7f';
/** Characters that show nothing, the Arabic tatweel, and the signs about a tone of skin. */
const INVISIBLE =
  'ad 34f 61c 640 115f-1160 17b4-17b5 180b-180f 200b-200f 202a-202e 2060-206f 3164 fe00-fe0f ' +
  'feff ffa0 fff0-fff8 1bca0-1bca3 1d173-1d17a 1f3fb-1f3ff e0000-e0fff';
/** Marks above, below or in a letter, of European scripts, Arabic and Hebrew. */
const MARKS =
  '300-36f 483-487 591-5bd 5bf 5c1-5c2 5c4-5c5 5c7 610-61a 64b-65f 670 6d6-6dc 6df-6e4 6e7-6e8 ' +
  '6ea-6ed 1ab0-1aff 1dc0-1dff 20d0-20ff fe20-fe2f';
/** Letters beyond ASCII that stand beside digits and at ends of lines. */
const LETTERS = 'c0-d6 d8-f6 f8-24f 370-5ff 620-64a 671-6d3 900-dff 10a0-10ff 1e00-1fff ac00-d7a3';

/** As it stands in a character class. */
function characterClass(ranges: string): string {
  return ranges
    .split(' ')
    .map(range =>
      range
        .split('-')
        .map(code => `\\u{${code}}`)
        .join('-'),
    )
    .join('');
}

const LETTER = `A-Za-z${characterClass(LETTERS)}`;
const CODES = {
  border: '\u0001',
  lineHyphen: '\u0002',
  plus: '\u0003',
  sharp: '\u0004',
  dot: '\u0005',
  and: '\u0006',
  neighbor: '\u0007',
};
const IN_WORD = './@:#_\\-\u0002\u0001\u0006';
const ANY_JOINER = './@:#_\\-\u0002\u0001';
/** What joins the parts of a word, the loosest first. */
const LEVELS = [/[/@:#]/u, /[/@:#.]/u, /[/@:#._\-\u0002]/u];
const JOINS = [/[/@:#]/u, /[.]/u, /[_\-\u0002]/u];

const unicode = (source: string): RegExp => new RegExp(source, 'gu');
const INVISIBLE_CHARACTERS = unicode(`[${characterClass(INVISIBLE)}]`);
const SEPARATOR_CHARACTERS = unicode(`[${characterClass(SEPARATORS)}]+`);
const ASCII_SEPARATORS = /[\u0008-\u001f !"$%()*,;<=>?[\]^`{|}~'\u007f]+/gu;
const BESIDE_PICTURE = unicode(
  `(?=[${characterClass(PICTURES)}])|(?<=[${characterClass(PICTURES)}])`,
);
const BESIDE_UNSPACED = unicode(
  `(?<![${characterClass(UNSPACED)}])(?=[${characterClass(UNSPACED)}])|` +
    `(?<=[${characterClass(UNSPACED)}])(?![${characterClass(UNSPACED)}])`,
);
const BETWEEN_UNSPACED = unicode(
  `(?<=[${characterClass(UNSPACED)}])(?=[${characterClass(UNSPACED)}])`,
);
const MARK_CHARACTERS = unicode(`[${characterClass(MARKS)}]+`);
const HYPHEN_AT_LINE_END = unicode(
  `(?<=[${LETTER}])-[ \\t]*\\r?\\n[ \\t]*(?=[a-z${characterClass(LETTERS)}])`,
);
const CASE_BORDER = /(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z][a-z])/gu;
const WITH_DIGITS = unicode(
  `(?<![0-9${LETTER}])` +
    `(?:[0-9]+[${LETTER}]+[0-9]*|[${LETTER}]+[0-9]+[${LETTER}]*)(?![0-9${LETTER}])`,
);
const DIGIT_BORDER = unicode(`(?<=[0-9])(?=[${LETTER}])|(?<=[${LETTER}])(?=[0-9])`);
const BETWEEN_WORDS = unicode(`[${ANY_JOINER}]* +[${ANY_JOINER} ]*`);
const JOINER = unicode(`[${IN_WORD}]`);
/** What Unicode normalises together. */
const CLUSTER = /\P{M}[\p{M}\u1160-\u11ff\uff9e\uff9f]*|\p{M}+/gu;

/** A text while it is read, and where each of its code units comes from; the end is the last. */
class Reading {
  constructor(
    public text: string,
    private origin: readonly number[] | undefined,
  ) {}

  static of(text: string, withPlaces: boolean): Reading {
    return new Reading(
      text,
      withPlaces ? Array.from({ length: text.length + 1 }, (_, index) => index) : undefined,
    );
  }

  originOf(index: number): number {
    return this.origin?.[index] ?? 0;
  }

  /** Puts other text in the place of what matches; what is longer comes from where it began. */
  replace(pattern: RegExp, replacement: string | ((found: string) => string)): void {
    const change = typeof replacement === 'string' ? () => replacement : replacement;
    const { origin } = this;
    if (!origin) {
      this.text = this.text.replace(pattern, found => change(found));
      return;
    }
    const next: number[] = [];
    let end = 0;
    const text = this.text.replace(pattern, (found, ...rest) => {
      const start = rest.find(value => typeof value === 'number') as number;
      const changed = change(found);
      for (let i = end; i < start; i++) next.push(origin[i]!);
      for (let i = 0; i < changed.length; i++)
        next.push(origin[start + Math.min(i, Math.max(found.length - 1, 0))]!);
      end = start + found.length;
      return changed;
    });
    for (let i = end; i < origin.length; i++) next.push(origin[i]!);
    this.text = text;
    this.origin = next;
  }

  /** Puts a sign at each of the borders within what matches. */
  insert(pattern: RegExp, border: RegExp, sign: string): void {
    const borders = Array.from(this.text.matchAll(pattern), found =>
      Array.from(found[0].matchAll(border), ({ index }) => found.index + index),
    ).flat();
    if (borders.length === 0) return;
    const starts = [0, ...borders];
    const { text, origin } = this;
    this.text = starts.map((start, index) => text.slice(start, borders[index])).join(sign);
    this.origin =
      origin &&
      starts.flatMap((start, index) => [
        ...(index > 0 ? [origin[start]!] : []),
        ...origin.slice(start, borders[index]),
      ]);
  }

  /** As `replace` with the whole text; letter by letter where places are wanted. */
  rewrite(change: (text: string) => string): void {
    if (this.origin) this.replace(CLUSTER, change);
    else this.text = change(this.text);
  }
}

/** One form of all spellings of a text that differ in case or normal form only: `weaver_fold`. */
function foldText(text: string): string {
  const once = (given: string): string =>
    Array.from(given, letter =>
      Array.from(letter.toUpperCase(), capital => capital.toLowerCase()).join(''),
    )
      .join('')
      .normalize('NFKD');
  // Twice, since the capital sharp s becomes two letters by way of the small one.
  return once(once(text.replaceAll('\u0130', 'i').normalize('NFKD')))
    .replaceAll('i\u0307', 'i')
    .replaceAll('\ufeff', '')
    .normalize('NFC');
}

const IS_ASCII = /^[\u0000-\u007f]*$/;

/** Words between single spaces. */
function prepare(reading: Reading): void {
  const isAscii = IS_ASCII.test(reading.text);
  reading.replace(/[\u0001-\u0007]/gu, ' ');
  if (!isAscii) {
    reading.replace(/\u00ad[ \t]*\r?\n/gu, '-\n');
    reading.replace(INVISIBLE_CHARACTERS, '');
    reading.rewrite(text => text.normalize('NFKC'));
    reading.replace(/[\u2010\u2011]/gu, '-');
  }
  reading.replace(HYPHEN_AT_LINE_END, CODES.lineHyphen);
  reading.replace(CASE_BORDER, CODES.border);
  reading.insert(WITH_DIGITS, DIGIT_BORDER, CODES.border);
  if (isAscii) reading.text = reading.text.toLowerCase();
  else reading.rewrite(foldText);
  reading.replace(ASCII_SEPARATORS, ' ');
  reading.replace(/\\/gu, '/');
  if (!isAscii) {
    reading.replace(SEPARATOR_CHARACTERS, ' ');
    reading.replace(BESIDE_PICTURE, ' ');
    reading.replace(BESIDE_UNSPACED, ' ');
  }
  reading.replace(/^/gu, ' ');
  reading.replace(/$/gu, ' ');
  if (/[+&]|[a-z]#| \.net /u.test(reading.text)) {
    reading.replace(/(?<=[a-z])\+\+(?!\+)/gu, CODES.plus + CODES.plus);
    reading.replace(/(?<=\u0003)(?=[a-z0-9])/gu, CODES.border);
    reading.replace(/(?<=[^a-z0-9][a-z])#(?![a-z0-9])/gu, CODES.sharp);
    reading.replace(/(?<=[^a-z0-9][a-z]{1,3})&(?=[a-z]{1,3}(?![a-z0-9&=]))/gu, CODES.and);
    reading.replace(/ \.net(?= )/gu, found => found.replace('.', CODES.dot));
    reading.replace(/[+&]/gu, ' ');
  }
  if (/[-./@:#_]{2}/u.test(reading.text)) {
    reading.replace(/:(?:\/\/?|:)/gu, ':');
    reading.replace(/__/gu, '_');
    reading.replace(/[-./@:#_]{2,}/gu, ' ');
  }
  reading.replace(BETWEEN_WORDS, ' ');
}

/** Each part but the last of a word ends in what joins it to the next. */
const TRAILING = new RegExp(`[${IN_WORD}\u0007]$`, 'u');
/** Of a longer word the beginning is found. */
const MAX_LENGTH = 200;

/** A word, a part of one, or a joined word that begins at a place. */
export interface WordPart {
  /** Counts words; parts of one have its number. */
  readonly word: number;
  /** Counts words and the parts of words. */
  readonly place: number;
  readonly isWhole: boolean;
  /** As it is written, folded, and without accents where it has any. */
  readonly lexemes: readonly string[];
  /** The form without accents. */
  readonly plain: string;
  /** Whether it is a pair of characters of a script without spaces. */
  readonly isPair: boolean;
  /** How many places it takes. */
  readonly size: number;
  /** Where it stands in the text, in UTF-16 code units; 0 where that was not asked for. */
  readonly start: number;
  readonly end: number;
}

interface Atom {
  readonly raw: string;
  readonly plain: string;
  readonly start: number;
  readonly end: number;
}

const withoutMarks = (text: string): string =>
  text
    .normalize('NFD')
    .replaceAll('\u0438\u0306', '\u0439')
    .replace(MARK_CHARACTERS, '')
    .normalize('NFC')
    .replaceAll('æ', 'ae')
    .replaceAll('œ', 'oe')
    .replace(/[đðħłøŧ]/gu, letter => 'ddhlot'['đðħłøŧ'.indexOf(letter)]!)
    .replaceAll(CODES.dot, '');

const SIGNS: Record<string, string> = {
  [CODES.plus]: '+',
  [CODES.sharp]: '#',
  [CODES.dot]: '.',
  [CODES.and]: '&',
};
function named(joined: string): string {
  const text = joined
    .replace(/[\u0001\u0002\u0007]/gu, '')
    .replace(/[\u0003-\u0006]/gu, sign => SIGNS[sign]!);
  return text.length <= MAX_LENGTH ? text : Array.from(text).slice(0, MAX_LENGTH).join('');
}

function lexemesOf(piece: string, plain: string): string[] {
  const pairs: string[] = [];
  if (/[\uac00-\ud7a3]{2}/u.test(piece)) {
    const letters = Array.from(piece);
    for (let i = 1; i < letters.length; i++) pairs.push(`${letters[i - 1]}${letters[i]}`);
  }
  return [...new Set([piece, plain, ...pairs])].filter(lexeme => lexeme !== '');
}

/** All words of a text with their parts, in their order; `withPlaces` says where each stands. */
export function readWords(text: string, withPlaces = false): WordPart[] {
  const reading = Reading.of(text, withPlaces);
  prepare(reading);
  reading.replace(JOINER, joiner => `${joiner} `);
  reading.replace(BETWEEN_UNSPACED, `${CODES.neighbor} `);
  const isAscii = IS_ASCII.test(reading.text);
  const atoms: Atom[] = [];
  for (const found of reading.text.matchAll(/[^ ]+/gu)) {
    const raw = found[0];
    const length = raw.replace(TRAILING, '').length;
    atoms.push({
      raw,
      plain: isAscii ? raw.replaceAll(CODES.dot, '') : withoutMarks(raw),
      start: reading.originOf(found.index),
      end: reading.originOf(found.index + length),
    });
  }
  return partsOf(atoms);
}

function partsOf(atoms: readonly Atom[]): WordPart[] {
  const parts: WordPart[] = [];
  let word = 1;
  let first = 0;
  const add = (from: number, to: number, isWhole: boolean, isPair = false): void => {
    const joined = atoms.slice(from, to);
    const end = TRAILING.test(atoms[to - 1]!.raw) ? -1 : undefined;
    const piece = named(
      joined
        .map(({ raw }) => raw)
        .join('')
        .slice(0, end),
    );
    const plain = named(
      joined
        .map(({ plain: bare }) => bare)
        .join('')
        .slice(0, end),
    );
    parts.push({
      word,
      place: from + 1,
      isWhole,
      lexemes: lexemesOf(piece, plain),
      plain,
      isPair,
      size: to - from,
      start: atoms[from]!.start,
      end: atoms[to - 1]!.end,
    });
  };
  for (let i = 0; i < atoms.length; i++) {
    const isNeighbor = atoms[i]!.raw.endsWith(CODES.neighbor);
    const isPair = i > 0 && atoms[i - 1]!.raw.endsWith(CODES.neighbor);
    const isJoined = /[./@:#_\-\u0001\u0002\u0006]$/u.test(atoms[i]!.raw);
    add(i, i + 1, i === first && !isJoined && !isNeighbor && !isPair);
    if (isNeighbor) add(i, i + 2, true, true);
    if (isJoined) continue;
    if (i > first) addJoined(first, i + 1);
    word += 1;
    first = i + 1;
  }
  return parts;

  function addJoined(from: number, to: number): void {
    const joiners = atoms.slice(from, to - 1).map(({ raw }) => raw.at(-1)!);
    add(from, to, true);
    for (const [level, splits] of LEVELS.entries()) {
      if (!joiners.some(joiner => JOINS[level]!.test(joiner))) continue;
      let start = from;
      for (let i = from; i < to; i++) {
        if (i < to - 1 && !splits.test(joiners[i - from]!)) continue;
        if (i > start) add(start, i + 1, false);
        start = i + 1;
      }
    }
  }
}

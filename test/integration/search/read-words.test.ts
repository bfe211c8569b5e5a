// cspell:disable -- words of many languages
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readWords } from '../../../src/base/read-words.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

interface Row {
  text: number;
  word: number;
  place: number;
  is_whole: boolean;
  lexeme: string;
}

const rowText = (row: Omit<Row, 'text'>): string =>
  `${row.word} ${row.place} ${row.is_whole ? 'whole' : 'part'} ${row.lexeme}`;

/** What the database reads of each text, without stems. */
async function readByDatabase(texts: readonly string[]): Promise<string[][]> {
  const rows = await gateway.db.asSuperuser<Row>(
    `select distinct t.number::int - 1 as text, r.word, r.place, r.is_whole, l.lexeme
       from jsonb_array_elements_text(?::jsonb) with ordinality t(text, number),
            weaver_read_words(t.text, 'xx') r, unnest(r.lexemes) l(lexeme)
      where l.lexeme is not null`,
    [JSON.stringify(texts)],
  );
  const byText = Map.groupBy(rows, row => row.text);
  return texts.map((_, index) => [...new Set((byText.get(index) ?? []).map(rowText))].toSorted());
}

function readHere(text: string, withPlaces: boolean): string[] {
  return [
    ...new Set(
      readWords(text, withPlaces).flatMap(({ word, place, isWhole, lexemes }) =>
        lexemes.map(lexeme => rowText({ word, place, is_whole: isWhole, lexeme })),
      ),
    ),
  ].toSorted();
}

/** Characters that the oldest server does not know the normal form of. */
const SINCE_UNICODE_14 = new RegExp(
  String.raw`[\p{Cn}\u{10940}-\u{1095f}\u{105c0}-\u{105ff}\u{11380}-\u{113ff}\u{16100}-\u{1613f}` +
    String.raw`\u{16d40}-\u{16d7f}\u{1e030}-\u{1e08f}\u{1ccd6}-\u{1ccf9}\ua7f1-\ua7f4]`,
  'gu',
);

const PIECES = [
  ...'abcXYZ 0129 ./\\_-@:#+&\'"<>()~$=,;!?\n\r\t\u0001\u0006\u007f',
  ...'éÄßøłŁđæŒıİςΣάЁйЖ',
  ...'你好世界々ーアがカพระไทยລາວខ្មែរမြန်မာ',
  ...'한국어환불은',
  ...'שָׁלוֹםمَرَّاكُشـ',
  ...'\u00ad\u200b\u200d\ufeff\u2060\u0301\u2010\u2011\u2019\u3000•€→🚀👍🏽✅☎\ufe0f',
  ...'ﬃｱﾞ①Ⅳ½',
  'C++',
  'C#',
  ' .NET',
  'AT&T',
  '://',
  'addHook',
  'HTTPServer',
  '-\n',
  '\u00ad\n',
  ' 2x4 ',
  'DS-7604NI',
];

const texts = fc.oneof(
  fc.string({ unit: fc.constantFrom(...PIECES), maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
);

describe('the reading of words beside the database', () => {
  test('is that of the database', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(texts, { minLength: 50, maxLength: 100 }), async batch => {
        // What PostgreSQL cannot store.
        const stored = batch.map(text =>
          text.replaceAll('\u0000', '').replaceAll(SINCE_UNICODE_14, '').toWellFormed(),
        );
        const byDatabase = await readByDatabase(stored);
        for (const [index, text] of stored.entries()) {
          expect(readHere(text, false), JSON.stringify(text)).toEqual(byDatabase[index]);
          expect(readHere(text, true), JSON.stringify(text)).toEqual(byDatabase[index]);
        }
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });

  test('says where each word stands', () => {
    const text = 'The o\ufb03ce of Wert\u00adpapier at fastify.addHook: 退款政策';
    const found = readWords(text, true)
      .filter(({ isWhole }) => isWhole)
      .map(({ start, end }) => text.slice(start, end));
    expect(found).toEqual([
      'The',
      'o\ufb03ce',
      'of',
      'Wert\u00adpapier',
      'at',
      'fastify.addHook',
      '退款',
      '款政',
      '政策',
    ]);
  });
});

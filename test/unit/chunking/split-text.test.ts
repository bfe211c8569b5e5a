import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitText } from '../../../src/chunking/split-text.js';

const sentence = (word: string, letters: number) =>
  `${`${word} `.repeat(letters / (word.length + 1)).trim()}.`;

/** Texts made of what the splitter looks for and of what could trip it, in any order. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '\n',
          '\n\n',
          '\r\n\r\n',
          ' ',
          '   ',
          '\t',
          '. ',
          '!” ',
          '…',
          '。',
          '\n# ',
          '\n## ',
          '\n- ',
          '\n| ',
          '\n12. ',
          '.',
          '#',
          '😀',
          '👩‍👩‍👧',
          '\ud83d',
          '\ude00',
          '\u3000',
        ),
        fc.stringMatching(/^[a-zé]{1,12}$/),
        fc.stringMatching(/^[a-z]{1,3}$/).map(word => `${word} `),
      ),
      { maxLength: 200 },
    )
    .map(parts => parts.join('')),
);
const anyOptions = fc.integer({ min: 4, max: 120 }).chain(size =>
  fc.record({
    size: fc.constant(size),
    overlap: fc.integer({ min: 0, max: Math.floor(size / 2) }),
  }),
);

const holds = (property: (text: string, options: { size: number; overlap: number }) => void) =>
  fc.assert(fc.property(anyText, anyOptions, property), { numRuns: 2000 });

describe('splitText, whatever the text', () => {
  test('gives pieces that are the original between their offsets', () => {
    holds((text, options) => {
      for (const piece of splitText(text, options))
        expect(text.slice(piece.start, piece.end)).toBe(piece.text);
    });
  });

  test('gives no piece that is empty, longer than the size, or edged with white space', () => {
    holds((text, options) => {
      for (const piece of splitText(text, options)) {
        expect(piece.text.length).toBeGreaterThan(0);
        expect(piece.text.length).toBeLessThanOrEqual(options.size);
        expect(piece.text).toBe(piece.text.trim());
      }
    });
  });

  test('leaves only white space outside its pieces', () => {
    holds((text, options) => {
      let covered = 0;
      let outside = '';
      for (const piece of splitText(text, options)) {
        outside += text.slice(covered, Math.max(covered, piece.start));
        covered = piece.end;
      }
      expect((outside + text.slice(covered)).trim()).toBe('');
    });
  });

  test('moves on with every start and end, and reaches back no further than the overlap', () => {
    holds((text, options) => {
      const pieces = splitText(text, options);
      for (const [i, piece] of pieces.entries()) {
        const before = pieces[i - 1];
        if (!before) continue;
        expect(piece.start).toBeGreaterThan(before.start);
        expect(piece.end).toBeGreaterThan(before.end);
        expect(before.end - piece.start).toBeLessThanOrEqual(options.overlap);
      }
    });
  });

  test('cuts no surrogate pair', () => {
    const isPair = (text: string, place: number) =>
      /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(Math.max(0, place - 1), place + 1));
    holds((text, options) => {
      for (const piece of splitText(text, options)) {
        expect(isPair(text, piece.start)).toBe(false);
        expect(isPair(text, piece.end)).toBe(false);
      }
    });
  });

  test('gives one piece when the text fits, and the same pieces every time', () => {
    holds((text, options) => {
      const visible = text.trim();
      const fitting = { size: Math.max(4, visible.length), overlap: 0 };
      expect(splitText(text, fitting).map(piece => piece.text)).toEqual(
        visible === '' ? [] : [visible],
      );
      expect(splitText(text, options)).toEqual(splitText(text, options));
    });
  });
});

describe('splitText', () => {
  test('gives nothing for a text without visible characters', () => {
    expect(splitText('')).toEqual([]);
    expect(splitText(' \n\t\u00a0\u3000\ufeff ')).toEqual([]);
  });

  test('keeps the offsets true when it trims', () => {
    expect(splitText('\n\n  Hello there. \n')).toEqual([
      { text: 'Hello there.', start: 4, end: 16 },
    ]);
  });

  test('cuts before a heading rather than after a paragraph', () => {
    const first = `# Returns\n\n${sentence('return', 400)}`;
    const paragraphs = [sentence('refund', 200), sentence('money', 200), sentence('back', 300)];
    const second = `## Refunds\n\n${paragraphs.join('\n\n')}`;
    const pieces = splitText(`${first}\n\n${second}`);
    expect(pieces.map(piece => piece.text)).toEqual([first, second]);
  });

  test('does not stop at a heading or a paragraph when that would leave a crumb', () => {
    const crumbs = [
      '# Returns',
      sentence('return', 100),
      '## Refunds',
      sentence('refund', 100),
    ].join('\n\n');
    const [first] = splitText(`${crumbs}\n\n${`${sentence('money', 100)} `.repeat(12)}`);
    expect(first!.text.length).toBeGreaterThan(800);
    expect(first!.text).toMatch(/\.$/);
  });

  test('cuts after a paragraph rather than after a sentence', () => {
    const paragraph = `${sentence('one', 300)} ${sentence('two', 300)}`;
    const [first] = splitText(`${paragraph}\n\n${sentence('three', 300)} ${sentence('four', 300)}`);
    expect(first!.text).toBe(paragraph);
  });

  test('cuts between list items rather than inside one', () => {
    const item = (word: string) =>
      `- ${sentence(word, 150)} ${sentence(word, 150)} and no full stop`;
    const pieces = splitText(['one', 'two', 'three', 'four', 'five'].map(item).join('\n'), {
      overlap: 0,
    });
    expect(pieces.map(piece => piece.text.match(/^- /gm)!.length)).toEqual([3, 2]);
    expect(pieces[1]!.text).toBe(`${item('four')}\n${item('five')}`);
  });

  test('cuts after a sentence, with its closing quotation mark, rather than inside one', () => {
    const pieces = splitText(`“${sentence('alpha', 600)}” ${sentence('beta', 600)}`, {
      overlap: 0,
    });
    expect(pieces.map(piece => piece.text)).toEqual([
      `“${sentence('alpha', 600)}”`,
      sentence('beta', 600),
    ]);
  });

  test('knows the full stop of Chinese and Japanese, which no space follows', () => {
    const pieces = splitText(`${'字'.repeat(70)}。${'文'.repeat(70)}。`, { size: 100, overlap: 0 });
    expect(pieces.map(piece => piece.text)).toEqual([
      `${'字'.repeat(70)}。`,
      `${'文'.repeat(70)}。`,
    ]);
  });

  test('cuts between words when no sentence ends', () => {
    const pieces = splitText('word '.repeat(50), { size: 52, overlap: 0 });
    for (const piece of pieces) expect(piece.text).toMatch(/^word( word)*$/);
  });

  test('cuts a word that is longer than a piece, and repeats its end', () => {
    expect(
      splitText('abcdefghij'.repeat(2), { size: 10, overlap: 2 }).map(piece => piece.text),
    ).toEqual(['abcdefghij', 'ijabcdefgh', 'ghij']);
  });

  test('repeats whole sentences of the piece before', () => {
    const text = Array.from(
      { length: 40 },
      (_, i) => `This is sentence ${String.fromCharCode(65 + (i % 26))}${i}.`,
    ).join(' ');
    const pieces = splitText(text, { size: 200, overlap: 50 });
    for (const piece of pieces) expect(piece.text).toMatch(/^This is sentence .*\.$/);
    for (const [i, piece] of pieces.slice(1).entries())
      expect(pieces[i]!.end - piece.start).toBeGreaterThanOrEqual(20);
  });

  test('repeats nothing before a heading, not even a whole small section', () => {
    const sections = [sentence('one', 500), sentence('two', 80), sentence('three', 500)].map(
      (text, i) => `# Section ${i + 1}\n\n${text}`,
    );
    const pieces = splitText(sections.join('\n\n'), { size: 700, overlap: 200 });
    expect(pieces.map(piece => piece.text)).toEqual([
      `${sections[0]}\n\n${sections[1]}`,
      sections[2],
    ]);
  });

  test.each([
    { size: 3 },
    { size: 10.5 },
    { size: Number.NaN },
    { size: 100, overlap: 51 },
    { overlap: -1 },
    { overlap: 1.5 },
  ])('refuses %j', options => {
    expect(() => splitText('text', options)).toThrow(RangeError);
  });

  test.each(['.', '\n', '#', '-', '\n#', '. ', '1', '😀', '\n         '])(
    'splits a megabyte of %j in a moment',
    part => {
      const text = `a${part.repeat(1_000_000 / part.length)}z`;
      const begin = performance.now();
      splitText(text);
      expect(performance.now() - begin).toBeLessThan(3000);
    },
  );
});

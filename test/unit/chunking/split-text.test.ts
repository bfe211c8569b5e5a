import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { characterSums } from '../../../src/chunking/character-sums.js';
import { splitText } from '../../../src/chunking/split-text.js';

/** How much a text counts: a code point 1, one of CJK 3. */
const sizeOf = (text: string): number => characterSums(text).at(-1)!;

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
          '\n| a | b |\n| --- | --- |\n',
          '\n```\n',
          '\n~~~~ sh\n',
          '\n===\n',
          '字字',
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
        expect(sizeOf(piece.text)).toBeLessThanOrEqual(options.size);
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
        const repeated = text.slice(piece.start, Math.max(piece.start, before.end));
        expect(sizeOf(repeated)).toBeLessThanOrEqual(options.overlap);
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
      const fitting = { size: Math.max(4, sizeOf(visible)), overlap: 0 };
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
      { text: 'Hello there.', start: 4, end: 16, headings: [] },
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
    const pieces = splitText(`${'字'.repeat(70)}。${'文'.repeat(70)}。`, { size: 300, overlap: 0 });
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

/** A part of a text in Markdown, and whether it is to stay whole. */
const markdownPart = fc.oneof(
  fc
    .array(fc.stringMatching(/^[a-z]{1,9}[.]?$/), { minLength: 1, maxLength: 30 })
    .map(words => ({ text: words.join(' '), isBlock: false })),
  fc
    .tuple(fc.constantFrom('#', '##', '####'), fc.stringMatching(/^[a-z]{1,9}$/))
    .map(([signs, title]) => ({ text: `${signs} ${title}`, isBlock: false })),
  fc
    .array(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1, maxLength: 12 })
    .map(items => ({ text: items.map(item => `- ${item}`).join('\n'), isBlock: false })),
  fc
    .tuple(
      fc.constantFrom('```', '~~~', '````'),
      fc.array(
        fc.oneof(
          fc.constantFrom('', '# comment', '})', '  }', '- a', '| a | b |', '--', '``'),
          fc.stringMatching(/^[ ]{0,4}[a-z();]{1,12}$/),
        ),
        { maxLength: 14 },
      ),
    )
    .map(([fence, lines]) => ({ text: [`${fence}sh`, ...lines, fence].join('\n'), isBlock: true })),
  fc
    .array(fc.stringMatching(/^\| [a-z]{1,9} \| [a-z]{1,9} \|$/), { maxLength: 12 })
    .map(rows => ({ text: ['| one | two |', '| --- | --: |', ...rows].join('\n'), isBlock: true })),
);
const anyMarkdown = fc.array(markdownPart, { maxLength: 12 }).map(parts => {
  let text = '';
  const blocks: { start: number; end: number }[] = [];
  for (const part of parts) {
    if (part.isBlock) blocks.push({ start: text.length, end: text.length + part.text.length });
    text += `${part.text}\n\n`;
  }
  return { text, blocks };
});

describe('splitText, of any Markdown', () => {
  const holdsOfMarkdown = (
    property: (
      markdown: { text: string; blocks: { start: number; end: number }[] },
      options: { size: number; overlap: number },
    ) => void,
  ) => fc.assert(fc.property(anyMarkdown, anyOptions, property), { numRuns: 1500 });

  test('cuts no fence and no table that fits in a piece, and repeats no part of one', () => {
    holdsOfMarkdown(({ text, blocks }, options) => {
      const pieces = splitText(text, options);
      for (const { start, end } of blocks) {
        if (sizeOf(text.slice(start, end)) > options.size) continue;
        for (const piece of pieces) {
          const touches = piece.start < end && piece.end > start;
          if (touches) expect(piece.start <= start && piece.end >= end).toBe(true);
        }
      }
    });
  });

  test('gives every piece the headings above it, none of them from a fence', () => {
    holdsOfMarkdown(({ text, blocks }, options) => {
      const isCode = (at: number) => blocks.some(({ start, end }) => at >= start && at < end);
      const titles = Array.from(text.matchAll(/^#{1,6} (\S+)$/gm)).filter(
        ({ index }) => !isCode(index),
      );
      for (const piece of splitText(text, options)) {
        const above = titles.findLast(({ index }) => index < piece.start);
        const begins = titles.some(({ index }) => index === piece.start);
        if (!begins) expect(piece.headings.at(-1)).toBe(above?.[1]);
        for (const heading of piece.headings)
          expect(titles.some(([, title]) => title === heading)).toBe(true);
      }
    });
  });

  test('gives the header of a table to all pieces that go on with it, and to no others', () => {
    holdsOfMarkdown(({ text, blocks }, options) => {
      const header = '| one | two |\n| --- | --: |';
      for (const { start, tableHeader } of splitText(text, { ...options, size: 120 })) {
        const goesOn = blocks.some(
          block =>
            text.startsWith(header, block.start) &&
            start > block.start + header.length &&
            start < block.end,
        );
        expect(tableHeader).toBe(goesOn ? header : undefined);
      }
    });
  });
});

describe('splitText, of Markdown', () => {
  const lines = (count: number, line: (nth: number) => string) =>
    Array.from({ length: count }, (_, nth) => line(nth)).join('\n');

  test('takes a comment in a fence for no heading, and keeps the fence whole', () => {
    const fence = ['```sh', lines(20, nth => `echo line ${nth}`), '# start again', 'run', '```'];
    const text = `## Start\n\n${sentence('before', 900)}\n\n${fence.join('\n')}\n\nAfter it.`;
    const pieces = splitText(text);
    expect(pieces.some(piece => piece.text.includes(fence.join('\n')))).toBe(true);
    expect(pieces.map(piece => piece.headings)).toEqual([['Start'], ['Start']]);
  });

  test('cuts a table between its rows, and gives its header to the pieces that follow', () => {
    const header = '| Part | Temperature |\n|------|-------------|';
    const parts = lines(60, nth => `| P-${1000 + nth} | ${nth} degrees |`);
    const text = `# Parts\n\n${header}\n${parts}`;
    const pieces = splitText(text);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.map(piece => piece.tableHeader)).toEqual([
      undefined,
      ...pieces.slice(1).map(() => header),
    ]);
    for (const piece of pieces) {
      expect(piece.headings).toEqual(['Parts']);
      expect(piece.text).toMatch(/degrees \|$/);
    }
    const rows = pieces.flatMap(piece => piece.text.match(/P-\d+/g)!);
    expect(new Set(rows).size).toBe(rows.length);
  });

  test('gives all pieces of a list the headings above it, also underlined ones', () => {
    const text = [
      'Handbook\n========',
      'Success criteria\n----------------',
      lines(40, nth => `- Criterion ${nth} is met when everybody agrees on it.`),
      '## Costs ##',
      sentence('cost', 900),
    ].join('\n\n');
    const pieces = splitText(text);
    expect(pieces.map(piece => piece.headings)).toEqual([
      ...pieces.slice(1).map(() => ['Handbook', 'Success criteria']),
      ['Handbook', 'Costs'],
    ]);
    expect(pieces.length).toBeGreaterThan(2);
  });

  test('takes neither front matter, nor a drawn line, nor indented code for a heading', () => {
    const text = '---\ntitle: Guide\n---\n\nOne\ntwo\n---\n\n    # not one\n\n#tag\n\nEnd.';
    expect(splitText(text)[0]!.headings).toEqual([]);
  });

  test('keeps titles short, however long a heading is', () => {
    const [piece] = splitText(`# ${'long '.repeat(200)}\n\ntext`, { size: 4000 });
    expect(piece!.headings[0]).toMatch(/^long .*…$/);
    expect(piece!.headings[0]!.length).toBe(200);
  });

  test('repeats lines of code that goes on, never its closing brackets alone', () => {
    const call = 'app.addHook("onRequest", async request => {\n  await check(request);\n});\n';
    const fence = `\`\`\`js\n${call.repeat(30)}\`\`\``;
    const text = `${fence}\n\nThe text goes on here.`;
    const pieces = splitText(text);
    const repeated = pieces
      .slice(1)
      .map((piece, index) => text.slice(piece.start, Math.max(piece.start, pieces[index]!.end)));
    expect(repeated.filter(part => part !== '').length).toBeGreaterThan(0);
    for (const part of repeated) expect(part).toMatch(/^$|addHook|await check/);
  });

  test('counts a character of Chinese, Japanese or Korean as three', () => {
    for (const character of ['字', 'か', '한']) {
      const pieces = splitText(character.repeat(700), { overlap: 0 });
      expect(pieces.map(piece => piece.text.length)).toEqual([333, 333, 34]);
    }
  });
});

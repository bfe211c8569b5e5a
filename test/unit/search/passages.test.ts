import { expect, test } from 'vitest';
import { mergeWindows } from '../../../src/search/passages.js';
import { randomNumbers } from '../../support/clustered-vectors.js';

const MIN_OVERLAP = 12;
const MAX_OVERLAP = 2_000;

function passageOf(texts: readonly string[]): string {
  const rows = texts.map((text, index) => ({
    id: `${index}`,
    _side: 0,
    _document: 'd',
    _index: index,
    _text: text,
  }));
  return mergeWindows([{ rank: 1, rows }])[0]!.text;
}

/** Tries every length, the longest first. */
function joined(texts: readonly string[]): string {
  return texts.reduce((before, after) => {
    for (
      let length = Math.min(before.length, after.length, MAX_OVERLAP);
      length >= MIN_OVERLAP;
      length -= 1
    ) {
      if (before.endsWith(after.slice(0, length))) return before + after.slice(length);
    }
    return `${before}\n\n${after}`;
  });
}

test.each([
  ['nothing is repeated', ['one text of some words', 'another text of others']],
  ['too little is repeated', ['ends with too short', 'too short to be taken for it']],
  [
    'the end is repeated',
    ['you may return a tent within thirty days', 'within thirty days of the delivery'],
  ],
  [
    'the whole text is repeated',
    ['within thirty days', 'within thirty days', 'within thirty days'],
  ],
  ['more is repeated than one text holds', ['a'.repeat(3_000), 'a'.repeat(20), 'a'.repeat(2_500)]],
  ['texts are empty', ['', '', 'text']],
])('the text of a passage where %s is that of trying all lengths', (_, texts) => {
  expect(passageOf(texts)).toBe(joined(texts));
});

test('the text of a passage is that of trying all lengths, whatever its chunks repeat', () => {
  for (let seed = 0; seed < 500; seed += 1) {
    const next = randomNumbers(seed);
    const word = (): string => 'ab'.charAt(Math.floor(next() * (seed % 3 === 0 ? 1.05 : 2)));
    const texts = Array.from({ length: 4 }, () =>
      Array.from({ length: Math.floor(next() * 60) }, word).join(''),
    );
    const repeating = texts.map((text, index) =>
      index > 0 && next() < 0.7 ? texts[index - 1]!.slice(Math.floor(next() * 30)) + text : text,
    );
    expect(passageOf(repeating)).toBe(joined(repeating));
  }
});

import { expect, test } from 'vitest';
import { mergeWindows, runsOf, type PassageRow } from '../../../src/search/passages.js';

const row = (
  index: number,
  place?: { revision: number; start: number; end: number },
): PassageRow => ({
  id: `${index}`,
  _side: 0,
  _document: 'd',
  _tenant: 't',
  _index: index,
  _page: null,
  _text: `chunk ${index}`,
  _revision: place?.revision ?? null,
  _start: place?.start ?? null,
  _end: place?.end ?? null,
});
const runs = (rows: PassageRow[]) =>
  runsOf(mergeWindows([{ rank: 1, rows }])[0]!).map(run => run.map(({ _index }) => _index));

test('chunks that follow each other in the text of their document are cut from it as one', () => {
  expect(
    runs([
      row(0, { revision: 1, start: 0, end: 100 }),
      row(1, { revision: 1, start: 80, end: 200 }),
      row(2, { revision: 1, start: 204, end: 300 }),
    ]),
  ).toEqual([[0, 1, 2]]);
});

test('what was between two chunks is not said where a chunk between them was deleted', () => {
  expect(
    runs([
      row(0, { revision: 1, start: 0, end: 100 }),
      row(2, { revision: 1, start: 180, end: 300 }),
    ]),
  ).toEqual([[0], [2]]);
});

test('chunks without a place in a text are parts of their own', () => {
  expect(runs([row(0, { revision: 1, start: 0, end: 100 }), row(1), row(2), row(3)])).toEqual([
    [0],
    [1],
    [2],
    [3],
  ]);
});

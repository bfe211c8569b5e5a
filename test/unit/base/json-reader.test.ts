import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonReader } from '../../../src/base/json-reader.js';

/** Reads a value by the reader alone, down to the given depth. */
function read(reader: JsonReader, depth: number): unknown {
  if (depth === 0 || !'{['.includes(reader.next)) return JSON.parse(reader.skip());
  if (reader.next === '[') {
    const items: unknown[] = [];
    reader.list(index => (items[index] = read(reader, depth - 1)));
    return items;
  }
  const members: [string, unknown][] = [];
  reader.object(name => members.push([name, read(reader, depth - 1)]));
  return Object.fromEntries(members);
}

test('finds in a text what JSON.parse finds, however it is spaced and escaped', () => {
  const space = fc.constantFrom(undefined, 1, '\t', '\n \r');
  fc.assert(
    fc.property(
      fc.jsonValue({ stringUnit: 'binary', maxDepth: 5 }),
      space,
      fc.integer({ min: 0, max: 6 }),
      (value, spaces, depth) => {
        const text = JSON.stringify(value, null, spaces);
        expect(read(new JsonReader(text), depth)).toEqual(JSON.parse(text));
      },
    ),
  );
});

test.each([
  String.raw`{"a\"b":"\\","c":"]}\\\"","d":[{"e":"{["}]}`,
  String.raw`["\\\\",["\u005c\"",[]],{},{"":{}}]`,
  '  \uFEFF[ 1 , -2.5e+3 , true , null , "" ]  '.replace('\uFEFF', ''),
])('is not misled by %s', text => {
  for (let depth = 0; depth < 4; depth += 1)
    expect(read(new JsonReader(text), depth)).toEqual(JSON.parse(text));
});

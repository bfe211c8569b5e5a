import { describe, expect, test } from 'vitest';
import { valueProblem } from '../../../../src/graphql/limits/value-limits.js';

const fieldOf = (variables: object): string | undefined =>
  valueProblem(variables, 'variables', 3)?.field;

describe('variables', () => {
  test.each([
    ['a NUL', { name: 'a\0b' }, 'variables.name'],
    ['half of a pair', { list: ['ok', { deep: '\ud800' }] }, 'variables.list[1].deep'],
    ['a NUL in a member name', { metadata: { 'a\0': 1 } }, 'variables.metadata'],
    ['a list too long', { input: { ids: ['a', 'b', 'c', 'd'] } }, 'variables.input.ids'],
    ['a vector too long', { vector: [1, 2, 3, 4] }, 'variables.vector'],
  ])('are refused by name: %s', (_, variables, field) => {
    expect(fieldOf(variables)).toBe(field);
  });

  test('are taken at the limit', () => {
    expect(
      fieldOf({
        name: 'ümläut \u{1f600}',
        ids: ['a', 'b', 'c'],
        vector: [1, 2, 3],
        nothing: null,
        nested: [{ a: [[1]] }],
      }),
    ).toBeUndefined();
  });

  test('are refused where they are nested deeper than a stack is high', () => {
    let nested: unknown = [];
    for (let level = 0; level < 50_000; level += 1) nested = level % 2 ? { nested } : [nested];
    expect(fieldOf({ nested })).toBe('variables');
  });
});

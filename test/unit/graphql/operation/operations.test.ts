import { buildSchema, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { executeOperation } from '../../../../src/graphql/execution/executor.js';
import { Operations } from '../../../../src/graphql/operation/operations.js';
import { operationOf } from '../../../../src/graphql/operation/prepared-document.js';
import { testConfig } from '../../../support/config.js';

const schema = buildSchema('type Query { a: String, q: Query, r: Query }');
const settings = { schema, limits: testConfig().limits, openIntrospection: true };

const DOUBLINGS = 8;
const DOUBLED_FIELDS = 2 ** DOUBLINGS;

/**
 * How many of so many different documents are still there, and whether the first and the last of
 * them are.
 */
function flood(
  count: number,
  length: number,
  trusted: readonly string[] = [],
): { kept: number; first: boolean; last: boolean } {
  const operations = new Operations(settings, new Map(trusted.map(text => [text, parse(text)])));
  const texts = Array.from({ length: count }, (_, nth) => textOf(nth, length));
  for (const text of texts) operations.prepare(text);
  const found = texts.map(text => operations.known(text) !== undefined);
  return { kept: found.filter(Boolean).length, first: found[0]!, last: found.at(-1)! };
}

function textOf(nth: number, length: number): string {
  return `query Q${nth} { __typename }`.padEnd(length);
}

describe('a flood of different documents', () => {
  test('leaves the latest two thousand at most, however small they are', () => {
    const { kept, first, last } = flood(3_000, 0);
    expect(kept).toBeLessThanOrEqual(2_000);
    expect(kept).toBeGreaterThan(1_500);
    expect([first, last]).toEqual([false, true]);
  });

  test('leaves fewer of large ones', () => {
    const { kept, last } = flood(500, 9_500);
    expect(kept).toBe(199);
    expect(last).toBe(true);
  });

  test('leaves as many as have fifty thousand fields, with fragments written out', () => {
    const operations = new Operations(settings);
    const texts = Array.from({ length: 200 }, (_, nth) => doublingText(nth));
    for (const text of texts) operations.prepare(text);
    const kept = texts.filter(text => operations.known(text) !== undefined).length;
    expect(kept * DOUBLED_FIELDS).toBeLessThan(50_000);
    expect(kept).toBeGreaterThan(5);
  });

  test('does not drive out what is trusted', () => {
    expect(flood(3_000, 0, [textOf(0, 0)]).first).toBe(true);
  });
});

/** A few hundred characters. */
function doublingText(nth: number): string {
  const fragments = Array.from(
    { length: DOUBLINGS },
    (_, index) => `fragment F${index + 1} on Query { q { ...F${index} } r { ...F${index} } }`,
  );
  return (
    `query Q${nth}($c: Boolean = false) { q { ...F${DOUBLINGS} } a @skip(if: $c) } ` +
    `fragment F0 on Query { a } ${fragments.join(' ')}`
  );
}

test.each([
  ['both are', 'query ($c: Boolean!) { a @skip(if: $c) q { a } }', 2],
  ['one is', doublingText(0), 1],
])('of plans for two conditions, %s kept', async (_, text, kept) => {
  const document = new Operations(settings).prepare(text);
  const operation = operationOf(schema, settings.limits, document, undefined)!;
  for (const c of [true, false])
    await executeOperation(schema, operation, { variableValues: { c } });
  expect(operation.plans.size).toBe(kept);
});

describe('a document that is not kept', () => {
  test.each([
    ['that is none', '{ __typename'],
    ['that is not valid', '{ b }'],
  ])('is one %s, which says so each time', (_, text) => {
    const operations = new Operations(settings);
    for (let time = 0; time < 2; time += 1) {
      expect(operations.prepare(text).errors).toHaveLength(1);
      expect(operations.known(text)).toBeUndefined();
    }
  });

  test('is one that is too large, before anything in it is validated', () => {
    const operations = new Operations(settings);
    const text = `{ ${'b '.repeat(settings.limits.rootFields + 1)} }`;
    const { problem, errors } = operations.prepare(text);
    expect(problem?.code).toBe('QUERY_TOO_COMPLEX');
    expect(errors).toEqual([]);
    expect(operations.known(text)).toBeUndefined();
    expect(operations.prepare(text).problem).toBe(problem);
  });
});

test('a document that comes again is neither parsed nor examined again', () => {
  const operations = new Operations(settings);
  expect(operations.prepare('{ a }')).toBe(operations.prepare('{ a }'));
  expect(operations.known('{ a }')).toBe(operations.prepare('{ a }'));
});

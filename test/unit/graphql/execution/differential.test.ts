import { setImmediate as turn } from 'node:timers/promises';
import type { ApolloServer } from '@apollo/server';
import { parse, validate, type ExecutionResult, type GraphQLFormattedError } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pauses } from '../../../../src/graphql/execution/pauses.js';
import { ApolloPair, textOf } from '../../../support/apollo-pair.js';
import { randomNumbers } from '../../../support/clustered-vectors.js';
import { explainedNulls } from '../../../support/explained-nulls.js';
import {
  OperationWriter,
  type WriterOptions,
  type WrittenOperation,
} from '../../../support/operation-writer.js';
import {
  FAULTY_SAMPLES,
  faultySchema,
  FaultyValues,
  type FaultyContext,
  type FaultRates,
} from '../../../support/faulty-values.js';

// Every operation is answered by two Apollo servers, one that executes with plans and one with
// graphql-js. Where nothing fails the texts of the two answers must be the same. Where something
// does, data must be the same, and each null that an error made must have one that could make it:
// which ones could is known from a third server, whose schema lets anything be null.
// https://spec.graphql.org/October2021/#sec-Handling-Field-Errors

const schema = faultySchema();

/** The servers for a schema whose fields are asked for each object, or once for a level. */
const serversOf = (batched: boolean) => ({
  pair: new ApolloPair<FaultyContext>(faultySchema({ batched })),
  nullable: new ApolloPair<FaultyContext>(faultySchema({ batched, nullable: true })),
});
const single = serversOf(false);
const batched = serversOf(true);
const pairs = [single, batched].flatMap(({ pair, nullable }) => [pair, nullable]);

interface Answered {
  readonly text: string;
  readonly calls: readonly string[];
  readonly planned: boolean;
  readonly batches: number;
}

async function answer(
  server: ApolloServer<FaultyContext>,
  operation: WrittenOperation,
  { stepsAtOnce, ...rates }: PausingWorld,
): Promise<Answered> {
  const values = new FaultyValues(rates);
  const pauses = new Pauses(() => (stepsAtOnce ? turn() : undefined), stepsAtOnce, stepsAtOnce);
  const text = await values.settleAll(textOf(server, operation, { values, pauses }));
  return { text, calls: values.calls, planned: values.planned, batches: values.batches };
}

interface PausingWorld extends FaultRates {
  /** Values between two pauses of what has any: graphql-js has none. */
  readonly stepsAtOnce?: number;
}

interface Seen {
  operations: number;
  planned: number;
  batches: number;
  readonly failures: string[];
  length: number;
}

type Errors = readonly GraphQLFormattedError[];

const resultOf = ({ text }: Answered): ExecutionResult<unknown> & { errors?: Errors } =>
  JSON.parse(text.slice(4)) as never;
const isNullError = ({ message }: GraphQLFormattedError): boolean =>
  message.startsWith('Cannot return null for non-nullable field ');

/**
 * Whether an answer is one that graphql-js may give, by what it gave and by what it tells where
 * anything may be null.
 */
function expectPossible(given: Answered, expected: Answered, all: Answered, about: string): void {
  const [mine, its, each] = [given, expected, all].map(resultOf) as [
    ReturnType<typeof resultOf>,
    ReturnType<typeof resultOf>,
    ReturnType<typeof resultOf>,
  ];
  expect(given.text.slice(0, 4), about).toBe(expected.text.slice(0, 4));
  expect(JSON.stringify(mine.data), about).toBe(JSON.stringify(its.data));
  expect(explainedNulls(mine as never), about).toEqual(explainedNulls(its as never));
  const possible = new Set(
    [...its.errors!, ...(each.errors ?? [])].map(error => JSON.stringify(error)),
  );
  const failed = new Set((each.errors ?? []).map(({ path }) => String(path)));
  for (const error of mine.errors!) {
    if (isNullError(error)) expect(failed.has(String(error.path)), about).toBe(false);
    else expect(possible, about).toContain(JSON.stringify(error));
  }
  const paths = mine.errors!.map(({ path }) => String(path));
  expect(new Set(paths).size, about).toBe(paths.length);
  // Each resolver at most once, and none that graphql-js would not call.
  expect(new Set(given.calls).size, about).toBe(given.calls.length);
  const callable = new Set(all.calls);
  expect(
    given.calls.filter(call => !callable.has(call)),
    about,
  ).toEqual([]);
}

/** The fields at the root in the order in which they were begun, of a mutation one by one. */
const rootsOf = (calls: readonly string[]): string[] =>
  calls
    .map(call => call.split(/[ .]/)[0]!)
    .filter((root, index, roots) => root !== roots[index - 1]);

/**
 * Compares so many operations. Some come a second time with other conditions, when there is a plan
 * for them.
 */
async function compare(
  first: number,
  count: number,
  depth: number,
  writing: WriterOptions,
  rates: Omit<PausingWorld, 'seed'>,
): Promise<Seen> {
  const { pair: apollo, nullable } = rates.batched ? batched : single;
  const seen: Seen = { operations: 0, planned: 0, batches: 0, failures: [], length: 0 };
  for (let seed = first; seed < first + count; seed += 1) {
    const operation = new OperationWriter(schema, randomNumbers(seed), FAULTY_SAMPLES).write(
      depth,
      writing,
    );
    const { a, b } = operation.variables;
    const again =
      seed % 3 === 0 ? [{ ...operation, variables: { ...operation.variables, a: b, b: !a } }] : [];
    for (const asked of [operation, ...again]) {
      const expected = await answer(apollo.plain, asked, { ...rates, seed });
      const given = await answer(apollo.planned, asked, { ...rates, seed });
      const about =
        `seed ${seed}\n${asked.query}\n${JSON.stringify(asked.variables)}\ngraphql-js: ` +
        `${expected.text}\nplanned: ${given.text}`;
      const { data, errors } = resultOf(expected);
      if (data !== undefined && errors) {
        const all = await answer(nullable.plain, asked, { ...rates, seed });
        expectPossible(given, expected, all, about);
      } else {
        expect(given.text === expected.text, about).toBe(true);
        expect(given.calls.toSorted(), about).toEqual(expected.calls.toSorted());
      }
      if (writing.operation === 'mutation' && given.planned) {
        const roots = rootsOf(given.calls);
        expect(new Set(roots).size, about).toBe(roots.length);
      }
      seen.operations += validate(schema, parse(asked.query)).length === 0 ? 1 : 0;
      seen.planned += given.planned ? 1 : 0;
      seen.batches += given.batches;
      seen.failures.push(...(resultOf(given).errors ?? []).map(({ message }) => message));
      seen.length += given.text.length;
    }
  }
  return seen;
}

const COUNT = 120;
const RELIABLE = { missing: 0, failing: 0, delayed: 0, batchSize: 1 };
const UNRELIABLE = { missing: 0.02, failing: 0.04 };

describe('an answer by a plan is one that graphql-js may give', () => {
  // graphql-js leaves the other promises of a list alone when an item fails at once, and nobody
  // hears of those that fail later.
  const listeners = process.listeners('unhandledRejection');
  beforeAll(async () => {
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', () => {});
    await Promise.all(pairs.map(pair => pair.start()));
  });
  afterAll(async () => {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
    await Promise.all(pairs.map(pair => pair.stop()));
  });

  test.each([
    ['at once', 0, RELIABLE],
    ['later', 1_000, { ...RELIABLE, delayed: 0.4, batchSize: 3 }],
  ] as const)('where nothing is amiss and values come %s', async (_, first, rates) => {
    const seen = await compare(first, COUNT, 3, {}, rates);
    expect(seen.failures).toEqual([]);
    expect(seen.planned).toBeGreaterThan(COUNT * 0.8);
    expect(seen.length).toBeGreaterThan(COUNT * 500);
  });

  test.each([
    ['at once', 2_000, { delayed: 0, batchSize: 1 }],
    ['one by one', 3_000, { delayed: 0.4, batchSize: 1 }],
    ['some at a time', 4_000, { delayed: 0.4, batchSize: 4 }],
    ['mostly late and all together', 5_000, { delayed: 0.8, batchSize: 1_000 }],
  ])('where values are missing, wrong or fail, and come %s', async (_, first, when) => {
    const seen = await compare(first, COUNT, 3, {}, { ...UNRELIABLE, ...when });
    expect(seen.failures.length).toBeGreaterThan(COUNT);
    expect(seen.planned).toBeGreaterThan(COUNT * 0.8);
  });

  test.each([
    ['every other value', 10_000, { stepsAtOnce: 2 }],
    ['some values', 11_000, { stepsAtOnce: 5 }],
    [
      'some values, of which some come later',
      12_000,
      { ...RELIABLE, delayed: 0.4, batchSize: 1_000, stepsAtOnce: 2 },
    ],
  ])('where it pauses after %s', async (_, first, when) => {
    const seen = await compare(
      first,
      COUNT,
      3,
      {},
      { ...UNRELIABLE, delayed: 0, batchSize: 1, ...when },
    );
    expect(seen.planned).toBeGreaterThan(COUNT * 0.8);
    expect(seen.length).toBeGreaterThan(COUNT * 500);
  });

  test.each([
    ['nothing is amiss', 13_000, { ...RELIABLE, delayed: 0.3, batchSize: 3 }],
    ['values are missing, wrong or fail', 14_000, { ...UNRELIABLE, delayed: 0.3, batchSize: 3 }],
    ['it pauses', 15_000, { ...UNRELIABLE, delayed: 0.3, batchSize: 1_000, stepsAtOnce: 2 }],
  ])('where fields are asked once for a level, and %s', async (_, first, rates) => {
    const seen = await compare(first, COUNT, 3, { abstract: true }, { ...rates, batched: true });
    expect(seen.planned).toBeGreaterThan(COUNT * 0.8);
    expect(seen.batches).toBeGreaterThan(COUNT / 2);
    expect(seen.length).toBeGreaterThan(COUNT * 300);
  });

  test('where variables are missing, null or wrong, and conditions null', async () => {
    const seen = await compare(
      6_000,
      2 * COUNT,
      2,
      { invalidChance: true },
      { ...UNRELIABLE, delayed: 0.2, batchSize: 2 },
    );
    expect(seen.operations).toBeGreaterThan(COUNT);
    expect(seen.planned).toBeGreaterThan(COUNT / 2);
  });

  test('where fields are of interfaces and unions', async () => {
    const seen = await compare(
      7_000,
      COUNT,
      3,
      { abstract: true },
      { ...UNRELIABLE, delayed: 0.4, batchSize: 2 },
    );
    expect(seen.operations).toBeGreaterThan(COUNT / 2);
  });

  test('where a mutation changes one thing after another', async () => {
    const seen = await compare(
      8_000,
      COUNT,
      2,
      { operation: 'mutation', abstract: true },
      { ...UNRELIABLE, delayed: 0.4, batchSize: 2 },
    );
    expect(seen.operations).toBeGreaterThan(COUNT / 2);
  });

  test('where the schema is asked for', async () => {
    const seen = await compare(
      9_000,
      30,
      1,
      { introspection: true },
      { ...UNRELIABLE, delayed: 0.2, batchSize: 2 },
    );
    expect(seen.length).toBeGreaterThan(30 * 500);
  });
});

import { setImmediate as turn } from 'node:timers/promises';
import type { ApolloServer } from '@apollo/server';
import { parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pauses } from '../../../../src/graphql/execution/pauses.js';
import { ApolloPair, textOf } from '../../../support/apollo-pair.js';
import { randomNumbers } from '../../../support/clustered-vectors.js';
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
// graphql-js, and the texts of the two answers must be the same: data and the order of its names,
// errors and theirs, messages, locations, paths and extensions.

const schema = faultySchema();
const apollo = new ApolloPair<FaultyContext>(schema);

interface Answered {
  readonly text: string;
  readonly calls: readonly string[];
  readonly planned: boolean;
}

async function answer(
  server: ApolloServer<FaultyContext>,
  operation: WrittenOperation,
  { stepsAtOnce, ...rates }: PausingWorld,
): Promise<Answered> {
  const values = new FaultyValues(rates);
  const pauses = new Pauses(() => (stepsAtOnce ? turn() : undefined), stepsAtOnce, stepsAtOnce);
  const text = await values.settleAll(textOf(server, operation, { values, pauses }));
  return { text, calls: values.calls, planned: values.planned };
}

interface PausingWorld extends FaultRates {
  /** Values between two pauses of what has any: graphql-js has none. */
  readonly stepsAtOnce?: number;
}

interface Seen {
  operations: number;
  planned: number;
  readonly failures: string[];
  length: number;
}

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
  const seen: Seen = { operations: 0, planned: 0, failures: [], length: 0 };
  for (let seed = first; seed < first + count; seed += 1) {
    const operation = new OperationWriter(schema, randomNumbers(seed), FAULTY_SAMPLES).write(
      depth,
      writing,
    );
    const { a, b } = operation.variables;
    const again =
      seed % 3 === 0 ? [{ ...operation, variables: { ...operation.variables, a: b, b: !a } }] : [];
    for (const asked of [operation, ...again]) {
      const [expected, given] = [
        await answer(apollo.plain, asked, { ...rates, seed }),
        await answer(apollo.planned, asked, { ...rates, seed }),
      ];
      const failure =
        `seed ${seed}\n${asked.query}\n${JSON.stringify(asked.variables)}\ngraphql-js: ` +
        `${expected.text}\nplanned: ${given.text}`;
      expect(given.text === expected.text, failure).toBe(true);
      // Values that come one after another come in another order where they are asked for in other
      // turns.
      const order = (calls: readonly string[]): readonly string[] =>
        rates.stepsAtOnce && rates.delayed > 0 ? calls.toSorted() : calls;
      expect(order(given.calls), failure).toEqual(order(expected.calls));
      seen.operations += validate(schema, parse(asked.query)).length === 0 ? 1 : 0;
      seen.planned += given.planned ? 1 : 0;
      seen.failures.push(
        ...(
          (JSON.parse(given.text.slice(4)) as { errors?: { message: string }[] }).errors ?? []
        ).map(({ message }) => message),
      );
      seen.length += given.text.length;
    }
  }
  return seen;
}

const COUNT = 120;
const RELIABLE = { missing: 0, failing: 0, delayed: 0, batchSize: 1 };
const UNRELIABLE = { missing: 0.02, failing: 0.04 };

describe('an answer by a plan is that of graphql-js to the byte', () => {
  // graphql-js leaves the other promises of a list alone when an item fails at once, and nobody
  // hears of those that fail later.
  const listeners = process.listeners('unhandledRejection');
  beforeAll(async () => {
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', () => {});
    await apollo.start();
  });
  afterAll(async () => {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
    await apollo.stop();
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

import { setImmediate as turn } from 'node:timers/promises';
import {
  buildSchema,
  execute,
  parse,
  type ExecutionResult,
  type GraphQLInterfaceType,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { Pauses } from '../../../../src/graphql/execution/pauses.js';
import { createExecutor } from '../../../support/planned-executor.js';

const schema = buildSchema(`
  scalar Vector
  interface Named { name: String }
  type Item implements Named { name: String late: String wrong: String named: Named vector: Vector
    items(count: Int!): [Item!]! }
  type Query { items(count: Int!): [Item!]! named: Named }
  type Mutation { change: Item }
`);
(schema.getType('Named') as GraphQLInterfaceType).resolveType = () => 'Item';
const executePlanned = createExecutor(schema);

/** Values between two questions, at most. */
const STEPS = 64;

class Item {
  name = 'item';
  readonly named: Item | null;
  constructor(isFirst = true) {
    this.named = isFirst ? new Item(false) : null;
  }
  late(): Promise<string> {
    return Promise.resolve('late');
  }
  vector(): number[] {
    return [1, 2, 3];
  }
  wrong(): string {
    throw new Error('wrong');
  }
  items({ count }: { count: number }): Item[] {
    return Array.from({ length: count }, () => new Item());
  }
}

const rootValue = Object.assign(new Item(), { change: () => new Item() });
const LIST = 'items(count: 3000) { name a: name named { name } }';

const SCHEMA = '__schema { types { name fields { name } } }';

describe('an execution asks before every 64th value whether others wait', () => {
  test.each([
    ['a query', `{ ${LIST} }`, 9_000],
    ['a query whose values come later', '{ items(count: 3000) { late } }', 3_000],
    ['a query with errors', '{ items(count: 900) { wrong } }', 57_600],
    ['a query with vectors', '{ items(count: 900) { vector } }', 57_600],
    ['fields of an interface', `{ named { ... on Item { ${LIST} } } }`, 9_000],
    ['a mutation', `mutation { change { ${LIST} } }`, 9_000],
    ['the second field of a mutation', `mutation { change { late } b: change { ${LIST} } }`, 9_000],
    [
      'the schema',
      `{ ${Array.from({ length: 40 }, (_, n) => `s${n}: ${SCHEMA}`).join(' ')} }`,
      3_000,
    ],
  ])('%s', async (_, query, values) => {
    const document = parse(query);
    let asked = 0;
    const pauses = new Pauses(() => void (asked += 1));
    const answer = await executePlanned({ document, rootValue, contextValue: { pauses } });
    expect(asked).toBeGreaterThanOrEqual(Math.floor(values / STEPS));
    expect(JSON.stringify(answer)).toBe(
      JSON.stringify(await execute({ schema, document, rootValue })),
    );
  });
});

test('others have the event loop in each pause, and the answer is the same', async () => {
  const document = parse(`{ ${LIST} b: items(count: 10) { wrong late } }`);
  let pausesMade = 0;
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const pauses = new Pauses(() => {
    pausesMade += 1;
    return turn();
  });
  const answer = await executePlanned({ document, rootValue, contextValue: { pauses } });
  isOver = true;
  expect(pausesMade).toBeGreaterThan(100);
  expect(turns).toBeGreaterThanOrEqual(pausesMade);
  expect(JSON.stringify(answer)).toBe(
    JSON.stringify(await execute({ schema, document, rootValue })),
  );
});

test('what a level asks for is loaded at once, even with a pause in its middle', async () => {
  const batches: number[] = [];
  let waiting: (() => void)[] = [];
  const pauses = new Pauses(() => turn());
  const load = (): Promise<string> =>
    new Promise(resolve => {
      if (waiting.length === 0) {
        pauses.afterLevel(() => {
          batches.push(waiting.length);
          for (const done of waiting.splice(0)) done();
        });
      }
      waiting.push(() => resolve('loaded'));
    });
  const items = { items: () => Array.from({ length: 2_000 }, () => ({ late: load })) };
  const answer = (await executePlanned({
    document: parse('{ items(count: 1) { late } }'),
    rootValue: items,
    contextValue: { pauses },
  })) as ExecutionResult<{ items: unknown[] }>;
  expect(answer.data!.items).toHaveLength(2_000);
  expect(batches).toEqual([2_000]);
});

test('an operation goes on where it may pause no more, since its time is over', async () => {
  const pauses = new Pauses(() => Promise.reject(new Error('over')));
  const answer = await executePlanned({
    document: parse(`{ ${LIST} }`),
    rootValue,
    contextValue: { pauses },
  });
  expect(answer.errors).toBeUndefined();
});

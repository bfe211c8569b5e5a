import { setImmediate as turn } from 'node:timers/promises';
import { buildSchema, execute, parse, validate, type ExecutionResult, type GraphQLResolveInfo, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executorOf } from '../../../../src/graphql/execution/executor.js';
import { randomNumbers } from '../../../support/clustered-vectors.js';
import { OperationWriter, type WrittenOperation } from '../../../support/operation-writer.js';

const SDL = `
  enum Colour { RED GREEN }
  input Point { x: Int!, y: Int = 2 }
  type Thing {
    id: ID!
    name: String
    sureName: String!
    size: Int
    colour: Colour
    sureColour: Colour!
    tags: [String]
    sureTags: [String!]!
    grid: [[Int!]]
    echo(x: Int = 3, colour: Colour, point: Point): String
    thing: Thing
    sureThing: Thing!
    things: [Thing]
    sureThings: [Thing!]!
    thingLists: [[Thing!]]
  }
  type Query { thing: Thing, sureThing: Thing!, things: [Thing], sureThings: [Thing!]!, echo(x: Int = 3, point: Point): String! }
`;

/** How often a value is missing, fails, is of the wrong kind or comes later. */
interface World {
  readonly seed: number;
  readonly missing: number;
  readonly failing: number;
  readonly later: number;
  /** How many promises are settled at once: 1 where nothing is said. */
  readonly atOnce?: number;
}

/**
 * Values for a schema's fields that depend on nothing but the seed and the place in the answer, so that two executions see the same.
 * Promises wait until `settleAll` settles them, one after the other in an order that depends on their place.
 */
class Values {
  #waiting: { order: number; settle: () => void }[] = [];

  constructor(private readonly world: World) {}

  resolve(info: GraphQLResolveInfo, args: object): unknown {
    return this.#make(pathOf(info.path), String(info.returnType), args);
  }

  async settleAll<T>(result: T | Promise<T>): Promise<T> {
    const state = { done: false };
    const finished = Promise.resolve(result).finally(() => (state.done = true));
    while (!state.done || this.#waiting.length > 0) {
      await turn();
      this.#waiting.sort((a, b) => a.order - b.order);
      for (const { settle } of this.#waiting.splice(0, this.world.atOnce ?? 1)) settle();
    }
    return finished;
  }

  #make(path: string, type: string, args: object): unknown {
    const next = randomNumbers(hash(`${this.world.seed} ${path}`));
    if (next() >= this.world.later) return this.#value(path, type, args, next);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    promise.catch(() => {}); // Perhaps nobody selects it.
    this.#waiting.push({
      order: next(),
      settle: () => {
        try {
          resolve(this.#value(path, type, args, next));
        } catch (error) {
          reject(error as Error);
        }
      },
    });
    return promise;
  }

  #value(path: string, type: string, args: object, next: () => number): unknown {
    const luck = next();
    if (luck < this.world.failing) {
      if (luck < this.world.failing / 4) return new Error(`returned at ${path}`);
      if (luck < this.world.failing / 3) return ['wrong', {}][Math.floor(next() * 2)];
      throw new Error(`thrown at ${path}`);
    }
    if (next() < this.world.missing) return next() < 0.5 ? null : undefined;
    const nullable = type.replace(/!$/, '');
    if (nullable.startsWith('[')) {
      const items = Array.from({ length: Math.floor(next() * 4) }, (_, index) => this.#make(`${path}.${index}`, nullable.slice(1, -1), args));
      return next() < 0.2 ? new Set(items) : items;
    }
    if (nullable === 'Int') return Math.floor(next() * 100);
    if (nullable === 'Colour') return next() < 0.5 ? 'RED' : 'GREEN';
    if (nullable !== 'Thing') return path.endsWith('echo') ? JSON.stringify(args) : `at ${path}`;
    // Half of an object's own properties are there for the default resolver, some as methods.
    return { size: this.#make(`${path}.size`, 'Int', args), name: next() < 0.5 ? `name at ${path}` : (given: object) => JSON.stringify(given), id: next() < this.world.missing ? null : path };
  }
}

function pathOf(path: GraphQLResolveInfo['path']): string {
  return path.prev ? `${pathOf(path.prev)}.${path.key}` : String(path.key);
}

/** FNV-1a. http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  return Array.from(text).reduce((sum, character) => Math.imul(sum ^ character.codePointAt(0)!, 0x01000193), 0x811c9dc5);
}

/** Fields that the default resolver answers. */
const PLAIN = new Set(['size', 'name', 'id']);

function schemaOf(): GraphQLSchema {
  const schema = buildSchema(SDL);
  for (const type of [schema.getType('Thing'), schema.getQueryType()]) {
    if (!type || !('getFields' in type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (!PLAIN.has(field.name)) (field as { resolve?: unknown }).resolve = (_: unknown, args: object, values: Values, info: GraphQLResolveInfo) => values.resolve(info, args);
    }
  }
  return schema;
}

const schema = schemaOf();
const executePlanned = executorOf(schema);

const SAMPLES = { Int: () => 7, Colour: () => 'GREEN', Point: () => ({ x: 1 }) };

async function bothAnswers({ query, variables }: WrittenOperation, world: World): Promise<[ExecutionResult, ExecutionResult]> {
  const document = parse(query);
  const [expected, answer] = [new Values(world), new Values(world)];
  return [
    await expected.settleAll(execute({ schema, document, variableValues: variables, contextValue: expected })),
    await answer.settleAll(executePlanned({ document, variableValues: variables, contextValue: answer })),
  ];
}

function operations(seed: number, count: number): WrittenOperation[] {
  const writer = new OperationWriter(schema, randomNumbers(seed), SAMPLES);
  const written = Array.from({ length: count }, () => writer.write(3)).filter(({ query }) => validate(schema, parse(query)).length === 0);
  expect(written.length).toBeGreaterThan(count / 2);
  return written;
}

const plain = (result: unknown): unknown => JSON.parse(JSON.stringify(result));

describe('executorOf', () => {
  // graphql-js leaves the other promises of a list alone when an item fails at once, and nobody hears of those that fail later.
  const listeners = process.listeners('unhandledRejection');
  beforeAll(() => void process.removeAllListeners('unhandledRejection').on('unhandledRejection', () => {}));
  afterAll(() => {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
  });

  test.each(Array.from({ length: 10 }, (_, seed) => seed))('answers as graphql-js does where nothing is amiss, now or later (%i)', async seed => {
    let size = 0;
    for (const operation of operations(seed, 30)) {
      const [expected, answer] = await bothAnswers(operation, { seed, missing: 0, failing: 0, later: seed % 2 ? 0.4 : 0 });
      expect(plain(answer), operation.query).toEqual(plain(expected));
      expect(expected.errors).toBeUndefined();
      size += JSON.stringify(expected.data).length;
      expect(JSON.stringify(answer.data), 'names stand in the order of the operation').toBe(JSON.stringify(expected.data));
    }
    expect(size).toBeGreaterThan(5_000);
  });

  test.each(Array.from({ length: 10 }, (_, seed) => seed))('reports the same errors and nulls where values are there at once (%i)', async seed => {
    let failed = 0;
    for (const operation of operations(1_000 + seed, 40)) {
      const [expected, answer] = await bothAnswers(operation, { seed, missing: 0.05, failing: 0.08, later: 0 });
      expect(plain(answer), operation.query).toEqual(plain(expected));
      failed += expected.errors?.length ?? 0;
    }
    expect(failed).toBeGreaterThan(20);
  });

  test.each(Array.from({ length: 10 }, (_, seed) => seed))('reports the same errors and nulls where values come later, one by one or several at once (%i)', async seed => {
    let failed = 0;
    for (const operation of operations(2_000 + seed, 40)) {
      const [expected, answer] = await bothAnswers(operation, { seed, missing: 0.05, failing: 0.08, later: 0.4, atOnce: [1, 2, 5, 100][seed % 4]! });
      expect(JSON.stringify(answer), operation.query).toBe(JSON.stringify(expected));
      failed += expected.errors?.length ?? 0;
    }
    expect(failed).toBeGreaterThan(20);
  });

  describe('a document that comes again', () => {
    const document = parse(`
      query Again($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!, $x: Int) {
        one: sureThing { ...Names @include(if: $a) ...Names @include(if: $b) }
        two: sureThing { ...Names echo(x: $x) @skip(if: $c) }
        three: sureThing @include(if: $d) { id }
      }
      fragment Names on Thing { name sureName }
    `);

    test('is answered by the variables of each request, in all combinations and in any order', async () => {
      const world = { seed: 1, missing: 0, failing: 0, later: 0 };
      for (let round = 0; round < 40; round += 1) {
        const bits = (round * 7) % 16;
        const variables = { a: Boolean(bits & 1), b: Boolean(bits & 2), c: Boolean(bits & 4), d: Boolean(bits & 8), x: round };
        const values = new Values(world);
        expect(plain(await executePlanned({ document, variableValues: variables, contextValue: values }))).toEqual(
          plain(await execute({ schema, document, variableValues: variables, contextValue: values })),
        );
      }
    });

    test('gives resolvers arguments that they cannot change for the next request', async () => {
      const twice = parse('{ echo(point: { x: 1 }) }');
      const seen: object[] = [];
      const values = { resolve: (_: unknown, args: object) => (seen.push(args), 'text') };
      await executePlanned({ document: twice, contextValue: values });
      expect(() => Object.assign(seen[0]!, { x: 99 })).toThrow(TypeError);
      await executePlanned({ document: twice, contextValue: values });
      expect(seen[1]).toEqual({ x: 3, point: { x: 1, y: 2 } });
    });
  });

  const SAME = [
    ['variables of a wrong type', 'query ($x: Int!) { echo(x: $x) }', { x: 'text' }],
    ['missing variables', 'query ($x: Int!) { echo(x: $x) }', {}],
    ['null for a condition', 'query ($a: Boolean = true) { thing @include(if: $a) { id } }', { a: null }],
    ['an argument that is null through a variable', 'query ($p: Int) { echo(point: { x: $p }) }', { p: null }],
    ['introspection', '{ __schema { queryType { name } } __type(name: "Thing") { kind } }', {}],
    ['names that objects have from birth', '{ __proto__: sureThing { constructor: id toString: __typename } hasOwnProperty: __typename }', {}],
    ['several operations without a name', 'query A { thing { id } } query B { things { id } }', {}],
    ['an operation that is not there', 'query A { thing { id } }', {}, 'C'],
    ['one of several operations', 'query A { thing { id } } query B { sureThings { id } }', {}, 'B'],
  ] as const;

  test.each(SAME)('answers %s as graphql-js does', async (_, query, variableValues, operationName?: string) => {
    const world = { seed: 3, missing: 0, failing: 0, later: 0 };
    const args = { document: parse(query), variableValues, operationName, contextValue: new Values(world) };
    const expected = await execute({ ...args, schema });
    const answer = await executePlanned(args);
    expect(JSON.stringify(answer)).toBe(JSON.stringify(expected));
  });

  test('tells resolvers what graphql-js tells them', async () => {
    const document = parse('query Told($x: Int) { sureThings { ...F } } fragment F on Thing { told: echo(x: $x) }');
    const told = async (run: typeof execute | typeof executePlanned): Promise<unknown[]> => {
      const infos: unknown[] = [];
      const contextValue = {
        resolve(info: GraphQLResolveInfo) {
          const { fieldName, fieldNodes, returnType, parentType, path, fragments, operation, variableValues, rootValue } = info;
          infos.push({ fieldName, fieldNodes, returnType, parentType, path, fragments: Object.keys(fragments), operation, variableValues, rootValue, schema: info.schema === schema });
          return info.fieldName === 'sureThings' ? [{}, {}] : 'text';
        },
      };
      await run({ schema, document, variableValues: { x: 5 }, contextValue, rootValue: { root: true } });
      return infos;
    };
    expect(await told(executePlanned)).toEqual(await told(execute));
  });
});

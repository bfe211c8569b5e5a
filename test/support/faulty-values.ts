import { setImmediate as turn } from 'node:timers/promises';
import {
  buildSchema,
  GraphQLError,
  GraphQLList,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLScalarType,
  type GraphQLSchema,
} from 'graphql';
import { inspect } from 'graphql/jsutils/inspect.js';
import { BATCH, type BatchResolver } from '../../src/graphql/batch.js';
import type { Pauses } from '../../src/graphql/execution/pauses.js';
import { randomNumbers } from './clustered-vectors.js';

const FIELDS = `
  name: String
  sureName: String!
  size: Int
  odd: Odd
  sureOdds: [Odd!]
  colour: Colour
  sureColour: Colour!
  tags: [String]
  sureTags: [String!]!
  grid: [[Int!]]
  sureGrid: [[Int!]!]!
  echo(
    x: Int = 3
    colour: Colour = RED
    colours: [Colour!]
    point: Point
    points: [[Point]]
    flag: Boolean
    id: ID
    sure: Int! = 4
    ratio: Float
  ): String
  plain(sure: Int! = 4): String
  thing: Thing
  sureThing: Thing!
  things: [Thing]
  sureThings: [Thing!]!
  thingLists: [[Thing!]]
  sureThingLists: [[Thing!]!]!
  named: Named
  sureNamed: Named!
  nameds: [Named!]
  any: Any
  anys: [[Any]!]
  checked: Checked
`;

const SDL = `
  scalar Odd
  enum Colour { RED GREEN }
  input Point { x: Int!, y: Int! = 2, tags: [String!] = ["a"], inner: Point, colour: Colour }
  interface Named { id: ID!, ${FIELDS} }
  interface Sized implements Named { id: ID!, ${FIELDS} }
  type Thing implements Named { id: ID!, ${FIELDS} }
  type Other implements Named & Sized { id: ID!, ${FIELDS} own: String! }
  type Checked { id: ID!, sureName: String!, named: Named, sureThings: [Thing!]! }
  union Any = Thing | Other | Checked
  type Query { ${FIELDS} }
  type Mutation { ${FIELDS} }
`;

/** How often a value is missing, fails or is of the wrong kind, or comes later. */
export interface FaultRates {
  readonly seed: number;
  readonly missing: number;
  readonly failing: number;
  readonly delayed: number;
  /** How many of the promises that wait for others are settled at once. */
  readonly batchSize: number;
  /** Objects say where they stand, as fields with a batch resolver must know. */
  readonly batched?: boolean;
}

/** Thrown in many places. */
const SHARED = new GraphQLError('thrown everywhere', {
  extensions: { code: 'SHARED', why: { deep: [1] } },
});

/** Not errors, though they are thrown. */
const THROWN: readonly unknown[] = [
  'text',
  7,
  null,
  undefined,
  { some: 'object' },
  Symbol.for('thrown'),
];

/**
 * Values for a schema's fields that depend on nothing but the seed and the place in the answer, so
 * that two executions see the same. Some come after a few turns of the queue of promises, others
 * wait until `settleAll` settles them, in an order that depends on their place.
 */
export class FaultyValues {
  /** Fields whose resolvers were called, in order, with their arguments. */
  readonly calls: string[] = [];
  /** Whether a plan, and not graphql-js, called them. */
  planned = false;
  /** Calls of batch resolvers. */
  batches = 0;
  #waiting: { order: number; settle: () => void }[] = [];

  constructor(private readonly rates: FaultRates) {}

  resolve(info: GraphQLResolveInfo, args: object): unknown {
    const path = pathOf(info.path);
    this.calls.push(`${path} ${info.parentType.name} ${JSON.stringify(args)}`);
    this.planned ||= Object.getPrototypeOf(info) !== Object.prototype;
    return this.#make(path, String(info.returnType), args);
  }

  /** The same for a field that is asked once for all parents of a level. */
  resolveBatch(parents: readonly unknown[], info: GraphQLResolveInfo, args: object): unknown {
    const { alias, name } = info.fieldNodes[0]!;
    const key = (alias ?? name).value;
    this.batches += 1;
    return Promise.all(
      parents.map(async parent => {
        const around = (parent as { at?: string } | undefined)?.at;
        const path = around === undefined ? key : `${around}.${key}`;
        this.calls.push(`${path} ${info.parentType.name} ${JSON.stringify(args)}`);
        try {
          return await this.#make(path, String(info.returnType), args);
        } catch (error) {
          // As graphql-js says it of what is thrown and no error.
          return error instanceof Error
            ? error
            : new Error(`Unexpected error value: ${inspect(error)}`);
        }
      }),
    );
  }

  /** The name of a type, mostly a right one, for `resolveType`; or what `isTypeOf` says. */
  typeOf(info: GraphQLResolveInfo, names: readonly string[]): unknown {
    const next = this.#numbers(`${pathOf(info.path)} ${names.join()}`);
    return this.#maybeAsync(next, () => {
      if (next() >= this.rates.failing) return names[Math.floor(next() * names.length)];
      const wrong = ['Unknown', 'Colour', 'Query', undefined, 17];
      const index = Math.floor(next() * (wrong.length + 1));
      if (index === wrong.length) throw new Error(`no type at ${pathOf(info.path)}`);
      return wrong[index];
    });
  }

  /** The result, when it is there and nothing is going on any more, not even what was given up. */
  async settleAll<T>(result: Promise<T>): Promise<T> {
    const state = { done: false };
    const finished = result.finally(() => (state.done = true));
    for (let idle = 0; idle < 2; idle += state.done ? 1 : 0) {
      await turn();
      if (this.#waiting.length > 0) idle = 0;
      this.#waiting.sort((a, b) => a.order - b.order);
      for (const { settle } of this.#waiting.splice(0, this.rates.batchSize)) settle();
    }
    return finished;
  }

  #numbers(key: string): () => number {
    return randomNumbers(hash(`${this.rates.seed} ${key}`));
  }

  #make(path: string, type: string, args: object): unknown {
    const next = this.#numbers(path);
    return this.#maybeAsync(next, () => this.#value(path, type, args, next));
  }

  #maybeAsync(next: () => number, make: () => unknown): unknown {
    if (next() >= this.rates.delayed) return make();
    let promise: Promise<unknown>;
    if (next() < 0.4) promise = Promise.resolve().then(make);
    else {
      const { promise: waiting, resolve, reject } = Promise.withResolvers<unknown>();
      const settle = (): void => {
        try {
          resolve(make());
        } catch (error) {
          reject(error as Error);
        }
      };
      this.#waiting.push({ order: next(), settle });
      promise = waiting;
    }
    for (let turns = Math.floor(next() * 4); turns > 0; turns -= 1)
      promise = promise.then(value => value);
    promise.catch(() => {}); // Perhaps nobody selects it.
    return promise;
  }

  #value(path: string, type: string, args: object, next: () => number): unknown {
    if (next() < this.rates.failing) return this.#failure(path, next);
    if (next() < this.rates.missing) return next() < 0.5 ? null : undefined;
    const nullable = type.replace(/!$/, '');
    if (nullable.startsWith('[')) {
      const items = Array.from({ length: Math.floor(next() * 4) }, (_, index) =>
        this.#make(`${path}.${index}`, nullable.slice(1, -1), args),
      );
      const luck = next();
      if (luck < 0.1 && this.rates.failing > 0) return failingIterator(items, path);
      return luck < 0.3 ? new Set(items) : items;
    }
    if (nullable === 'Int') return Math.floor(next() * 100);
    if (nullable === 'Odd') return Math.floor(next() * 20 * (this.rates.failing > 0 ? 1 : 0.5));
    if (nullable === 'Colour') return next() < 0.5 ? 'RED' : 'GREEN';
    if (nullable === 'String' || nullable === 'ID')
      return path.endsWith('name') ? `at ${path}` : `${JSON.stringify(args)} at ${path}`;
    // Half of an object's own properties are there for the default resolver, some as methods.
    return {
      at: path,
      size: this.#make(`${path}.size`, 'Int', args),
      name: next() < 0.5 ? `name at ${path}` : (given: object) => JSON.stringify(given),
      plain: next() < 0.5 ? 'plain' : (given: object) => JSON.stringify(given),
      id: next() < this.rates.missing ? null : path,
    };
  }

  #failure(path: string, next: () => number): unknown {
    const luck = next();
    if (luck < 0.2) return new Error(`returned at ${path}`);
    if (luck < 0.35 && this.rates.batched) return { at: path };
    if (luck < 0.35) return ['wrong', {}, 1.5][Math.floor(next() * 3)];
    if (luck < 0.4) return brokenPromise(path);
    if (luck < 0.5) throw THROWN[Math.floor(next() * THROWN.length)];
    if (luck < 0.6) throw SHARED;
    if (luck < 0.7)
      throw new GraphQLError(`thrown at ${path}`, { extensions: { code: 'OWN', path } });
    throw new Error(`thrown at ${path}`);
  }
}

/** A promise that cannot be waited for. */
function brokenPromise(path: string): PromiseLike<unknown> {
  return new Proxy(Promise.resolve(), {
    get: () => () => {
      throw new Error(`no promise at ${path}`);
    },
  });
}

function* failingIterator(items: readonly unknown[], path: string): Generator<unknown> {
  yield* items;
  throw new Error(`broken off at ${path}`);
}

function pathOf(path: GraphQLResolveInfo['path']): string {
  return path.prev ? `${pathOf(path.prev)}.${path.key}` : String(path.key);
}

/** FNV-1a. http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  return Array.from(text).reduce(
    (sum, character) => Math.imul(sum ^ character.codePointAt(0)!, 0x01000193),
    0x811c9dc5,
  );
}

/** Fields that the default resolver answers. */
const PLAIN = new Set(['size', 'name', 'plain', 'id']);

export interface FaultyContext {
  readonly values: FaultyValues;
  readonly pauses?: Pauses;
}

/** Fields that a schema with batch resolvers has them for. */
const BATCHED = new Set(['echo', 'odd', 'thing', 'sureThing', 'things', 'sureThingLists', 'named']);

const batch: BatchResolver = (parents, args, context, info) =>
  (context as FaultyContext).values.resolveBatch(parents, info, args) as Promise<unknown[]>;

/**
 * A schema whose fields are answered by the values in their context. `nullable`: anything may be
 * null, so that each error is told, and where.
 */
export function faultySchema({ batched = false, nullable = false } = {}): GraphQLSchema {
  const schema = buildSchema(SDL);
  for (const type of Object.values(schema.getTypeMap())) {
    if ((isObjectType(type) || isInterfaceType(type)) && nullable)
      for (const field of Object.values(type.getFields())) field.type = toNullable(field.type);
    if (isObjectType(type) && !type.name.startsWith('__')) {
      for (const field of Object.values(type.getFields())) {
        if (PLAIN.has(field.name)) continue;
        field.resolve = (_: unknown, args: object, { values }: FaultyContext, info) =>
          values.resolve(info, args);
        if (batched && BATCHED.has(field.name)) field.extensions = { [BATCH]: batch };
      }
    }
    if (isInterfaceType(type) || isUnionType(type)) {
      const names = schema.getPossibleTypes(type).map(({ name }) => name);
      type.resolveType = (_: unknown, { values }: FaultyContext, info) =>
        values.typeOf(info, names) as string;
    }
  }
  const checked = schema.getType('Checked');
  // Plans know no such types: of a schema with batch resolvers, all are planned.
  if (isObjectType(checked) && !batched)
    checked.isTypeOf = (_: unknown, { values }: FaultyContext, info) =>
      values.typeOf(info, ['Checked']) as boolean;
  (schema.getType('Odd') as GraphQLScalarType).serialize = value => {
    if (value === 17) return null;
    if (value === 18) return undefined;
    if (Number(value) >= 15) throw new RangeError(`too odd: ${String(value)}`);
    return { odd: value, '': [null] };
  };
  return schema;
}

function toNullable(type: GraphQLOutputType): GraphQLOutputType {
  if (isNonNullType(type)) return toNullable(type.ofType);
  return isListType(type) ? new GraphQLList(toNullable(type.ofType)) : type;
}

/** Arguments for the fields of that schema. */
export const FAULTY_SAMPLES = {
  Int: () => 7,
  Float: () => 2.5,
  String: () => 'text',
  Boolean: () => false,
  ID: () => 'id',
  Colour: () => 'GREEN',
  Point: 'fields',
} as const;

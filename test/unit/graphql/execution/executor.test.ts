import { execute, parse, type GraphQLResolveInfo } from 'graphql';
import { describe, expect, test } from 'vitest';
import { faultySchema, FaultyValues, type FaultyContext } from '../../../support/faulty-values.js';
import { createExecutor } from '../../../support/planned-executor.js';

const schema = faultySchema();
const executePlanned = createExecutor(schema);

const RELIABLE = { seed: 1, missing: 0, failing: 0, delayed: 0, batchSize: 1 };
const values = (): FaultyContext => ({ values: new FaultyValues(RELIABLE) });

describe('executeOperation', () => {
  describe('a document that comes again', () => {
    const document = parse(`
      query Again($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!, $x: Int) {
        one: sureThing { ...Names @include(if: $a) ...Names @include(if: $b) }
        two: sureThing { ...Names echo(x: $x) @skip(if: $c) }
        three: sureThing @include(if: $d) { id }
      }
      fragment Names on Thing { name sureName }
    `);

    test("is answered by each request's variables, in all combinations and orders", async () => {
      for (let round = 0; round < 40; round += 1) {
        const bits = (round * 7) % 16;
        const variables = {
          a: Boolean(bits & 1),
          b: Boolean(bits & 2),
          c: Boolean(bits & 4),
          d: Boolean(bits & 8),
          x: round,
        };
        const answer = await executePlanned({
          document,
          variableValues: variables,
          contextValue: values(),
        });
        expect(JSON.stringify(answer)).toBe(
          JSON.stringify(
            await execute({ schema, document, variableValues: variables, contextValue: values() }),
          ),
        );
      }
    });

    test('has a plan for every combination of its conditions, however many it keeps', async () => {
      const flooded = parse(
        'query ($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!) { one: colour ' +
          '@skip(if: $a) two: colour @skip(if: $b) three: colour @skip(if: $c) tags ' +
          '@skip(if: $d) colour }',
      );
      const combinations = Array.from({ length: 16 }, (_, bits) => ({
        a: Boolean(bits & 1),
        b: Boolean(bits & 2),
        c: Boolean(bits & 4),
        d: Boolean(bits & 8),
      }));
      const isPlanned = async (variableValues: Record<string, unknown>): Promise<boolean> => {
        const contextValue = values();
        await executePlanned({ document: flooded, variableValues, contextValue });
        return contextValue.values.planned;
      };
      for (let round = 0; round < 3; round += 1) {
        const planned: boolean[] = [];
        for (const combination of round === 2 ? combinations.toReversed() : combinations)
          planned.push(await isPlanned(combination));
        expect(planned).toEqual(combinations.map(() => true));
      }
    });

    test('gives resolvers arguments that they cannot change for the next request', async () => {
      const twice = parse('{ echo(point: { x: 1 }) }');
      const seen: object[] = [];
      const contextValue = {
        values: { resolve: (_: unknown, args: object) => (seen.push(args), 'text') },
      };
      await executePlanned({ document: twice, contextValue });
      expect(() => Object.assign(seen[0]!, { x: 99 })).toThrow(TypeError);
      const { point } = seen[0] as { point: { tags: string[] } };
      expect(() => Object.assign(point, { x: 99 })).toThrow(TypeError);
      expect(() => point.tags.push('b')).toThrow(TypeError);
      await executePlanned({ document: twice, contextValue });
      expect(seen[1]).toEqual({ x: 3, colour: 'RED', sure: 4, point: { x: 1, y: 2, tags: ['a'] } });
    });
  });

  const SAME = [
    ['variables of a wrong type', 'query ($x: Int!) { echo(x: $x) }', { x: 'text' }],
    ['missing variables', 'query ($x: Int!) { echo(x: $x) }', {}],
    [
      'null for a condition',
      'query ($a: Boolean = true) { thing @include(if: $a) { id } }',
      { a: null },
    ],
    [
      'an argument that is null through a variable',
      'query ($p: Int) { echo(point: { x: $p }) }',
      { p: null },
    ],
    ['introspection', '{ __schema { queryType { name } } __type(name: "Thing") { kind } }', {}],
    [
      'names that objects have from birth',
      '{ __proto__: sureThing { constructor: id toString: __typename } hasOwnProperty: ' +
        '__typename }',
      {},
    ],
    ['several operations without a name', 'query A { thing { id } } query B { things { id } }', {}],
    ['an operation that is not there', 'query A { thing { id } }', {}, 'C'],
    [
      'one of several operations',
      'query A { thing { id } } query B { sureThings { id } }',
      {},
      'B',
    ],
  ] as const;

  test.each(SAME)(
    'answers %s as graphql-js does',
    async (_, query, variableValues, operationName?: string) => {
      const args = { document: parse(query), variableValues, operationName };
      const expected = await execute({ ...args, schema, contextValue: values() });
      const answer = await executePlanned({ ...args, contextValue: values() });
      expect(JSON.stringify(answer)).toBe(JSON.stringify(expected));
    },
  );

  test('tells resolvers what graphql-js tells them', async () => {
    const document = parse(
      'query Told($x: Int) { sureThings { ...F } } fragment F on Thing { told: echo(x: $x) }',
    );
    const told = async (run: typeof execute | typeof executePlanned): Promise<unknown[]> => {
      const infos: unknown[] = [];
      const resolve = (info: GraphQLResolveInfo): unknown => {
        const {
          fieldName,
          fieldNodes,
          returnType,
          parentType,
          path,
          fragments,
          operation,
          variableValues,
          rootValue,
        } = info;
        infos.push({
          fieldName,
          fieldNodes,
          returnType,
          parentType,
          path,
          fragments: Object.keys(fragments),
          operation,
          variableValues,
          rootValue,
          schema: info.schema === schema,
        });
        return info.fieldName === 'sureThings' ? [{}, {}] : 'text';
      };
      await run({
        schema,
        document,
        variableValues: { x: 5 },
        contextValue: { values: { resolve } },
        rootValue: { root: true },
      });
      return infos;
    };
    expect(await told(executePlanned)).toEqual(await told(execute));
  });
});

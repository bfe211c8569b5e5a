import fc from 'fast-check';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  type GraphQLField,
  type GraphQLInputType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGatewaySchema } from '../../../src/schema.js';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const schema = buildGatewaySchema();
const ID = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10';

let gateway: TestGateway;
let client: Client;
const parents: Record<string, string> = {};

beforeAll(async () => {
  gateway = await startTestGateway();
  const tenant = await gateway.world.tenant();
  const made = await tenant.key();
  client = await gateway.user(tenant);
  const bot = await tenant.bot();
  const document = await bot.document();
  await document.texts(2);
  await bot.query({ api_key_id: made.id });
  Object.assign(parents, {
    Tenant: tenant.id,
    Bot: bot.id,
    Document: document.id,
    ApiKey: made.id,
  });
});
afterAll(() => gateway.close());

const anyText = fc.oneof(
  { weight: 9, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  {
    weight: 9,
    arbitrary: fc.constantFrom(
      '',
      '%',
      '_',
      '\\',
      "'",
      '"',
      '{}',
      '{a,b}',
      'NULL',
      '$1',
      '?',
      '--',
      '\u0001',
      '\ufffe',
      ID,
      'a'.repeat(3_000),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('\u0000', '\ud800') },
);

/** Mostly what a field answers to, and now and then what it should refuse. */
const mostly = (right: fc.Arbitrary<unknown>, ...wrong: fc.Arbitrary<unknown>[]) =>
  fc.oneof({ weight: 15, arbitrary: right }, ...wrong.map(arbitrary => ({ weight: 1, arbitrary })));

const SCALARS: Record<string, fc.Arbitrary<unknown>> = {
  ID: mostly(fc.uuid(), anyText, fc.integer()),
  String: anyText,
  Int: mostly(fc.integer(), fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 2 ** 31, 1.5)),
  Float: mostly(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1e308, 5e-324),
  ),
  Boolean: fc.boolean(),
  BigInt: mostly(
    fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
      fc.maxSafeInteger(),
    ),
    fc.bigInt().map(String),
    anyText,
  ),
  DateTime: mostly(
    fc
      .date({
        min: new Date('0001-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59Z'),
        noInvalidDate: true,
      })
      .map(date => date.toISOString()),
    fc
      .tuple(
        fc.integer({ min: 1, max: 9999 }),
        fc.integer({ min: 0, max: 99 }),
        fc.integer({ min: 0, max: 99 }),
      )
      .map(([year, day, zone]) => {
        const pad = (value: number, length = 2) => String(value).padStart(length, '0');
        return `${pad(year, 4)}-02-${pad(day)}T00:00:00.000001+${pad(zone)}:${pad(day)}`;
      }),
    anyText,
  ),
  JSONObject: mostly(
    fc.dictionary(anyText, fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>, { maxKeys: 3 }),
    fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown>,
  ),
  MetadataValue: mostly(
    fc.oneof(anyText, fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    fc.constantFrom(null, [], {}),
  ),
  Vector: mostly(
    fc.constantFrom(1e-30, 1, -1e300).map(value => Array.from({ length: 1536 }, () => value)),
    fc.array(fc.double(), { maxLength: 4 }),
  ),
};
const PAGES: Record<string, fc.Arbitrary<unknown>> = {
  first: mostly(fc.option(fc.integer({ min: 1, max: 100 })), SCALARS.Int!),
  last: mostly(fc.constant(null), fc.integer({ min: 1, max: 100 })),
  after: mostly(fc.constant(null), anyText),
  before: mostly(fc.constant(null), anyText),
  start: mostly(fc.integer({ min: 0, max: 50 }), SCALARS.Int!),
  end: mostly(fc.constant(null), fc.integer({ min: 0, max: 100 })),
};

/**
 * Values that a type takes, and some that it does not: of the right kind, with whatever in them.
 */
function anyOf(type: GraphQLInputType, depth = 0): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return anyOf(type.ofType, depth);
  if (isListType(type)) return fc.array(anyOf(type.ofType, depth + 1), { maxLength: 3 });
  if (isEnumType(type)) return fc.constantFrom(...type.getValues().map(value => value.name));
  if (isScalarType(type)) return SCALARS[type.name]!;
  if (!isInputObjectType(type)) throw new Error(`${String(type)} is no input.`);
  // Deep filters would be asked again and again before one ends.
  const fields = Object.values(type.getFields()).filter(
    field => depth < 4 || !['and', 'or', 'not'].includes(field.name),
  );
  return fc
    .uniqueArray(fc.constantFrom(...fields), { minLength: 1, maxLength: 2 })
    .chain(chosen =>
      fc.record(
        Object.fromEntries(
          chosen.map(field => [field.name, fc.option(anyOf(field.type, depth + 1), { freq: 12 })]),
        ),
      ),
    );
}

/** Every field that takes arguments, by schema coordinate. */
const fields = Object.values(schema.getTypeMap())
  .filter(isObjectType)
  .filter(type => !type.name.startsWith('__'))
  .flatMap(type =>
    Object.values(type.getFields()).map(field => ({
      coordinate: `${type.name}.${field.name}`,
      parent: type.name,
      field,
    })),
  )
  .filter(
    ({ field, parent }) =>
      field.args.length > 0 &&
      (parent === 'Query' || ['Tenant', 'Bot', 'Document', 'ApiKey'].includes(parent)),
  );

function operation(parent: string, field: GraphQLField<unknown, unknown>): string {
  const declared = field.args.map(arg => `$${arg.name}: ${String(arg.type)}`).join(', ');
  const given = field.args.map(arg => `${arg.name}: $${arg.name}`).join(', ');
  const type = getNamedType(field.type);
  const connection = type.name.endsWith('Connection')
    ? 'totalCount edges { cursor node { __typename id } }'
    : '__typename';
  const asked = `${field.name}(${given})${isLeafType(type) ? '' : ` { ${connection} }`}`;
  if (parent === 'Query') return `query (${declared}) { ${asked} }`;
  return `query (${declared}) { node(id: "${parents[parent]}") { ... on ${parent} { ${asked} } } }`;
}

describe.each(fields)('$coordinate', ({ parent, field }) => {
  test('answers or refuses any arguments by name, and never fails', async () => {
    const anyVariables = fc.record(
      Object.fromEntries(
        field.args.map(arg => [
          arg.name,
          PAGES[arg.name] ??
            (isNonNullType(arg.type) ? anyOf(arg.type) : fc.option(anyOf(arg.type))),
        ]),
      ),
    );
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(anyVariables, async variables => {
        const { status, errors } = await client.query(
          operation(parent, field),
          variables as Record<string, unknown>,
        );
        expect(status).toBeLessThan(500);
        for (const error of errors ?? [])
          expect(error).toMatchObject({
            extensions: {
              code: expect.stringMatching(/^(BAD_USER_INPUT|NOT_FOUND)$/),
              requestId: expect.any(String),
            },
          });
        answered += errors ? 0 : 1;
      }),
      { numRuns: 100, seed: 20_261_123 },
    );
    // Were all refused, nothing would have reached the database.
    if (field.args.length > 1) expect(answered).toBeGreaterThan(3);
  });
});

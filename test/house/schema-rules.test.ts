import {
  getNamedType,
  isInputObjectType,
  isIntrospectionType,
  isLeafType,
  isNonNullType,
  isObjectType,
  type GraphQLInputObjectType,
  type GraphQLObjectType,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { PERMISSIONS } from '../../src/auth/permissions.js';
import { RULE } from '../../src/auth/requires.js';
import { ENTITIES, NODES } from '../../src/entities.js';
import { DISTINGUISHES_NULL } from '../../src/graphql/distinguishes-null.js';
import { buildGatewaySchema } from '../../src/schema.js';
import { readModels } from '../support/models.js';

const schema = buildGatewaySchema();
const objects = Object.values(schema.getTypeMap()).filter(
  (type): type is GraphQLObjectType => isObjectType(type) && !isIntrospectionType(type),
);
const inputs = Object.values(schema.getTypeMap()).filter(isInputObjectType);
const roots = [
  schema.getQueryType(),
  schema.getMutationType(),
  schema.getSubscriptionType(),
].filter(type => type != null);
const fields = objects.flatMap(type =>
  Object.values(type.getFields()).map(field => ({
    coordinate: `${type.name}.${field.name}`,
    type,
    field,
  })),
);
const coordinates = (found: typeof fields) => found.map(({ coordinate }) => coordinate);

const withRule = fields.filter(({ field }) => field.extensions[RULE] !== undefined);
const withoutRule = fields.filter(({ field }) => field.extensions[RULE] === undefined);

/**
 * What only wraps what a field with a rule has found, and so is open to whoever may select that
 * field: pages and their edges, payloads, a search's results. A type that is named here may hold an
 * entity without another rule; no other may.
 */
const WRAPPERS = new RegExp(
  String.raw`^(PageInfo|\w+Connection|\w+Edge|\w+Payload|DeletionCount|` +
    'ChunkSearchResult|ChunkSearchHit|SearchCompleteness|ChunkExplanation|KeywordExplanation)$',
);

/**
 * A value of the object on which it stands: nothing more is read for it, so that whoever may reach
 * the object may see it.
 */
const isOwnValue = ({ field }: (typeof fields)[number]): boolean =>
  isLeafType(getNamedType(field.type));

describe('the rules of the schema', () => {
  test('stand on every field but values of its own object and what wraps a ruled answer', () => {
    expect(withRule.length).toBeGreaterThan(60);
    const open = withoutRule.filter(candidate => {
      const { type, field } = candidate;
      const readsMore =
        field.resolve !== undefined || field.args.length > 0 || roots.includes(type);
      return readsMore || !(isOwnValue(candidate) || WRAPPERS.test(type.name));
    });
    expect(coordinates(open)).toEqual([]);
  });

  test('are not left out by calling an entity a wrapper', () => {
    expect(ENTITIES.filter(({ name }) => WRAPPERS.test(name))).toEqual([]);
  });

  test('name permissions that there are, and at least one', () => {
    const permissions: unknown[] = [...PERMISSIONS];
    const wrong = withRule.filter(({ field }) => {
      const anyOf = field.extensions[RULE] as unknown[];
      return (
        !Array.isArray(anyOf) ||
        anyOf.length === 0 ||
        anyOf.some(permission => !permissions.includes(permission))
      );
    });
    expect(coordinates(wrong)).toEqual([]);
  });
});

describe('the conventions of the schema', () => {
  test('give every list a page, a filter and an order', () => {
    const lists = fields.filter(({ field }) =>
      getNamedType(field.type).name.endsWith('Connection'),
    );
    const wanted = ['after', 'before', 'filter', 'first', 'last', 'orderBy'];
    expect(
      lists
        .filter(({ field }) => wanted.some(name => !field.args.some(arg => arg.name === name)))
        .map(({ coordinate }) => coordinate),
    ).toEqual([]);
  });

  test('make every entity a Node with an id', () => {
    const node = schema.getType('Node');
    for (const { name } of NODES) {
      const type = objects.find(object => object.name === name)!;
      expect(type.getInterfaces(), name).toContain(node);
      expect(String(type.getFields().id!.type), name).toBe('ID!');
    }
  });

  test('let every mutation answer null, so that one that fails takes no other along', () => {
    const mutations = Object.values(schema.getMutationType()!.getFields());
    expect(mutations.length).toBeGreaterThan(10);
    expect(mutations.filter(({ type }) => isNonNullType(type)).map(({ name }) => name)).toEqual([]);
  });

  test('say of a new object where null is something else than to leave a field out', () => {
    const keyed = inputs.filter(type => type.getFields().idempotencyKey);
    const nested = (type: GraphQLInputObjectType): GraphQLInputObjectType[] => [
      type,
      ...Object.values(type.getFields()).flatMap(field =>
        [getNamedType(field.type)].filter(isInputObjectType).flatMap(nested),
      ),
    ];
    const parts = new Set(keyed.flatMap(nested).flatMap(type => Object.values(type.getFields())));
    expect(
      [...parts]
        .filter(({ description }) => /\bnull\b/i.test(description ?? ''))
        .map(({ name }) => name),
    ).toEqual(['embedding']);
    expect(
      [...parts].filter(({ extensions }) => extensions[DISTINGUISHES_NULL]).map(({ name }) => name),
    ).toEqual(['embedding']);
  });

  test('hide the relations of an entity that is no type, which no deletion counts', async () => {
    const models = await readModels();
    const hidden = ENTITIES.filter(({ name }) => !objects.some(type => type.name === name));
    expect(hidden.map(({ name }) => name)).toEqual([
      'DocumentText',
      'UploadPart',
      'IngestionChunk',
      'IdempotencyKey',
    ]);
    for (const entity of hidden)
      for (const relation of ['tenant', 'bot', 'document', 'upload', 'ingestion'])
        expect(models.of(entity).foreignKeyOf(relation), entity.name).toBeUndefined();
  });

  test('write enum values in capitals', () => {
    const values = Object.values(schema.getTypeMap()).flatMap(type =>
      'getValues' in type && !isIntrospectionType(type)
        ? type.getValues().map(value => value.name)
        : [],
    );
    expect(values.filter(value => !/^[A-Z][A-Z0-9_]*$/.test(value))).toEqual([]);
  });
});

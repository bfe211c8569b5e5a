import { getNamedType, isInterfaceType, isIntrospectionType, isObjectType, type GraphQLObjectType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { PERMISSIONS } from '../../src/auth/permissions.js';
import { RULE } from '../../src/auth/requires.js';
import { NODES } from '../../src/entities.js';
import { buildGatewaySchema } from '../../src/schema.js';

const schema = buildGatewaySchema();
const objects = Object.values(schema.getTypeMap()).filter((type): type is GraphQLObjectType => isObjectType(type) && !isIntrospectionType(type));
const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter(type => type != null);
const fields = objects.flatMap(type => Object.values(type.getFields()).map(field => ({ coordinate: `${type.name}.${field.name}`, type, field })));
const coordinates = (found: typeof fields) => found.map(({ coordinate }) => coordinate);

/** Fields that show more than the row or value that they stand on: those with a resolver of their own. */
const reading = fields.filter(({ type, field }) => roots.includes(type) || field.resolve !== undefined);

describe('the rules of the schema', () => {
  test('stand on every root field and every field that reads', () => {
    expect(reading.length).toBeGreaterThan(30);
    expect(coordinates(reading.filter(({ field }) => field.extensions[RULE] === undefined))).toEqual([]);
  });

  test('stand on every field that leads to another entity or a list', () => {
    const names = new Set(NODES.map(entity => entity.name));
    const containers = /(Connection|Edge|SearchHit|Payload)$/;
    const leading = fields.filter(({ type, field }) => {
      const target = getNamedType(field.type);
      return !containers.test(type.name) && (names.has(target.name) || isInterfaceType(target) || target.name.endsWith('Connection'));
    });
    expect(leading.length).toBeGreaterThan(20);
    expect(coordinates(leading.filter(({ field }) => field.extensions[RULE] === undefined))).toEqual([]);
  });

  test('name permissions that there are, and at least one', () => {
    const permissions: unknown[] = [...PERMISSIONS];
    const wrong = reading.filter(({ field }) => {
      const anyOf = field.extensions[RULE] as unknown[];
      return !Array.isArray(anyOf) || anyOf.length === 0 || anyOf.some(permission => !permissions.includes(permission));
    });
    expect(coordinates(wrong)).toEqual([]);
  });
});

describe('the conventions of the schema', () => {
  test('give every list a page, a filter and an order', () => {
    const lists = fields.filter(({ field }) => getNamedType(field.type).name.endsWith('Connection'));
    const wanted = ['after', 'before', 'filter', 'first', 'last', 'orderBy'];
    expect(lists.filter(({ field }) => wanted.some(name => !field.args.some(arg => arg.name === name))).map(({ coordinate }) => coordinate)).toEqual([]);
  });

  test('make every entity a Node with an id', () => {
    const node = schema.getType('Node');
    for (const { name } of NODES) {
      const type = objects.find(object => object.name === name)!;
      expect(type.getInterfaces(), name).toContain(node);
      expect(String(type.getFields().id!.type), name).toBe('ID!');
    }
  });

  test('write enum values in capitals', () => {
    const values = Object.values(schema.getTypeMap()).flatMap(type => ('getValues' in type && !isIntrospectionType(type) ? type.getValues().map(value => value.name) : []));
    expect(values.filter(value => !/^[A-Z][A-Z0-9_]*$/.test(value))).toEqual([]);
  });
});

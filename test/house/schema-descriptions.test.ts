import {
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isObjectType,
  isInterfaceType,
  isSpecifiedScalarType,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { buildGatewaySchema } from '../../src/schema.js';

const schema = buildGatewaySchema();
const types = Object.values(schema.getTypeMap()).filter(
  type => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);

/**
 * Everything that has a description, by schema coordinate:
 * https://spec.graphql.org/draft/#sec-Schema-Coordinates
 */
function* described(): Generator<[coordinate: string, description: string]> {
  for (const type of types) {
    yield [type.name, type.description ?? ''];
    if (isEnumType(type))
      for (const value of type.getValues())
        yield [`${type.name}.${value.name}`, value.description ?? ''];
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      yield [`${type.name}.${field.name}`, field.description ?? ''];
      for (const arg of 'args' in field ? field.args : [])
        yield [`${type.name}.${field.name}(${arg.name}:)`, arg.description ?? ''];
    }
  }
}

describe('the schema', () => {
  test('describes every type, field, argument, enum value and input field', () => {
    const all = [...described()];
    expect(all.length).toBeGreaterThan(300);
    expect(all.filter(([, description]) => description.trim() === '')).toEqual([]);
  });

  test("has descriptions that end with a full stop or a specification's address", () => {
    expect(
      [...described()].filter(
        ([, description]) => !/^\S(.|\n)*(\.|https:\/\/\S+)$/.test(description),
      ),
    ).toEqual([]);
  });

  test('names what deprecated things are replaced by', () => {
    const deprecated = types.flatMap(type =>
      isObjectType(type)
        ? Object.values(type.getFields()).filter(field => field.deprecationReason !== undefined)
        : [],
    );
    expect(deprecated.filter(field => !/`\w+`/.test(field.deprecationReason ?? ''))).toEqual([]);
  });
});

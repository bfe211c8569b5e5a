import { readFileSync } from 'node:fs';
import {
  buildSchema,
  getVariableValues,
  Kind,
  parse,
  validate,
  type OperationDefinitionNode,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import {
  SAMPLE_BOT_ID,
  SAMPLE_DOCUMENT_ID,
  SAMPLE_IDS,
} from '../../../src/playground/playground-operation.js';
import {
  OPENED_OPERATIONS,
  PLAYGROUND_OPERATIONS,
} from '../../../src/playground/playground-operations.js';

const schema = buildSchema(
  readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8'),
);

function onlyOperation(query: string): OperationDefinitionNode {
  const [operation, ...others] = parse(query).definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION || others.length > 0)
    throw new Error('There must be one operation and nothing else.');
  return operation;
}

describe.each(PLAYGROUND_OPERATIONS)(
  'the Playground operation "$name"',
  ({ query, variables = {} }) => {
    test('is valid in the schema', () => {
      expect(validate(schema, parse(query))).toEqual([]);
    });

    test('brings the variables that it needs, and no others', () => {
      const { variableDefinitions = [] } = onlyOperation(query);
      expect(getVariableValues(schema, variableDefinitions, variables).errors).toBeUndefined();
      expect(Object.keys(variables).sort()).toEqual(
        variableDefinitions.map(definition => definition.variable.name.value).sort(),
      );
    });

    test('begins with a comment that fits its narrow pane', () => {
      const comments = query.split('\n').filter(line => line.startsWith('#'));
      expect(comments).not.toEqual([]);
      expect(comments.filter(line => line.length > 58)).toEqual([]);
    });
  },
);

describe('the Playground operations', () => {
  test('have names of their own, for people and for programs', () => {
    expect(new Set(PLAYGROUND_OPERATIONS.map(operation => operation.name)).size).toBe(
      PLAYGROUND_OPERATIONS.length,
    );
    expect(
      new Set(PLAYGROUND_OPERATIONS.map(({ query }) => onlyOperation(query).name?.value)).size,
    ).toBe(PLAYGROUND_OPERATIONS.length);
  });

  test('read only: a visitor may press any of them', () => {
    expect(PLAYGROUND_OPERATIONS.map(({ query }) => onlyOperation(query).operation)).toEqual(
      PLAYGROUND_OPERATIONS.map(() => 'query'),
    );
  });

  test('that stand open need no sample ids, which only the collection gets', () => {
    for (const { variables } of OPENED_OPERATIONS) {
      expect(JSON.stringify(variables ?? {})).not.toContain(SAMPLE_BOT_ID);
      expect(JSON.stringify(variables ?? {})).not.toContain(SAMPLE_DOCUMENT_ID);
    }
  });

  test('get their sample ids by a valid query', () => {
    expect(validate(schema, parse(SAMPLE_IDS))).toEqual([]);
  });
});

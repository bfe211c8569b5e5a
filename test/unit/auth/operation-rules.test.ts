import { buildSchema, getOperationAST, parse, type GraphQLObjectType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { ApiKeyScope, type Principal } from '../../../src/auth/principal.js';
import { RULE } from '../../../src/auth/requires.js';
import { AppError } from '../../../src/base/app-error.js';
import { operationRules } from '../../../src/graphql/operation-rules.js';

/** Two kinds of thing, of which one keeps to itself what both are asked for. */
const schema = buildSchema(`
  interface Thing { id: ID! secret: String }
  type Open implements Thing { id: ID! secret: String }
  type Closed implements Thing { id: ID! secret: String closed: String }
  union Either = Open | Closed
  type Query { things: [Thing] either: Either open: Open }
`);
for (const [type, field] of [['Closed', 'secret'], ['Closed', 'closed']] as const) {
  Object.assign((schema.getType(type) as GraphQLObjectType).getFields()[field]!.extensions, { [RULE]: ['admin'] });
}

const holding = (...scopes: ApiKeyScope[]): Principal => ({ kind: 'apiKey', tenantId: 't', keyId: 'k', scopes: new Set(scopes), rateLimitRpm: 60 });

/** The code of the error with which an operation is refused; undefined where it may run. */
async function refusalOf(source: string, principal: Principal, variables: object = {}): Promise<string | undefined> {
  const document = parse(source);
  const listener = (await operationRules().requestDidStart!({} as never)) as { didResolveOperation(context: object): Promise<void> };
  try {
    await listener.didResolveOperation({ schema, document, operation: getOperationAST(document), request: { variables }, contextValue: { principal, refused: undefined } });
    return undefined;
  } catch (error) {
    const { originalError } = error as { originalError: AppError };
    expect(originalError).toBeInstanceOf(AppError);
    return `${originalError.code} ${originalError.field ?? ''}`.trim();
  }
}

describe('a rule', () => {
  test('holds for the field of an interface, as it may turn out to be any of its types', async () => {
    expect(await refusalOf('{ things { secret } }', holding(ApiKeyScope.READ))).toBe('FORBIDDEN Closed.secret');
    expect(await refusalOf('{ things { ... on Open { secret } } }', holding(ApiKeyScope.READ))).toBeUndefined();
    expect(await refusalOf('{ things { ... on Closed { secret } } }', holding(ApiKeyScope.READ))).toBe('FORBIDDEN Closed.secret');
    expect(await refusalOf('{ things { ... on Thing { ... on Closed { x: closed } } } }', holding(ApiKeyScope.READ))).toBe('FORBIDDEN Closed.closed');
    expect(await refusalOf('{ things { id } }', holding(ApiKeyScope.READ))).toBeUndefined();
  });

  test('holds within a union', async () => {
    expect(await refusalOf('{ either { __typename ... on Closed { closed } } }', holding(ApiKeyScope.READ))).toBe('FORBIDDEN Closed.closed');
    expect(await refusalOf('{ either { ... on Thing { secret } } }', holding(ApiKeyScope.READ))).toBe('FORBIDDEN Closed.secret');
    expect(await refusalOf('{ either { __typename } }', holding(ApiKeyScope.READ))).toBeUndefined();
  });

  test('is opened by any one of its scopes, and always to the operator', async () => {
    expect(await refusalOf('{ things { secret } }', holding(ApiKeyScope.ADMIN))).toBeUndefined();
    expect(await refusalOf('{ things { secret } }', { kind: 'operator' })).toBeUndefined();
  });

  test('does not matter to nobody, who gets no field of any type', async () => {
    expect(await refusalOf('{ open { id } }', { kind: 'nobody' })).toBe('UNAUTHENTICATED');
    expect(await refusalOf('{ __typename __schema { types { name } } }', { kind: 'nobody' })).toBeUndefined();
  });
});

describe('texts that no database can hold', () => {
  test.each([
    ['a NUL', { name: 'a\0b' }, 'variables.name'],
    ['half of a pair', { list: ['ok', { deep: '\ud800' }] }, 'variables.list[1].deep'],
    ['a NUL in a member name', { metadata: { 'a\0': 1 } }, 'variables.metadata'],
  ])('are refused by name: %s', async (_, variables, field) => {
    expect(await refusalOf('{ open { id } }', { kind: 'operator' }, variables)).toBe(`BAD_USER_INPUT ${field}`);
  });

  test('are refused in the document as well', async () => {
    expect(await refusalOf('{ open { id } } ', { kind: 'operator' })).toBeUndefined();
    expect(await refusalOf('{ __type(name: "a\\u0000") { name } }', { kind: 'nobody' })).toBe('BAD_USER_INPUT name');
  });

  test('and so are variables nested deeper than a stack is high', async () => {
    let nested: unknown = [];
    for (let level = 0; level < 50_000; level += 1) nested = level % 2 ? { nested } : [nested];
    expect(await refusalOf('{ open { id } }', { kind: 'operator' }, { nested })).toBe('BAD_USER_INPUT variables');
  });
});

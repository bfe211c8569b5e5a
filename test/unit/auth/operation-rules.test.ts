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
for (const [type, field] of [
  ['Closed', 'secret'],
  ['Closed', 'closed'],
] as const) {
  Object.assign((schema.getType(type) as GraphQLObjectType).getFields()[field]!.extensions, {
    [RULE]: ['admin'],
  });
}

const holding = (...scopes: ApiKeyScope[]): Principal => ({
  kind: 'apiKey',
  tenantId: 't',
  keyId: 'k',
  scopes: new Set(scopes),
  rateLimitRpm: 60,
});

/** The code of the error with which an operation is refused; undefined where it may run. */
async function refusalOf(source: string, principal: Principal): Promise<string | undefined> {
  const document = parse(source);
  const listener = (await operationRules({ openIntrospection: true }).requestDidStart!(
    {} as never,
  )) as { didResolveOperation(context: object): Promise<void> };
  try {
    await listener.didResolveOperation({
      schema,
      document,
      operation: getOperationAST(document),
      contextValue: { principal, refused: undefined },
    });
    return undefined;
  } catch (error) {
    const { originalError } = error as { originalError: AppError };
    expect(originalError).toBeInstanceOf(AppError);
    return `${originalError.code} ${originalError.field ?? ''}`.trim();
  }
}

describe('a rule', () => {
  test('holds for the field of an interface, which may be any of its types', async () => {
    expect(await refusalOf('{ things { secret } }', holding(ApiKeyScope.READ))).toBe(
      'FORBIDDEN Closed.secret',
    );
    expect(
      await refusalOf('{ things { ... on Open { secret } } }', holding(ApiKeyScope.READ)),
    ).toBeUndefined();
    expect(
      await refusalOf('{ things { ... on Closed { secret } } }', holding(ApiKeyScope.READ)),
    ).toBe('FORBIDDEN Closed.secret');
    expect(
      await refusalOf(
        '{ things { ... on Thing { ... on Closed { x: closed } } } }',
        holding(ApiKeyScope.READ),
      ),
    ).toBe('FORBIDDEN Closed.closed');
    expect(await refusalOf('{ things { id } }', holding(ApiKeyScope.READ))).toBeUndefined();
  });

  test('holds within a union', async () => {
    expect(
      await refusalOf(
        '{ either { __typename ... on Closed { closed } } }',
        holding(ApiKeyScope.READ),
      ),
    ).toBe('FORBIDDEN Closed.closed');
    expect(
      await refusalOf('{ either { ... on Thing { secret } } }', holding(ApiKeyScope.READ)),
    ).toBe('FORBIDDEN Closed.secret');
    expect(await refusalOf('{ either { __typename } }', holding(ApiKeyScope.READ))).toBeUndefined();
  });

  test('is opened by any one of its scopes, and always to the operator', async () => {
    expect(await refusalOf('{ things { secret } }', holding(ApiKeyScope.ADMIN))).toBeUndefined();
    expect(await refusalOf('{ things { secret } }', { kind: 'operator' })).toBeUndefined();
  });

  test('does not matter to nobody, who gets no field of any type', async () => {
    expect(await refusalOf('{ open { id } }', { kind: 'nobody' })).toBe('UNAUTHENTICATED');
    expect(
      await refusalOf('{ __typename __schema { types { name } } }', { kind: 'nobody' }),
    ).toBeUndefined();
  });
});

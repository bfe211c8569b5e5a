import { buildSchema, parse, type GraphQLObjectType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { ApiKeyScope, type Principal } from '../../../../src/auth/principal.js';
import { RULE } from '../../../../src/auth/requires.js';
import { AppError } from '../../../../src/base/app-error.js';
import { admissionProblem } from '../../../../src/graphql/operation/admission-problem.js';
import { operationOf, validDocument } from '../../../../src/graphql/operation/prepared-document.js';
import { testConfig } from '../../../support/config.js';

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
function refusalOf(source: string, principal: Principal): string | undefined {
  const { limits } = testConfig();
  const settings = { schema, limits, openIntrospection: true };
  const operation = operationOf(schema, limits, validDocument(parse(source)), undefined)!;
  const context = { principal, onlyQueries: false };
  const problem = admissionProblem(settings, operation, undefined, context)?.originalError;
  if (!problem) return undefined;
  expect(problem).toBeInstanceOf(AppError);
  const { code, field } = problem as AppError;
  return `${code} ${field ?? ''}`.trim();
}

describe('a rule', () => {
  test('holds for the field of an interface, which may be any of its types', () => {
    expect(refusalOf('{ things { secret } }', holding(ApiKeyScope.READ))).toBe(
      'FORBIDDEN Closed.secret',
    );
    expect(
      refusalOf('{ things { ... on Open { secret } } }', holding(ApiKeyScope.READ)),
    ).toBeUndefined();
    expect(refusalOf('{ things { ... on Closed { secret } } }', holding(ApiKeyScope.READ))).toBe(
      'FORBIDDEN Closed.secret',
    );
    expect(
      refusalOf(
        '{ things { ... on Thing { ... on Closed { x: closed } } } }',
        holding(ApiKeyScope.READ),
      ),
    ).toBe('FORBIDDEN Closed.closed');
    expect(refusalOf('{ things { id } }', holding(ApiKeyScope.READ))).toBeUndefined();
  });

  test('holds within a union', () => {
    expect(
      refusalOf('{ either { __typename ... on Closed { closed } } }', holding(ApiKeyScope.READ)),
    ).toBe('FORBIDDEN Closed.closed');
    expect(refusalOf('{ either { ... on Thing { secret } } }', holding(ApiKeyScope.READ))).toBe(
      'FORBIDDEN Closed.secret',
    );
    expect(refusalOf('{ either { __typename } }', holding(ApiKeyScope.READ))).toBeUndefined();
  });

  test('is opened by any one of its scopes, and always to the operator', () => {
    expect(refusalOf('{ things { secret } }', holding(ApiKeyScope.ADMIN))).toBeUndefined();
    expect(refusalOf('{ things { secret } }', { kind: 'operator' })).toBeUndefined();
  });

  test('does not matter to nobody, who gets no field of any type', () => {
    expect(refusalOf('{ open { id } }', { kind: 'nobody' })).toBe('UNAUTHENTICATED');
    expect(
      refusalOf('{ __typename __schema { types { name } } }', { kind: 'nobody' }),
    ).toBeUndefined();
  });
});

import { buildSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import type { Principal } from '../../../../src/auth/principal.js';
import { AppError } from '../../../../src/base/app-error.js';
import type { RequestContext } from '../../../../src/graphql/context.js';
import type { OperationAnswer } from '../../../../src/graphql/operation/answer-operation.js';
import { Operations } from '../../../../src/graphql/operation/operations.js';
import { CLIENT_DISCONNECTED } from '../../../../src/graphql/operation-timeout.js';
import { testConfig } from '../../../support/config.js';
import { collectLog } from '../../../support/log-lines.js';

// What a transport needs that knows nothing of HTTP requests: a text, variables and a context.

const schema = buildSchema('type Query { a(x: Int): String failing: String mistaken: String }');
Object.assign(schema.getQueryType()!.getFields().a!, { resolve: () => 'A' });
Object.assign(schema.getQueryType()!.getFields().failing!, {
  resolve: () => {
    throw new AppError('UNAVAILABLE', 'Not now.', { retryAfterMs: 1_000 });
  },
});
Object.assign(schema.getQueryType()!.getFields().mistaken!, {
  resolve: () => {
    throw new TypeError('secret');
  },
});
const operations = new Operations({
  schema,
  limits: testConfig().limits,
  openIntrospection: false,
});

async function answer(
  text: string,
  parameters: { operationName?: string; variables?: Record<string, unknown> } = {},
  {
    principal = { kind: 'operator' },
    isGone = false,
  }: { principal?: Principal; isGone?: boolean } = {},
): Promise<OperationAnswer & { logged: string[] }> {
  const log = collectLog();
  const context = {
    requestId: 'r',
    requestErrorStatus: 400,
    onlyQueries: false,
    principal,
    log: log.log,
    signal: isGone ? AbortSignal.abort(CLIENT_DISCONNECTED) : new AbortController().signal,
    takeParametersText: () => undefined,
  } as unknown as RequestContext;
  const answered = await operations.answer(operations.prepare(text), parameters, context);
  return { ...answered, logged: log.entries().map(({ msg }) => msg as string) };
}

const refused = (message: RegExp, code = 'BAD_USER_INPUT'): object => ({
  errors: [{ message: expect.stringMatching(message), extensions: { code, requestId: 'r' } }],
});

describe('an operation is answered', () => {
  test('with its data', async () => {
    const answered = await answer('query A { a } query B { b: a }', { operationName: 'B' });
    expect(JSON.stringify(answered.result)).toBe('{"data":{"b":"A"}}');
    expect(answered).toMatchObject({ status: undefined, logged: [] });
  });

  test.each([
    ['a text that is no document', '{ a', {}, /^Syntax Error/],
    ['a document that is not valid', '{ b }', {}, /^Cannot query field "b"/],
    ['an operation that is not there', 'query A { a }', { operationName: 'B' }, /"B"/],
    ['one of several, and no name', 'query A { a } query B { a }', {}, /operation name/],
    ['variables', 'query ($x: Int!) { a(x: $x) }', { variables: { x: 'x' } }, /"\$x" got invalid/],
    ['a kind that the schema has not', 'mutation { a }', {}, /no mutations/],
  ])('with what is wrong with %s', async (_, text, parameters, message) => {
    const { result, status, logged } = await answer(text, parameters);
    expect(result).toMatchObject(refused(message));
    expect([status, logged]).toEqual([400, []]);
  });

  test('with who may not ask', async () => {
    const { result, status } = await answer('{ a }', {}, { principal: { kind: 'nobody' } });
    expect(result).toMatchObject(refused(/needs a token/, 'UNAUTHENTICATED'));
    expect(status).toBe(401);
  });

  test('without names that could have been meant, to callers without a token', async () => {
    const asked = await answer('{ failings }', {}, { principal: { kind: 'nobody' } });
    expect(JSON.stringify(asked.result)).not.toContain('Did you mean');
    expect(JSON.stringify((await answer('{ failings }')).result)).toContain('Did you mean');
  });

  test('as a failure, where a service failed and nothing is there', async () => {
    const { result, status, headers, logged } = await answer('{ failing }');
    expect(Object.keys(result)).toEqual(['errors']);
    expect([status, headers.get('retry-after'), logged]).toEqual([503, '1', ['Unavailable']]);
    expect((await answer('{ a failing }')).result.data).toEqual({ a: 'A', failing: null });
  });

  test('without a mistake of ours, which the log explains', async () => {
    const { result, logged } = await answer('{ mistaken }');
    expect(JSON.stringify(result)).not.toContain('secret');
    expect(logged).toEqual(['Unexpected error']);
  });

  test('in silence, where the caller has gone', async () => {
    expect((await answer('{ failing mistaken }', {}, { isGone: true })).logged).toEqual([]);
  });
});

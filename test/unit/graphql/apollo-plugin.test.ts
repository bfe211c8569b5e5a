import { ApolloServer, HeaderMap } from '@apollo/server';
import { buildSchema } from 'graphql';
import { expect, test, vi } from 'vitest';
import { apolloPlugin } from '../../../src/graphql/apollo-plugin.js';
import type { RequestContext } from '../../../src/graphql/context.js';
import { Operations } from '../../../src/graphql/operation/operations.js';
import { testConfig } from '../../support/config.js';

const schema = buildSchema('type Query { a: String }');
const settings = { schema, limits: testConfig().limits, openIntrospection: true };

test.each([
  ['valid', '{ a }', '{"data":{"a":null}}'],
  ['not valid', '{ b }', 'Cannot query field'],
  ['too large', `{ ${'b '.repeat(settings.limits.rootFields + 1)} }`, 'root fields'],
])('Apollo Server neither validates nor executes a document that is %s', async (_, query, text) => {
  const rule = vi.fn(() => ({}));
  const apollo = new ApolloServer<RequestContext>({
    schema,
    documentStore: null,
    validationRules: [rule],
    stringifyResult: result => JSON.stringify(result),
    plugins: [apolloPlugin(new Operations(settings))],
    // Would be asked for each field, if Apollo executed.
    fieldResolver: () => 'executed by Apollo',
  });
  await apollo.start();
  const { body } = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: 'POST',
      headers: new HeaderMap([['content-type', 'application/json']]),
      search: '',
      body: { query },
    },
    context: async () =>
      ({
        principal: { kind: 'operator' },
        signal: new AbortController().signal,
        takeParametersText: () => undefined,
      }) as unknown as RequestContext,
  });
  expect((body as { string: string }).string).toContain(text);
  expect(rule).not.toHaveBeenCalled();
  await apollo.stop();
});

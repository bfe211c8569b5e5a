import {
  ApolloServer,
  HeaderMap,
  type ApolloServerOptions,
  type ApolloServerOptionsWithGateway,
  type BaseContext,
} from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import type { GraphQLSchema } from 'graphql';
import type { WrittenOperation } from './operation-writer.js';
import { createExecutor, type Executor } from './planned-executor.js';

/** Two Apollo servers that differ in nothing but who executes: plans, or graphql-js. */
export class ApolloPair<C extends BaseContext> {
  readonly planned: ApolloServer<C>;
  readonly plain: ApolloServer<C>;

  constructor(schema: GraphQLSchema, options: Pick<ApolloServerOptions<C>, 'formatError'> = {}) {
    const server = (
      execution: Pick<ApolloServerOptions<C>, 'schema'> | Pick<ApolloServerOptions<C>, 'gateway'>,
    ): ApolloServer<C> =>
      new ApolloServer<C>({
        ...options,
        ...execution,
        introspection: true,
        includeStacktraceInErrorResponses: false,
        plugins: [ApolloServerPluginCacheControlDisabled()],
      } as ApolloServerOptions<C>);
    this.planned = server({ gateway: asGateway(createExecutor(schema), schema) });
    this.plain = server({ schema });
  }

  async start(): Promise<void> {
    await Promise.all([this.planned.start(), this.plain.start()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.planned.stop(), this.plain.stop()]);
  }
}

/** Apollo leaves to a gateway what comes after validation, and nothing else. */
function asGateway(
  executor: Executor,
  schema: GraphQLSchema,
): ApolloServerOptionsWithGateway<BaseContext>['gateway'] {
  return {
    onSchemaLoadOrUpdate(callback) {
      callback({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => {};
    },
    load: async () => ({
      executor: async ({ document, request, context }) =>
        executor({
          document,
          operationName: request.operationName,
          variableValues: request.variables,
          contextValue: context,
        }),
    }),
    stop: async () => {},
  };
}

/** The status and the very text with which a server answers. */
export async function textOf<C extends BaseContext>(
  apollo: ApolloServer<C>,
  operation: WrittenOperation,
  context: C,
): Promise<string> {
  const { status, body } = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: 'POST',
      headers: new HeaderMap([['content-type', 'application/json']]),
      search: '',
      body: JSON.parse(JSON.stringify(operation)),
    },
    context: async () => context,
  });
  return `${status ?? 200} ${body.kind === 'complete' ? body.string : 'in parts'}`;
}

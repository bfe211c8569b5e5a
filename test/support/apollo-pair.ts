import {
  ApolloServer,
  HeaderMap,
  type ApolloServerOptions,
  type BaseContext,
} from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import type { GraphQLSchema } from 'graphql';
import { asApolloGateway, createExecutor } from '../../src/graphql/execution/executor.js';
import type { WrittenOperation } from './operation-writer.js';

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
    this.planned = server({ gateway: asApolloGateway(createExecutor(schema), schema) });
    this.plain = server({ schema });
  }

  async start(): Promise<void> {
    await Promise.all([this.planned.start(), this.plain.start()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.planned.stop(), this.plain.stop()]);
  }
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

import type { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isBrowserNavigation, PLAYGROUND_PATH } from './playground.js';

export const GRAPHQL_PATH = '/graphql';

/** What one request's operation has at hand, made from the request. */
export type ContextOf<C> = (request: FastifyRequest, reply: FastifyReply) => Promise<C>;

/** `/graphql` as the GraphQL over HTTP specification has it: https://graphql.github.io/graphql-over-http/draft/ */
export function registerGraphqlEndpoint<C extends object>(app: FastifyInstance, apollo: ApolloServer<C>, contextOf: ContextOf<C>): void {
  const handle = fastifyApolloHandler(apollo, { context: contextOf as never });
  app.route({
    method: ['GET', 'POST', 'OPTIONS', 'HEAD'],
    url: GRAPHQL_PATH,
    async handler(request, reply) {
      if (isBrowserNavigation(request)) return reply.redirect(PLAYGROUND_PATH);
      return handle.call(app, request as never, reply as never);
    },
  });
}

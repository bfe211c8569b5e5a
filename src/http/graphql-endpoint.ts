import { HeaderMap, type ApolloServer, type HTTPGraphQLResponse } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest, preParsingAsyncHookHandler } from 'fastify';
import type { Principal } from '../auth/principal.js';
import { AppError } from '../base/app-error.js';
import type { RequestContext } from '../graphql/context.js';
import { asAppError, hiddenError, refusedAnswer } from '../graphql/format-error.js';
import type { TrustedDocuments } from '../graphql/trusted-documents/trusted-documents.js';
import { toBody } from './answer-body.js';
import { askedOperation, withText, type Parameters } from './asked-operation.js';
import { errorBody } from './http-server.js';
import { isBrowserNavigation, PLAYGROUND_PATH } from './playground.js';

export const GRAPHQL_PATH = '/graphql';

/** The methods that execute; a HEAD is a GET whose body nobody wants. */
const EXECUTING = ['GET', 'HEAD', 'POST'] as const;
const ALLOWED = [...EXECUTING, 'OPTIONS'].join(', ');

/** What one request's operation has at hand, made from the request. It must not throw. */
export type ContextOf<C> = (request: FastifyRequest, reply: FastifyReply) => Promise<C>;

type EndpointContext = Pick<RequestContext, 'principal' | 'refused' | 'turn'>;

export interface EndpointParts<C extends EndpointContext> {
  readonly apollo: ApolloServer<C>;
  readonly trusted: TrustedDocuments;
  readonly contextOf: ContextOf<C>;
  readonly preParsing: preParsingAsyncHookHandler;
}

/** `/graphql` as the GraphQL over HTTP specification has it: https://graphql.github.io/graphql-over-http/draft/ */
export function registerGraphqlEndpoint<C extends EndpointContext>(app: FastifyInstance, { apollo, trusted, contextOf, preParsing }: EndpointParts<C>): void {
  app.route({
    method: [...EXECUTING],
    url: GRAPHQL_PATH,
    preParsing,
    async handler(request, reply) {
      if (isBrowserNavigation(request)) return reply.redirect(PLAYGROUND_PATH);
      // Before anything is executed: a mutation whose answer cannot be sent had better not run.
      if (!acceptsJson(request.headers.accept)) {
        return reply.code(406).send(errorBody('BAD_USER_INPUT', 'Answers are application/graphql-response+json or application/json. Accept one of them.', request.id));
      }
      const context = await contextOf(request, reply);
      if (context.refused) return refuse(context.refused, request, reply);
      const parameters = chosenOperation(request, context.principal, trusted);
      if (parameters instanceof AppError) return refuse(parameters, request, reply);
      try {
        await context.turn.begin();
      } catch (error) {
        return refuse(asAppError(error) ?? hiddenError(error), request, reply);
      }
      try {
        const answer = await apollo.executeHTTPGraphQLRequest({
          httpGraphQLRequest: {
            method: request.method === 'HEAD' ? 'GET' : request.method,
            headers: headersOf(request),
            ...parameters,
          },
          context: async () => context,
        });
        return send(answer, request, reply);
      } finally {
        context.turn.end();
      }
    },
  });
  app.route({ method: 'OPTIONS', url: GRAPHQL_PATH, handler: async (_request, reply) => reply.code(204).header('allow', ALLOWED).send() });
  app.route({
    method: ['PUT', 'PATCH', 'DELETE'],
    url: GRAPHQL_PATH,
    handler: async (request, reply) =>
      reply.code(405).header('allow', ALLOWED).send(errorBody('BAD_USER_INPUT', `GraphQL takes GET and POST, not ${request.method}.`, request.id)),
  });
}

/** What Apollo is to run: the request's own parameters, or with a trusted document's text. An error where it may not run. */
function chosenOperation(request: FastifyRequest, principal: Principal, trusted: TrustedDocuments): Parameters | AppError {
  const parameters = { search: searchOf(request.url), body: request.body };
  if (isEmptyObject(request.body)) return new AppError('BAD_USER_INPUT', 'The body holds no operation. Send one as "query", such as {"query":"{ __typename }"}.');
  try {
    const text = trusted.textFor(askedOperation(request, parameters), principal);
    return text === undefined ? parameters : withText(request, parameters, text);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** Apollo would take it for a missing body or a wrong content type. */
function isEmptyObject(body: unknown): boolean {
  return typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length === 0;
}

/** Before anything is parsed: whoever is refused costs no more than finding that out. */
function refuse(error: AppError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error.code === 'INTERNAL_SERVER_ERROR') request.log.error({ err: error.cause }, 'Unexpected error');
  else if (error.code === 'UNAVAILABLE') request.log.warn({ err: error }, 'Unavailable');
  else if (error.code === 'UNAUTHENTICATED' && error.cause instanceof Error) request.log.info({ reason: error.cause.message }, 'Token refused');
  const { status, headers, body } = refusedAnswer(error, request.id);
  for (const [name, value] of headers) reply.header(name, value);
  const type = /application\/graphql-response\+json/i.test(request.headers.accept ?? '') ? 'application/graphql-response+json' : 'application/json';
  return reply.code(status).header('cache-control', 'no-store').type(`${type}; charset=utf-8`).send(JSON.stringify(body));
}

function send({ status, headers, body }: HTTPGraphQLResponse, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (body.kind === 'chunked') throw new Error('No operation of ours is delivered in parts.');
  // An answer is its caller's alone and may be another one the next moment.
  reply.code(status ?? 200).header('cache-control', 'no-store');
  for (const [name, value] of headers) reply.header(name, value);
  return reply.send(reply.statusCode < 400 ? toBody(body.string, reply.raw) : withRequestId(body.string, request.id));
}

/** Apollo refuses some requests before an operation begins that could note the request's id. */
function withRequestId(body: string, requestId: string): string {
  const { errors, ...rest } = JSON.parse(body) as { errors?: { extensions?: object }[] };
  return JSON.stringify({ errors: errors?.map(error => ({ ...error, extensions: { ...error.extensions, requestId } })), ...rest });
}

function headersOf({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const name in headers) {
    const value = headers[name];
    if (value) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

function searchOf(url: string): string {
  const start = url.indexOf('?');
  return start < 0 ? '' : url.slice(start);
}

const ACCEPTABLE = new Set(['*/*', 'application/*', 'application/json', 'application/graphql-response+json']);

/** Whether an Accept header allows an answer in JSON: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1 */
function acceptsJson(accept: string | undefined): boolean {
  if (!accept) return true;
  return accept.split(',').some(range => {
    const [type, ...parameters] = range.split(';').map(part => part.trim().toLowerCase());
    return ACCEPTABLE.has(type!) && !parameters.some(parameter => /^q=0(\.0*)?$/.test(parameter));
  });
}

// Longer than 300 lines: the steps of one request share its state.
import { Readable } from 'node:stream';
import { HeaderMap, type ApolloServer } from '@apollo/server';
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  preParsingAsyncHookHandler,
} from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import type { Principal } from '../auth/principal.js';
import type { AppError } from '../base/app-error.js';
import type { RequestContext } from '../graphql/context.js';
import { internalCause, errorResponse } from '../graphql/format-error.js';
import type { OperationBytes } from '../graphql/limits/byte-budget.js';
import type {
  OperationAnswer,
  OperationParameters,
} from '../graphql/operation/answer-operation.js';
import type { Operations } from '../graphql/operation/operations.js';
import type { PreparedDocument } from '../graphql/operation/prepared-document.js';
import type { TrustedDocuments } from '../graphql/trusted-documents/trusted-documents.js';
import { isBrowserNavigation, PLAYGROUND_PATH } from '../playground/playground.js';
import { responseBody } from './response-body.js';
import { negotiateFormat } from './response-format.js';
import { answerOf } from './apollo-result.js';
import { answerEarly, type EarlyAnswer } from './early-answer.js';
import type { HttpCaller, FindCaller } from './caller.js';
import {
  operationRequest,
  readParameters,
  refuseEmptyQuery,
  withQuery,
  type Parameters,
} from './parameters.js';
import { errorBody, httpError } from './error-responses.js';

export const GRAPHQL_PATH = '/graphql';

/** The methods that execute operations; HEAD is a GET without a body in the response. */
const EXECUTING = ['GET', 'HEAD', 'POST'] as const;
const ALLOWED = [...EXECUTING, 'OPTIONS'].join(', ');

const TYPES_OF_NO_BODY =
  /^(?:application\/(?:json|x-www-form-urlencoded)|multipart\/form-data|text\/plain)\s*(?:;|$)/i;

/** Creates the context of an operation from the request and its sender. */
type ContextOf = (
  request: FastifyRequest,
  reply: FastifyReply,
  caller: HttpCaller,
) => RequestContext;

export interface EndpointParts {
  readonly apollo: ApolloServer<RequestContext>;
  readonly operations: Operations;
  readonly trusted: TrustedDocuments;
  readonly findCaller: FindCaller;
  readonly contextOf: ContextOf;
  readonly preParsing: preParsingAsyncHookHandler;
}

/**
 * `/graphql` as the GraphQL over HTTP specification has it:
 * https://graphql.github.io/graphql-over-http/draft/
 *
 * What can be told from the head of a request is refused before its body is read, and what from the
 * body before anyone looks up whose token it is.
 */
export function registerGraphqlEndpoint(app: FastifyInstance, parts: EndpointParts): void {
  const { apollo, operations, trusted, findCaller, contextOf, preParsing } = parts;
  app.route({
    method: [...EXECUTING],
    url: GRAPHQL_PATH,
    async onRequest(request, reply) {
      if (isBrowserNavigation(request)) return reply.redirect(PLAYGROUND_PATH);
      request.responseFormat = negotiateFormat(request.headers.accept);
      if (request.method !== 'POST' && !isTypeOfNoBody(request.headers['content-type'])) {
        throw httpError(
          415,
          'A GET has no body: remove the header content-type, or send "content-type: ' +
            'application/json".',
        );
      }
      if (!request.responseFormat)
        throw httpError(
          406,
          'Answers are application/graphql-response+json or application/json. Name one ' +
            'of them in the header accept.',
        );
    },
    preParsing,
    async handler(request, reply) {
      const sent = readParameters(request);
      let early: EarlyAnswer | undefined;
      try {
        const caller = await findCaller(request, reply, guess => {
          early = beginEarly(guess, sent, request, reply);
        });
        if (early?.principal === caller.principal)
          return await send(await early.confirm(), early.context.bytes, request, reply);
        early?.end();
        return await answerTo(caller, sent, request, reply);
      } finally {
        early?.end();
      }
    },
  });

  function parametersOf(sent: Parameters, { principal }: HttpCaller): Parameters {
    const text = trusted.textFor(operationRequest(sent), principal);
    if (text === undefined) refuseEmptyQuery(sent);
    return text === undefined ? sent : withQuery(sent, text);
  }

  async function answerTo(
    caller: HttpCaller,
    sent: Parameters,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const parameters = parametersOf(sent, caller);
    const context = contextOf(request, reply, caller);
    await context.slot.acquire();
    try {
      const document = knownDocument(operations, parameters, caller.principal);
      const answer = document
        ? await operations.answer(document, parameters as OperationParameters, context)
        : await answerByApollo(apollo, request, parameters, context);
      return await send(answer, context.bytes, request, reply);
    } finally {
      context.slot.release();
    }
  }

  /** Of known documents that hold nothing but queries. */
  function beginEarly(
    guess: HttpCaller,
    sent: Parameters,
    request: FastifyRequest,
    reply: FastifyReply,
  ): EarlyAnswer | undefined {
    // An operation takes the text away.
    if (request.bodyText !== undefined) return undefined;
    let parameters: Parameters;
    try {
      parameters = parametersOf(sent, guess);
    } catch {
      return undefined; // Whoever it is will be told.
    }
    const document = knownDocument(operations, parameters, guess.principal);
    if (!document?.holdsOnlyQueries) return undefined;
    return answerEarly(
      guess,
      caller => contextOf(request, reply, caller),
      operations,
      document,
      parameters as OperationParameters,
    );
  }
  app.route({
    method: 'OPTIONS',
    url: GRAPHQL_PATH,
    handler: async (_request, reply) => reply.code(204).header('allow', ALLOWED).send(),
  });
  const refuseMethod = async (
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> =>
    reply
      .code(405)
      .header('allow', ALLOWED)
      .send(
        errorBody(
          'BAD_USER_INPUT',
          `GraphQL accepts GET and POST, not ${request.method}.`,
          request.id,
        ),
      );
  // At once: there is no need to read the body.
  app.route({
    method: ['PUT', 'PATCH', 'DELETE'],
    url: GRAPHQL_PATH,
    onRequest: refuseMethod,
    handler: refuseMethod,
  });
}

/**
 * Whether a GET may say this of a body that it has not. JSON is what some clients always say, and
 * simple types prove nothing against forgery. Any other would count as a proof, though there were
 * browsers that sent it for a stranger's page without asking first.
 */
function isTypeOfNoBody(type: string | undefined): boolean {
  return type === undefined || TYPES_OF_NO_BODY.test(type);
}

/**
 * The document of a request for which Apollo has nothing to do: it is known to be valid, and
 * whoever sent a token proves with it that no page of a stranger's did. Requests by a hash are
 * Apollo's.
 */
function knownDocument(
  operations: Operations,
  { query, extensions }: Parameters,
  { kind }: Principal,
): PreparedDocument | undefined {
  if (kind === 'nobody' || typeof query !== 'string' || extensions?.persistedQuery)
    return undefined;
  return operations.known(query);
}

async function answerByApollo(
  apollo: ApolloServer<RequestContext>,
  request: FastifyRequest,
  parameters: Parameters,
  context: RequestContext,
): Promise<OperationAnswer> {
  const response = await apollo.executeHTTPGraphQLRequest({
    // The parameters of a GET are read already: whether it may change anything is for
    // `admissionProblem` to say.
    httpGraphQLRequest: {
      method: 'POST',
      headers: headersOf(request),
      search: '',
      body: bodyOf(parameters),
    },
    context: async () => context,
  });
  return answerOf(response);
}

async function send(
  answer: OperationAnswer,
  bytes: OperationBytes,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { result } = answer;
  // What goes wrong beside an operation, before or after it, nobody else has noted.
  for (const err of answer.status === 500 ? (result.errors ?? []).map(internalCause) : [])
    if (err) request.log.error({ err }, 'Unexpected error');
  // An answer is its caller's alone and may be another one the next moment.
  reply.code(answer.status ?? 200).header('cache-control', 'no-store');
  for (const [name, value] of answer.headers) reply.header(name, value);
  reply.header('content-type', `${request.responseFormat!.mediaType}; charset=utf-8`);
  if (bytes.problem) return sendProblem(bytes.problem, request, reply);
  if (reply.statusCode >= 400) return reply.send(JSON.stringify(withRequestId(result, request.id)));
  try {
    const { payload, length } = await responseBody(result, bytes, reply.raw);
    // Whoever has gone meanwhile is told nothing; a stream to them would fail as if that were our
    // mistake.
    if (reply.raw.destroyed) return reply.hijack();
    if (payload instanceof Readable) reply.header('content-length', length);
    return reply.send(payload);
  } catch (error) {
    if (bytes.problem === undefined || error !== bytes.problem) throw error;
    return sendProblem(bytes.problem, request, reply);
  }
}

/** In place of an answer that has too many bytes. */
function sendProblem(
  problem: AppError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (problem.code === 'UNAVAILABLE') request.log.warn({ err: problem }, 'Unavailable');
  const { status, headers, body } = errorResponse(problem, request.id);
  for (const [name, value] of headers) reply.header(name, value);
  return reply
    .code(status === 400 ? request.responseFormat!.requestErrorStatus : status)
    .send(JSON.stringify(body));
}

/** Apollo refuses some requests before an operation begins that could note the request's id. */
function withRequestId(
  { errors, ...rest }: FormattedExecutionResult,
  requestId: string,
): FormattedExecutionResult {
  return {
    ...(errors && {
      errors: errors.map(error => ({ ...error, extensions: { ...error.extensions, requestId } })),
    }),
    ...rest,
  };
}

/** For Apollo, which takes no member that is undefined. */
function bodyOf({ query, operationName, variables, extensions }: Parameters): object {
  return {
    query,
    operationName: operationName ?? null,
    variables: variables ?? null,
    extensions: extensions ?? null,
  };
}

/**
 * For Apollo, which compares types once more when an operation has run: it is told the one that was
 * chosen, and nothing else will do.
 */
function headersOf({ headers, responseFormat }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const name in headers) {
    const value = headers[name];
    if (value) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  map.set('accept', responseFormat!.mediaType);
  return map;
}

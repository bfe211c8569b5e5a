import type { FastifyRequest } from 'fastify';
import { AppError, badInput } from '../base/app-error.js';
import type { OperationRequest } from '../graphql/trusted-documents/trusted-documents.js';
import { parseJson } from './json-body.js';

/**
 * A request's parameters, wherever they stood:
 * https://graphql.github.io/graphql-over-http/draft/#sec-Request-Parameters
 */
export interface Parameters {
  readonly query?: unknown;
  readonly documentId?: unknown;
  readonly operationName?: string | undefined;
  readonly variables?: object | undefined;
  readonly extensions?:
    (object & { readonly persistedQuery?: { readonly sha256Hash?: unknown } | null }) | undefined;
}

const NAMES = ['query', 'documentId', 'operationName', 'variables', 'extensions'] as const;

/**
 * Variables that a request may send: more than the tokens of a document could declare and use by
 * far.
 */
const MAX_VARIABLES = 1_000;

/** Reads them and checks their kinds. Throws `BAD_USER_INPUT` that names the one to blame. */
export function readParameters({
  method,
  url,
  body,
}: Pick<FastifyRequest, 'method' | 'url' | 'body'>): Parameters {
  const parameters = method === 'POST' ? parametersOfBody(body) : parametersOfUrl(url);
  const isSent = Object.keys(parameters.variables ?? {}).length;
  if (isSent > MAX_VARIABLES)
    throw badInput(
      'variables',
      `The request sends ${isSent} variables; the limit is ${MAX_VARIABLES}.`,
    );
  return parameters;
}

/**
 * The operation of a request. Apollo's clients name a document of their manifest in `extensions`
 * (https://www.apollographql.com/docs/kotlin/advanced/persisted-queries), others in `documentId`.
 */
export function operationRequest({ query, documentId, extensions }: Parameters): OperationRequest {
  const hash =
    query === undefined && (documentId ?? undefined) === undefined
      ? extensions?.persistedQuery?.sha256Hash
      : undefined;
  return { query, documentId: documentId ?? hash, byHash: hash !== undefined };
}

/**
 * Refuses a text that holds no operation by its name: Apollo would take it for one that was left
 * out. For texts that the caller may send at all.
 */
export function refuseEmptyQuery({ query }: Parameters): void {
  if (typeof query === 'string' && query.trim() === '')
    throw badInput('query', `query is empty. Send an operation, such as ${EXAMPLE}.`);
}

/**
 * The same parameters with the text of a document instead of its id, which Apollo would use as a
 * key of its cache.
 */
export function withQuery(parameters: Parameters, query: string): Parameters {
  return {
    ...parameters,
    query,
    extensions: parameters.extensions?.persistedQuery ? undefined : parameters.extensions,
  };
}

function parametersOfBody(body: unknown): Parameters {
  // Neither a type nor a body: a page can send that, so it is for the proof against forgery to
  // refuse.
  if (body === undefined) return {};
  if (Array.isArray(body))
    throw badRequest('The body must be one operation, not a list: batching is not supported.');
  if (typeof body !== 'object' || body === null)
    throw badRequest(
      `The body must be a JSON object such as ${EXAMPLE}, not ` +
        `${body === null ? 'null' : `a ${typeof body}`}.`,
    );
  const { query, documentId, operationName, variables, extensions } = body as Record<
    string,
    unknown
  >;
  const parameters = checked({ query, documentId, operationName, variables, extensions });
  if (namesNoOperation(parameters))
    throw badRequest(`The body contains no operation. Send one as "query", such as ${EXAMPLE}.`);
  return parameters;
}

const EXAMPLE = '{"query":"{ __typename }"}';

function parametersOfUrl(url: string): Parameters {
  const start = url.indexOf('?');
  const search = new URLSearchParams(start < 0 ? '' : url.slice(start));
  const texts = Object.fromEntries(NAMES.map(name => [name, textOf(search, name)])) as Record<
    (typeof NAMES)[number],
    string | undefined
  >;
  const parameters = checked({
    ...texts,
    variables: ofJson('variables', texts.variables),
    extensions: ofJson('extensions', texts.extensions),
  });
  if (namesNoOperation(parameters))
    throw badRequest(
      'The URL contains no operation. Send one as the parameter query, such as ' +
        '?query={__typename}, or send a POST.',
    );
  return parameters;
}

function namesNoOperation({ query, documentId, extensions }: Parameters): boolean {
  return isAbsent(query) && isAbsent(documentId) && isAbsent(extensions?.persistedQuery);
}

/** What is empty is as if it were not there: forms send what nobody filled in. */
function textOf(search: URLSearchParams, name: string): string | undefined {
  const [text, ...others] = search.getAll(name);
  if (others.length > 0)
    throw badInput(name, `The parameter ${name} may only be specified once in a URL.`);
  return text === '' ? undefined : text;
}

function ofJson(name: string, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return parseJson(text);
  } catch {
    throw badInput(name, `The parameter ${name} is not valid JSON.`);
  }
}

function checked({
  query,
  documentId,
  operationName,
  variables,
  extensions,
}: Record<(typeof NAMES)[number], unknown>): Parameters {
  if (!isAbsent(query) && typeof query !== 'string')
    throw badInput('query', `query must be a string, not ${kindOf(query)}.`);
  if (!isAbsent(operationName) && typeof operationName !== 'string')
    throw badInput(
      'operationName',
      `operationName must be a string, not ${kindOf(operationName)}.`,
    );
  return {
    query,
    documentId,
    // Specified for URLs alone, but meant no less by programs that post: no operation is called
    // nothing.
    operationName:
      operationName === '' ? undefined : ((operationName as string | null) ?? undefined),
    variables: objectOf('variables', variables),
    extensions: objectOf('extensions', extensions),
  };
}

function objectOf(name: string, value: unknown): object | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value !== 'object' || Array.isArray(value))
    throw badInput(name, `${name} must be an object, not ${kindOf(value)}.`);
  return value as object;
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function badRequest(message: string): AppError {
  return new AppError('BAD_USER_INPUT', message);
}

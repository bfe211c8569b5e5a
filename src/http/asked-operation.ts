import type { FastifyRequest } from 'fastify';
import type { AskedOperation } from '../graphql/trusted-documents/trusted-documents.js';

/** A request's parameters as Apollo reads them. */
export interface Parameters {
  readonly search: string;
  readonly body: unknown;
}

/**
 * Which operation a request asks for. Apollo's clients name a document of their manifest in `extensions`
 * (https://www.apollographql.com/docs/kotlin/advanced/persisted-queries), all others by `documentId`.
 */
export function askedOperation({ method }: Pick<FastifyRequest, 'method'>, { search, body }: Parameters): AskedOperation {
  const asked = method === 'POST' ? ofBody(body) : ofSearch(search);
  const hash = asked.query === undefined && (asked.documentId ?? undefined) === undefined ? persistedQueryOf(asked.extensions)?.sha256Hash : undefined;
  return { query: asked.query, documentId: asked.documentId ?? hash, byHash: hash !== undefined };
}

/** The same parameters with the text of a document in place of its id. Apollo would take the id in `extensions` for one to be cached under. */
export function withText({ method }: Pick<FastifyRequest, 'method'>, { search, body }: Parameters, query: string): Parameters {
  if (method === 'POST') {
    const extensions = persistedQueryOf((body as Asked).extensions) && { extensions: null };
    return { search, body: { ...(body as object), ...extensions, query } };
  }
  const parameters = new URLSearchParams(search);
  if (persistedQueryOf(ofSearch(search).extensions)) parameters.delete('extensions');
  parameters.set('query', query);
  return { search: `?${parameters}`, body };
}

type Asked = AskedOperation & { readonly extensions?: unknown };

function persistedQueryOf(extensions: unknown): { sha256Hash?: unknown } | undefined {
  return (extensions as { persistedQuery?: { sha256Hash?: unknown } } | null | undefined)?.persistedQuery;
}

function ofBody(body: unknown): Asked {
  return typeof body === 'object' && body !== null ? (body as Asked) : { query: undefined, documentId: undefined };
}

function ofSearch(search: string): Asked {
  const parameters = new URLSearchParams(search);
  const [query, documentId, extensions] = ['query', 'documentId', 'extensions'].map(name => parameters.get(name) ?? undefined);
  return { query, documentId, extensions: extensions === undefined ? undefined : parsed(extensions) };
}

/** What is no JSON is refused by Apollo, with its name. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

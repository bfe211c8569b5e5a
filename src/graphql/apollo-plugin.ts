import { HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import type { DocumentNode } from 'graphql';
import type { RequestContext } from './context.js';
import { completeAnswer } from './operation/answer-operation.js';
import type { Operations } from './operation/operations.js';
import type { PreparedDocument } from './operation/prepared-document.js';

/**
 * Has Apollo Server ask `operations` for what it would do with a document and an operation itself.
 * Its own are HTTP, and what it refuses before or instead: forgeries, parameters that ask for no
 * document, texts that are none.
 */
export function apolloPlugin(operations: Operations): ApolloServerPlugin<RequestContext> {
  return {
    // What is thrown beside the operation itself. Apollo would answer an error in its place that
    // says nothing of it.
    async unexpectedErrorProcessingRequest({ error }) {
      throw error;
    },
    async requestDidStart() {
      let prepared: PreparedDocument | undefined;
      return {
        // Where there is a document when this hook has run, Apollo neither parses nor validates one
        // (a test holds it to that). It is set where Apollo shall go on: a text that is no document
        // is parsed again, and refused with where the mistake is.
        async didResolveSource(requestContext: { source: string; document?: DocumentNode }) {
          prepared = operations.prepare(requestContext.source);
          if (prepared.document) requestContext.document = prepared.document;
        },
        async responseForOperation({ request, contextValue }) {
          const { status, headers, result } = await operations.answer(
            prepared!,
            request,
            contextValue,
          );
          return {
            http: { status, headers: new HeaderMap(headers) },
            body: { kind: 'single', singleResult: result },
          };
        },
        async willSendResponse({ source, response: { http, body }, contextValue }) {
          if (prepared?.document || body.kind !== 'single') return;
          const answer = { status: http.status, headers: http.headers, result: body.singleResult };
          const { openIntrospection } = operations.settings;
          completeAnswer(answer, contextValue, openIntrospection);
          // What has no text at all is no well-formed request.
          if (source !== undefined && answer.status !== undefined) http.status = answer.status;
        },
      };
    },
  };
}

import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import type { AppError } from '../base/app-error.js';
import type { Config } from '../config.js';
import type { RequestContext } from './context.js';
import { asAppError, responseHeadOf, isInternal } from './format-error.js';
import { CLIENT_DISCONNECTED } from './operation-timeout.js';

/**
 * Finishes answers: errors get the request's id, the log gets what callers do not see, and the HTTP
 * status says what happened.
 */
export function responsePlugin({
  openIntrospection,
}: Pick<Config['http'], 'openIntrospection'>): ApolloServerPlugin<RequestContext> {
  return {
    // What is thrown beside the operation itself. Apollo would answer an error in its place that
    // says nothing of it.
    async unexpectedErrorProcessingRequest({ error }) {
      throw error;
    },
    async requestDidStart() {
      return {
        async didEncounterErrors({ errors, contextValue: { log, signal } }) {
          if (signal.reason === CLIENT_DISCONNECTED) return;
          for (const error of errors) {
            if (isInternal(error))
              log.error(
                { err: error.originalError ?? error, path: error.path },
                'Unexpected error',
              );
            else if (asAppError(error)?.code === 'UNAVAILABLE')
              log.warn({ err: asAppError(error), path: error.path }, 'Unavailable');
          }
        },
        async willSendResponse({ source, response, contextValue }) {
          if (response.body.kind !== 'single') return;
          const { singleResult } = response.body;
          for (const error of singleResult.errors ?? []) {
            if (error.extensions) error.extensions.requestId = contextValue.requestId;
            // What a name could have meant tells of the schema.
            if (!openIntrospection && contextValue.principal.kind === 'nobody')
              Object.assign(error, { message: error.message.replace(SUGGESTION, '') });
          }
          if (isUnavailable(singleResult)) {
            // Without `data` it is a request that failed, so that clients, proxies and monitors may
            // go by the status.
            delete singleResult.data;
            const { status, headers } = responseHeadOf(
              singleResult.errors![0]!.extensions as unknown as AppError,
            );
            response.http.status = status;
            for (const [name, value] of headers) response.http.headers.set(name, value);
          }
          // The request itself was well-formed:
          // https://graphql.github.io/graphql-over-http/draft/#sec-application-json
          if (response.http.status === 400 && source !== undefined)
            response.http.status = contextValue.requestErrorStatus;
        },
      };
    },
  };
}

const SUGGESTION = / ?Did you mean [^?]*\?/;

type SingleResult = Extract<
  GraphQLRequestContextWillSendResponse<RequestContext>['response']['body'],
  { kind: 'single' }
>['singleResult'];

/**
 * Whether nothing of an operation could be answered, all for want of the database or another
 * service.
 */
function isUnavailable({ data, errors }: SingleResult): boolean {
  if (
    data === undefined ||
    !errors?.length ||
    errors.some(error => error.extensions?.code !== 'UNAVAILABLE')
  )
    return false;
  const failed = new Set(errors.map(error => error.path?.[0]));
  return (
    data === null ||
    Object.entries(data).every(([name, value]) => value === null && failed.has(name))
  );
}

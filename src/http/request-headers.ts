import type { FastifyRequest } from 'fastify';
import { badInput, type AppError } from '../base/app-error.js';

/**
 * A GET with one of these headers is no forgery: browsers ask first before they send one for a
 * stranger's page. That holds for tokens as well, since we take none that a browser would add by
 * itself.
 */
export const NOT_SIMPLE_HEADERS = [
  'authorization',
  'x-api-key',
  'graphql-require-preflight',
  'apollo-require-preflight',
  'x-apollo-operation-name',
] as const;

/**
 * What pages of other origins may send: all that we read, and what GraphQL clients and tracers add
 * by themselves, which opens nothing. Were one of those missing, the browser would send nothing at
 * all.
 */
export const ALLOWED_HEADERS: readonly string[] = [
  'authorization',
  'content-type',
  'x-api-key',
  'x-request-id',
  'x-tenant-id',
  ...NOT_SIMPLE_HEADERS.slice(2),
  // Simple only while they are short and plain.
  'accept',
  'accept-language',
  'content-language',
  // Apollo's clients:
  // https://www.apollographql.com/docs/graphos/platform/insights/client-segmentation
  'apollographql-client-name',
  'apollographql-client-version',
  'x-apollo-operation-id',
  'x-apollo-operation-type',
  // https://www.w3.org/TR/trace-context/ and https://www.w3.org/TR/baggage/
  'traceparent',
  'tracestate',
  'baggage',
  // https://docs.sentry.io/platforms/javascript/tracing/distributed-tracing/dealing-with-cors-issues/
  'sentry-trace',
  // https://github.com/openzipkin/b3-propagation
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  // https://docs.datadoghq.com/real_user_monitoring/correlate_with_other_telemetry/apm/
  'x-datadog-origin',
  'x-datadog-parent-id',
  'x-datadog-sampling-priority',
  'x-datadog-tags',
  'x-datadog-trace-id',
  // New Relic, Elastic, Application Insights, AWS X-Ray, Jaeger, SkyWalking.
  'newrelic',
  'elastic-apm-traceparent',
  'request-id',
  'request-context',
  'x-amzn-trace-id',
  'uber-trace-id',
  'sw8',
  // What libraries for requests add.
  'cache-control',
  'pragma',
  'x-requested-with',
  'x-correlation-id',
  'idempotency-key',
];

/**
 * Who is asking whom, and what was sent, must be said once: of two, we might go by one and a proxy
 * before us by the other.
 */
const ONCE = new Map([
  ['host', 'Host'],
  ['authorization', 'Authorization'],
  ['x-api-key', 'X-API-Key'],
  ['x-tenant-id', 'X-Tenant-Id'],
  ['content-type', 'Content-Type'],
]);

/**
 * Which of these headers was sent more than once. `headers` would not tell: it has the first of
 * them, or all in one.
 */
export function repeatedHeader({
  raw: { rawHeaders },
}: Pick<FastifyRequest, 'raw'>): AppError | undefined {
  let seen: string[] | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!ONCE.has(name)) continue;
    if (seen?.includes(name))
      return badInput(
        ONCE.get(name)!,
        `The header ${ONCE.get(name)} was sent more than once. Send it once.`,
      );
    (seen ??= []).push(name);
  }
  return undefined;
}

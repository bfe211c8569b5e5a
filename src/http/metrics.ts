import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../observability/metrics.js';
import { errorBody } from './error-responses.js';

/**
 * `/metrics` in Prometheus' text format, for who bears `token`. A token of its own: what scrapes
 * need not be trusted with tenants' data.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function registerMetrics(app: FastifyInstance, metrics: Metrics, token: string): void {
  const expected = digest(`Bearer ${token}`);
  app.get('/metrics', async (request, reply) => {
    if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) {
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer')
        .send(
          errorBody(
            'UNAUTHENTICATED',
            'The metrics require the token of WEAVER_METRICS_TOKEN as a bearer token.',
            request.id,
          ),
        );
    }
    return reply.header('content-type', metrics.contentType).send(await metrics.metrics());
  });
}

/** Digests are compared in constant time, so that the duration reveals nothing about the token. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

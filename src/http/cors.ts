import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** How long browsers may remember what they were allowed, in seconds. */
const MAX_AGE = 600;

/**
 * Lets pages of these origins, or with `*` of any, send operations and read the answers. Never with credentials: tokens travel in a
 * header that a page sets itself, so no page can use what a browser remembers. https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['authorization', 'content-type', 'x-api-key', 'x-request-id', 'x-tenant-id', 'graphql-require-preflight', 'apollo-require-preflight'],
    exposedHeaders: ['x-request-id', 'retry-after', 'ratelimit', 'ratelimit-policy'],
    maxAge: MAX_AGE,
    // Our own OPTIONS route answers, as it does without CORS.
    strictPreflight: false,
    preflightContinue: true,
  });
}

import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import { ALLOWED_HEADERS } from './request-headers.js';

/** How long browsers may remember what they were allowed, in seconds. */
const MAX_AGE = 600;

/** The maximum number of refused origins in the log, which anyone could fill. */
const MAX_LOGGED = 100;

/** What pages may send to the routes of a scope, and read of the answers. */
export interface AllowedRequests {
  readonly methods: readonly string[];
  /** Beside those that are allowed everywhere. */
  readonly headers?: readonly string[];
  readonly exposedHeaders?: readonly string[];
}

/**
 * Lets pages of these origins, or with `*` of any, send operations and read the answers. Never with
 * credentials: tokens travel in a header that a page sets itself, so no page can use what a browser
 * remembers. https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export async function allowOrigins(
  app: FastifyInstance,
  origins: readonly string[],
  { methods, headers = [], exposedHeaders = [] }: AllowedRequests,
): Promise<void> {
  if (!origins.includes('*')) logRefusedOrigins(app, origins);
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: [...methods],
    allowedHeaders: [...ALLOWED_HEADERS, ...headers],
    exposedHeaders: [
      'x-request-id',
      'retry-after',
      'ratelimit',
      'ratelimit-policy',
      ...exposedHeaders,
    ],
    maxAge: MAX_AGE,
    // Our own OPTIONS route answers, as it does without CORS.
    strictPreflight: false,
    preflightContinue: true,
  });
}

/**
 * Browsers tell a page no more than that something failed, so the log says what. Only where a
 * browser asks first: it does so for each request that GraphQL takes, and never for a page of the
 * gateway's own.
 */
function logRefusedOrigins(app: FastifyInstance, origins: readonly string[]): void {
  const logged = new Set<string>();
  app.addHook('onRequest', async request => {
    if (
      request.method !== 'OPTIONS' ||
      request.headers['access-control-request-method'] === undefined
    )
      return;
    const origin = originForLog(request.headers.origin);
    if (
      origin === undefined ||
      origins.includes(origin) ||
      logged.has(origin) ||
      logged.size >= MAX_LOGGED
    )
      return;
    logged.add(origin);
    request.log.info(
      { origin },
      'A page of this origin may not use the gateway: WEAVER_CORS_ORIGINS does not list it',
    );
  });
}

/** Names and addresses of hosts, with a port. An underscore, which all keys have, is in none. */
const HOST = /^(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/;

/** A header that anyone can send: nothing but the scheme and the host of it gets into the log. */
function originForLog(origin: string | undefined): string | undefined {
  if (origin === 'null') return origin;
  const url = origin === undefined ? null : URL.parse(origin);
  return url && HOST.test(url.host) ? `${url.protocol}//${url.host}` : undefined;
}

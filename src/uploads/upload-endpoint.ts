import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../base/app-error.js';
import type { Limits } from '../config/limits.js';
import type { UploadConfig } from '../config/uploads.js';
import type { OperationSlots } from '../graphql/limits/operation-slots.js';
import { errorBody, httpError } from '../http/error-responses.js';
import type { RateLimiter } from '../rate-limits/rate-limiter.js';
import { failedTokensSubject } from '../rate-limits/subjects.js';
import { rateLimitHeaders } from '../rate-limits/with-rate-limit.js';
import { CUT, isSameFile, OTHER_CHECKSUM, receiveFile, tooLong } from './receive-file.js';
import {
  capabilities,
  CHECKSUM_MISMATCH_STATUS,
  checksumOf,
  checkVersion,
  offsetOf,
  PART_TYPE,
  TUS_VERSION,
} from './tus.js';
import type { OpenUpload, UploadStore } from './upload-store.js';
import { digestOf, tenantOfToken } from './upload-token.js';
import { UploadState } from './upload.entity.js';

/** What is told of a request that sends, or asks for, a file. */
type UploadRequest = FastifyRequest<{ Params: { id: string } }>;

export interface UploadEndpointParts {
  readonly store: UploadStore;
  readonly limiter: RateLimiter;
  /** Of the files that are received at the same time. */
  readonly slots: OperationSlots;
  readonly config: UploadConfig;
  readonly limits: Limits;
}

export const UPLOAD_METHODS = ['OPTIONS', 'HEAD', 'PUT', 'PATCH', 'DELETE'] as const;
const ALLOWED = UPLOAD_METHODS.join(', ');

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * `/uploads/:id`, under the prefix of `app`, where files come in: the whole by PUT, or resumably by
 * tus. The upload's token opens it and nothing else. Nothing of a file is read before all that can
 * be told from the head of its request.
 */
export function registerUploadEndpoint(app: FastifyInstance, parts: UploadEndpointParts): void {
  const { store, limiter, slots, config, limits } = parts;
  const url = '/:id';
  // Read by the handlers, piece by piece.
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('tus-resumable', TUS_VERSION);
  });

  app.route({
    method: 'OPTIONS',
    url,
    handler: async (_request, reply) =>
      reply.code(204).header('allow', ALLOWED).headers(capabilities(config.maxBytes)).send(),
  });

  app.route({
    method: 'HEAD',
    url,
    async handler(request: UploadRequest, reply) {
      const upload = await open(request, reply);
      checkVersion(request.headers);
      return reply.code(200).headers(progressOf(upload, upload.receivedBytes)).send();
    },
  });

  app.route({
    method: 'DELETE',
    url,
    async handler(request: UploadRequest, reply) {
      const upload = await open(request, reply);
      checkVersion(request.headers);
      await store.delete(upload);
      return reply.code(204).send();
    },
  });

  app.route({
    method: 'PUT',
    url,
    async handler(request: UploadRequest, reply) {
      const upload = await open(request, reply);
      refuseEncoding(request);
      checkWholeFile(request, upload);
      return receiving(upload, request, reply, async (body, idleMs) => {
        if (upload.state === UploadState.RECEIVED) {
          const isSame = await isSameFile(upload, body, idleMs);
          if (isSame === CUT) return reply.hijack();
          if (!isSame) throw otherFile();
          return reply.code(200).send(receivedBody(upload, upload.sha256!));
        }
        const options = { offset: 0, isWhole: true, checksum: undefined, idleMs };
        const received = await receiveFile(store, upload, body, options);
        if (received === CUT || received === OTHER_CHECKSUM) return reply.hijack();
        return reply.code(200).send(receivedBody(upload, received.sha256!));
      });
    },
  });

  app.route({
    method: 'PATCH',
    url,
    async handler(request: UploadRequest, reply) {
      const upload = await open(request, reply);
      const { headers } = request;
      checkVersion(headers);
      if (headers['content-type']?.split(';', 1)[0]!.trim().toLowerCase() !== PART_TYPE)
        throw httpError(415, `A part of a file is sent with "content-type: ${PART_TYPE}".`);
      refuseEncoding(request);
      const offset = offsetOf(headers);
      const checksum = checksumOf(headers);
      const { sizeBytes, receivedBytes } = upload;
      if (offset !== receivedBytes) {
        reply.headers(progressOf(upload, receivedBytes));
        throw new AppError(
          'CONFLICT',
          `The upload has ${receivedBytes} bytes, and the part would begin at ${offset}. Resume ` +
            `at ${receivedBytes}.`,
          { field: 'Upload-Offset' },
        );
      }
      if (offset + Number(headers['content-length'] ?? 0) > sizeBytes) throw tooLong(sizeBytes);
      if (upload.state === UploadState.RECEIVED)
        return reply.code(204).headers(progressOf(upload, sizeBytes)).send();
      return receiving(upload, request, reply, async (body, idleMs) => {
        const options = { offset, isWhole: false, checksum, idleMs };
        const received = await receiveFile(store, upload, body, options);
        if (received === CUT) return reply.hijack();
        if (received === OTHER_CHECKSUM) return refuseChecksum(request, reply);
        return reply.code(204).headers(progressOf(upload, received.offset)).send();
      });
    },
  });

  app.route({
    method: ['GET', 'POST'],
    url,
    exposeHeadRoute: false,
    onRequest: refuseMethod,
    handler: refuseMethod,
  });

  /** The upload whose token was sent: found once, and counted once. */
  async function open(request: UploadRequest, reply: FastifyReply): Promise<OpenUpload> {
    const token = /^bearer +(\S+)$/i.exec(request.headers.authorization?.trim() ?? '')?.[1] ?? '';
    const tenantId = tenantOfToken(token);
    const { id } = request.params;
    const upload =
      tenantId !== undefined && UUID.test(id)
        ? await store.find({ id: id.toLowerCase(), tenantId }, digestOf(token))
        : undefined;
    if (!upload) {
      await limiter.consume(failedTokensSubject(request.ip, limits.rates));
      throw refusedToken();
    }
    const subject = { name: `uploads:${upload.tenantId}`, rpm: config.rpm };
    reply.headers(rateLimitHeaders(await limiter.consume(subject)));
    return upload;
  }

  /** Has a body read, of so many at the same time. */
  async function receiving(
    { tenantId }: OpenUpload,
    request: FastifyRequest,
    reply: FastifyReply,
    read: (body: Readable, idleMs: number) => Promise<FastifyReply>,
  ): Promise<FastifyReply> {
    const caller = { name: tenantId, tenant: tenantId };
    if (!slots.acquireNow(caller)) throw tooManyFiles();
    try {
      request.raw.hasOwnTimeLimit = true;
      if (request.headers.expect !== undefined && request.raw.httpVersion === '1.1')
        reply.raw.writeContinue();
      return await read(request.raw, limits.requestMs);
    } finally {
      slots.release(caller);
    }
  }
}

function refuseEncoding({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && !/^identity$/i.test(encoding))
    throw httpError(
      415,
      'Encoded bodies are not supported. Send the file without the header ' +
        `"content-encoding: ${encoding}".`,
    );
}

function checkWholeFile({ headers }: FastifyRequest, { sizeBytes, state }: OpenUpload): void {
  // https://www.rfc-editor.org/rfc/rfc9110#section-14.5
  if (headers['content-range'] !== undefined)
    throw httpError(400, 'A PUT sends the whole file. Send parts of it by PATCH, as tus does.');
  const length = headers['content-length'];
  if (length === undefined || Number(length) === sizeBytes) return;
  if (state === UploadState.RECEIVED) throw otherFile();
  if (Number(length) > sizeBytes) throw tooLong(sizeBytes);
  throw httpError(
    400,
    `The body has ${length} bytes, and createUpload said ${sizeBytes}. Send the whole file.`,
  );
}

function progressOf(
  { sizeBytes, expiresAt }: OpenUpload,
  receivedBytes: number,
): Record<string, string> {
  return {
    'upload-offset': String(receivedBytes),
    'upload-length': String(sizeBytes),
    'upload-expires': new Date(expiresAt * 1_000).toUTCString(),
  };
}

function receivedBody({ id, sizeBytes }: OpenUpload, sha256: string): object {
  return { upload: { id, state: 'RECEIVED', sizeBytes, receivedBytes: sizeBytes, sha256 } };
}

/** The same for every token that does not open an upload, whatever there is at its address. */
function refusedToken(): AppError {
  return new AppError(
    'UNAUTHENTICATED',
    'There is no upload here for this token: it is missing, wrong, used or expired. Send the ' +
      'token of createUpload as "Authorization: Bearer <token>".',
  );
}

function otherFile(): AppError {
  return new AppError(
    'CONFLICT',
    'The upload has received another file already. Create another upload for this one.',
  );
}

function tooManyFiles(): AppError {
  return new AppError(
    'UNAVAILABLE',
    'Too many files are arriving at the moment. Try again shortly.',
    { retryAfterMs: 1_000 },
  );
}

async function refuseChecksum(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return reply
    .code(CHECKSUM_MISMATCH_STATUS)
    .send(
      errorBody(
        'CHECKSUM_MISMATCH',
        'The part is not what its header Upload-Checksum says. It was not stored; send it again.',
        request.id,
      ),
    );
}

async function refuseMethod(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return reply
    .code(405)
    .header('allow', ALLOWED)
    .send(
      errorBody(
        'BAD_USER_INPUT',
        `A file is sent by PUT, or in parts by PATCH, not by ${request.method}.`,
        request.id,
      ),
    );
}

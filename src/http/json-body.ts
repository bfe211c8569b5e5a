import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';

/**
 * Reads bodies of `application/json` in UTF-8 and refuses all others with 415. Forms and plain text are what a stranger's page can
 * send without asking first (https://fetch.spec.whatwg.org/#simple-header).
 */
export function acceptOnlyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(request.headers['content-type']!)?.[1];
    if (charset !== undefined && !/^utf-?8$/i.test(charset)) return done(httpError(415, 'The body must be JSON in UTF-8, without any other charset.'));
    if (!isUtf8(body)) return done(httpError(400, 'The body is not valid UTF-8.'));
    return parse(request, body.toString(), done);
  });
}

function httpError(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode });
}

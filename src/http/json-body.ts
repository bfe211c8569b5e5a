import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { keepBodyText } from './parameters-text.js';
import { httpError } from './error-responses.js';
import { readBody } from './request-body.js';

/**
 * Reads bodies of `application/json` in UTF-8 and refuses all others with 415. Forms and plain text
 * are what a stranger's page can send without asking first
 * (https://fetch.spec.whatwg.org/#simple-header).
 */
export function acceptOnlyJson(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/json',
    async (request: FastifyRequest, payload: IncomingMessage) => {
      const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(request.headers['content-type']!)?.[1];
      if (charset !== undefined && !/^utf-?8$/i.test(charset))
        throw httpError(415, 'The body must be JSON in UTF-8. Remove the other charset.');
      const body = await readBody(payload, request.countBody);
      if (body.length === 0)
        throw httpError(
          400,
          'The body is empty. Send an operation, such as {"query":"{ __typename }"}.',
        );
      if (!isUtf8(body)) throw httpError(400, 'The body is not valid UTF-8.');
      try {
        const text = body.toString();
        const parsed = parseJson(text);
        keepBodyText(request, text);
        return parsed;
      } catch {
        throw httpError(400, 'The body is not valid JSON.');
      }
    },
  );
}

/**
 * JSON of a request, from its body or its URL. Throws a `SyntaxError`. Members called `__proto__`
 * or `constructor` are members like others: they are the object's own, as in literals, and no code
 * of ours assigns members by name to objects that have a prototype.
 */
export function parseJson(text: string): unknown {
  // Some programs put a byte order mark first.
  return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
}

import type { FastifyRequest } from 'fastify';
import { mayLoseDigits } from '../base/json.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The text of the body, if `JSON.parse` may have changed its numbers. */
    bodyText?: string | undefined;
  }
}

/** Stores the text of a body for `takeParametersText`, if its numbers may have changed. */
export function keepBodyText(request: FastifyRequest, text: string): void {
  if (mayLoseDigits(text)) request.bodyText = text;
}

/**
 * The parameters of a request as JSON text, if parsing may have changed the numbers of its
 * variables. Call it once: it releases the text, which may be large.
 */
export function takeParametersText(request: FastifyRequest): string | undefined {
  const { bodyText } = request;
  request.bodyText = undefined;
  if (request.method === 'POST') return bodyText;
  const start = request.url.indexOf('?');
  const variables =
    start < 0 ? null : new URLSearchParams(request.url.slice(start)).get('variables');
  return variables !== null && mayLoseDigits(variables) ? `{"variables":${variables}}` : undefined;
}

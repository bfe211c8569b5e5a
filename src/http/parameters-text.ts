import type { FastifyRequest } from 'fastify';
import { mayLoseDigits } from '../base/json.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it came, where `JSON.parse` may have changed its numbers. */
    bodyText?: string | undefined;
  }
}

/** Keeps a body's text for `takeParametersText`, if it is of any use there. */
export function keepBodyText(request: FastifyRequest, text: string): void {
  if (mayLoseDigits(text)) request.bodyText = text;
}

/**
 * The parameters of a request as JSON text, where reading its variables may have changed their
 * numbers. To be called once: a body may be large, and nobody else needs its text.
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

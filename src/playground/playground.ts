import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { getDistDirectory, isSandboxFrame, renderAltair } from 'altair-static';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { altairMain } from './altair-main.js';
import { startConfig, type PlaygroundOptions } from './start-config.js';

export const PLAYGROUND_PATH = '/playground';

/** Scripts of ours that run in the browser, served as they are. */
const BROWSER_SCRIPTS = join(import.meta.dirname, 'browser');

/**
 * What the page may do: nothing beyond this server. The one concession is inline styles, because
 * Angular, ng-zorro and CodeMirror add `<style>` elements as they go, four of them without the
 * nonce that Altair could be given.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * For the files, of which only workers mind: one of them runs, by `eval`, the scripts that a
 * visitor adds to a request. It gets no network; the page sends for it.
 */
const WORKER_POLICY = "default-src 'none'; script-src 'self' 'unsafe-eval'";

const HASHED_NAME = /-[A-Z0-9]{8}\.js$/;

/**
 * Serves Altair, a GraphQL client, at `/playground`: all of it from this server, so that it works
 * without any other network.
 */
export const playgroundRoutes: FastifyPluginAsync<PlaygroundOptions> = async (app, options) => {
  const files = getDistDirectory();
  const page = renderAltair({
    baseURL: 'playground/',
    serveInitialOptionsInSeperateRequest: 'start.js',
  }).replace('<title>Altair<', '<title>Weaver Playground<');
  const config = startConfig(options);
  const main = await altairMain(files);
  const mainTag = `"${createHash('sha256').update(main).digest('base64url')}"`;
  const englishTexts = await readEnglishTexts(files);

  app.addHook('onRequest', async (_, reply) => {
    reply.headers({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      // A stranger's page could load start-config.json, with the demo key in it, as its own.
      'cross-origin-resource-policy': 'same-origin',
    });
  });
  app.get(PLAYGROUND_PATH, async (_, reply) =>
    reply
      .headers({ 'content-security-policy': PAGE_POLICY, 'cache-control': 'no-store' })
      .type('text/html; charset=utf-8')
      .send(page),
  );
  app.get('/', async (_, reply) => reply.redirect(PLAYGROUND_PATH));
  app.get(`${PLAYGROUND_PATH}/`, async (_, reply) => reply.redirect('../playground'));
  app.get(`${PLAYGROUND_PATH}/start-config.json`, async (_, reply) =>
    reply.header('cache-control', 'no-store').send(config),
  );
  app.get(`${PLAYGROUND_PATH}/main.js`, async (request, reply) => {
    reply.headers({ 'cache-control': 'no-cache', etag: mainTag });
    if (request.headers['if-none-match']?.includes(mainTag)) return reply.code(304).send();
    return reply.type('text/javascript; charset=utf-8').send(main);
  });
  app.get(`${PLAYGROUND_PATH}/assets/i18n/en-US.json`, async (_, reply) =>
    reply.header('cache-control', 'no-cache').send(englishTexts),
  );

  await app.register(fastifyStatic, {
    root: [files, BROWSER_SCRIPTS],
    prefix: `${PLAYGROUND_PATH}/`,
    decorateReply: false,
    index: false,
    redirect: false,
    // Neither Altair's page without our options, nor the frame that evaluates what any page posts
    // to it: on this origin it would be a way in.
    allowedPath: path => !path.endsWith('.html') && !isSandboxFrame(path),
    cacheControl: false,
    setHeaders: (reply, path) =>
      reply.headers({
        'content-security-policy': WORKER_POLICY,
        'cache-control': HASHED_NAME.test(path)
          ? 'public, max-age=31536000, immutable'
          : 'no-cache',
      }),
  });
};

/**
 * Altair's English texts, with a hint instead of the joke that is shown before the first answer.
 */
async function readEnglishTexts(files: string): Promise<Record<string, string>> {
  const texts = JSON.parse(await readFile(join(files, 'assets/i18n/en-US.json'), 'utf8')) as Record<
    string,
    string
  >;
  return { ...texts, QUERY_RESULT_NO_RESULT_TEXT: 'Send the request to see its answer here.' };
}

type Navigation = Pick<FastifyRequest, 'method' | 'headers' | 'query'>;

/**
 * Whether a browser opened the GraphQL endpoint without an operation to execute. It is then sent to
 * the Playground.
 */
export function isBrowserNavigation({ method, headers, query }: Navigation): boolean {
  const executes = ['query', 'documentId', 'extensions'].some(name =>
    Boolean((query as Record<string, unknown>)[name]),
  );
  return (method === 'GET' || method === 'HEAD') && !executes && wantsPlayground(headers);
}

/**
 * Whether the client asks for a page: only browsers name `text/html` as what they accept; GraphQL
 * clients name JSON.
 */
function wantsPlayground(headers: FastifyRequest['headers']): boolean {
  return (headers.accept ?? '')
    .split(',')
    .some(range => range.split(';', 1)[0]?.trim().toLowerCase() === 'text/html');
}

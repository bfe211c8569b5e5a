import { connect, type AddressInfo } from 'node:net';
import { fastify, type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isBrowserNavigation, playgroundRoutes } from '../../../src/playground/playground.js';

const BROWSER =
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

describe('GET /playground', () => {
  let app: FastifyInstance;
  beforeAll(async () => {
    app = fastify();
    await app.register(playgroundRoutes, { endpoint: '/graphql', demoKey: 'wvr_demo' });
  });
  afterAll(() => app.close());

  const get = (url: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'GET', url, headers });

  test('gives a page that may talk to nobody but this server', async () => {
    const { statusCode, headers, body } = await get('/playground');
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|unsafe-eval|\*/);
    expect(policy).toMatch(/script-src 'self';/);
    expect(body).toContain('<base href="playground/">');
  });

  test('gives a page that names nothing beyond its own folder', async () => {
    const { body } = await get('/playground');
    const urls = [...body.matchAll(/(?:src|href)="([^"]*)"/g)].map(match => match[1]!);
    expect(urls.length).toBeGreaterThan(5);
    expect(urls.filter(url => /^(?:[a-z]+:)?\/\//i.test(url) || url.startsWith('/'))).toEqual([]);
    const answers = await Promise.all(
      urls
        .filter(url => !url.endsWith('/'))
        .map(async url => `${url} ${(await get(`/playground/${url}`)).statusCode}`),
    );
    expect(answers.filter(answer => !answer.endsWith(' 200'))).toEqual([]);
  });

  test('keeps what holds the demo key from caches and from other sites', async () => {
    const { headers, body } = await get('/playground/start-config.json');
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(body).toContain('"demoKey":"wvr_demo"');
  });

  test.each([
    ['polyfills.js', /javascript/, 'no-cache'],
    ['start.js', /javascript/, 'no-cache'],
    ['styles.css', /css/, 'no-cache'],
    ['favicon.ico', /icon/, 'no-cache'],
    ['assets/img/logo.svg', /svg/, 'no-cache'],
    ['media/jetbrains-mono-latin-400-normal.woff2', /woff2/, 'no-cache'],
  ])(
    'gives the file %s once, and 304 while it has not changed',
    async (file, type, cacheControl) => {
      const first = await get(`/playground/${file}`);
      expect(first.statusCode).toBe(200);
      expect(first.headers['content-type']).toMatch(type);
      expect(first.headers['cache-control']).toBe(cacheControl);
      expect(first.headers['last-modified']).toBeTypeOf('string');
      const again = await get(`/playground/${file}`, {
        'if-none-match': String(first.headers.etag),
      });
      expect(again.statusCode).toBe(304);
    },
  );

  test('gives the main script once, and 304 while it has not changed', async () => {
    const first = await get('/playground/main.js');
    expect(first.statusCode).toBe(200);
    expect(first.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'no-cache',
    });
    expect(
      (await get('/playground/main.js', { 'if-none-match': String(first.headers.etag) }))
        .statusCode,
    ).toBe(304);
    expect((await get('/playground/main.js', { 'if-none-match': '"another"' })).statusCode).toBe(
      200,
    );
  });

  test('lets files be kept whose names tell their content', async () => {
    const { body } = await get('/playground');
    const chunk = /href="(chunk-[^"]+)"/.exec(body)![1]!;
    expect((await get(`/playground/${chunk}`)).headers['cache-control']).toBe(
      'public, max-age=31536000, immutable',
    );
  });

  test.each([
    '/playground/index.html',
    '/playground/iframe-sandbox/index.html',
    '/playground/iframe-sandbox/sandbox.png',
    '/playground/%69frame-sandbox/index.html',
    '/playground/nothing.js',
    '/playground/../playground.ts',
    '/playground/assets',
    '/playground/assets/',
    '/playground/..%2findex.js',
    '/playground/%2e%2e/index.js',
    '/playground/..%5cindex.js',
    '/playground//etc/passwd',
  ])('does not give %s', async url => {
    expect((await get(url)).statusCode).toBeOneOf([400, 403, 404]);
  });

  test('does not follow a path out of its folder that no client has cleaned up', async () => {
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.end(
          'GET /playground/../../package.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        ),
      );
      let text = '';
      socket
        .on('data', data => (text += data))
        .on('end', () => resolve(text))
        .on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 (?:400|403|404)/);
    expect(answer).not.toContain('altair-static');
  });

  test('leads from /playground/ to the page, wherever a proxy has put it', async () => {
    const { statusCode, headers } = await get('/playground/');
    expect(statusCode).toBe(302);
    expect(
      new URL(String(headers.location), 'https://example.com/weaver/playground/').pathname,
    ).toBe('/weaver/playground');
  });
});

describe('isBrowserNavigation', () => {
  const request = (method: string, accept: string | undefined, query: object = {}) => ({
    method,
    headers: accept === undefined ? {} : { accept },
    query,
  });

  test('is true for a browser that opens the endpoint', () => {
    expect(isBrowserNavigation(request('GET', BROWSER))).toBe(true);
  });

  test('is false for what has something to execute', () => {
    expect(isBrowserNavigation(request('POST', BROWSER))).toBe(false);
    expect(isBrowserNavigation(request('GET', BROWSER, { query: '{ viewer { kind } }' }))).toBe(
      false,
    );
    expect(isBrowserNavigation(request('GET', BROWSER, { documentId: 'abc' }))).toBe(false);
  });

  test.each([
    undefined,
    '*/*',
    'application/json',
    'application/graphql-response+json, application/json;q=0.9, */*;q=0.1',
  ])('is false for a program that accepts %s', accept => {
    expect(isBrowserNavigation(request('GET', accept))).toBe(false);
  });
});

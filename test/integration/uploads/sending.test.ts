import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Upload as TusUpload } from 'tus-js-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collectLog } from '../../support/log-lines.js';
import { RawConnection } from '../../support/raw-connection.js';
import { until } from '../../support/row-locks.js';
import {
  createUpload,
  part,
  send,
  sha256Of,
  someBytes,
  stateOf,
  storedBytes,
  TUS,
  type NewUpload,
} from '../../support/uploads.js';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';

const MIB = 1_048_576;
const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;

let world: WriteWorld;
let folder: string;
const log = collectLog();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-uploads-'));
  world = await startWriteWorld({
    log: log.log,
    env: { WEAVER_CORS_ORIGINS: 'https://app.example.com', WEAVER_MAX_UPLOADS_AT_ONCE: '4' },
  });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await world.gateway.close();
});

async function expectReceived({ id }: NewUpload, bytes: Buffer): Promise<void> {
  expect(await stateOf(world, id)).toEqual({
    state: 'received',
    received: bytes.length,
    sha256: sha256Of(bytes),
  });
  expect((await storedBytes(world, id)).equals(bytes)).toBe(true);
}

async function expectRefused(
  response: Response,
  status: number,
  code: string,
  message: RegExp = /./,
): Promise<void> {
  const body = (await response.json()) as {
    errors: [{ message: string; extensions: { code: string; requestId: string } }];
  };
  expect({ status: response.status, code: body.errors[0].extensions.code }).toEqual({
    status,
    code,
  });
  expect(body.errors[0].message).toMatch(message);
  expect(body.errors[0].extensions.requestId).toBe(response.headers.get('x-request-id'));
}

describe('a whole file', () => {
  test.runIf(hasCurl).each([
    ['with its length', []],
    ['in chunks', ['-H', 'transfer-encoding: chunked']],
    ['after it was asked for', ['-H', 'expect: 100-continue']],
  ])('comes by curl -T, %s', async (_, options) => {
    const bytes = someBytes(2 * MIB + 12_345);
    const file = join(folder, 'whole.pdf');
    writeFileSync(file, bytes);
    const upload = await createUpload(world, bytes.length, { sha256: sha256Of(bytes) });
    const { stdout } = await run('curl', [
      ...['-sS', '--fail-with-body', '-T', file, '-H', `Authorization: Bearer ${upload.token}`],
      ...options,
      upload.url,
    ]);
    expect(JSON.parse(stdout)).toEqual({
      upload: {
        id: upload.id,
        state: 'RECEIVED',
        sizeBytes: bytes.length,
        receivedBytes: bytes.length,
        sha256: sha256Of(bytes),
      },
    });
    await expectReceived(upload, bytes);
  });

  test.each([1, MIB - 1, MIB, MIB + 1, 2 * MIB])('of %i bytes is stored', async length => {
    const bytes = someBytes(length);
    const upload = await createUpload(world, length);
    expect((await send(upload, 'PUT', bytes)).status).toBe(200);
    await expectReceived(upload, bytes);
  });

  test('is answered as done when it comes again, and another one is refused', async () => {
    const bytes = someBytes(MIB + 5);
    const upload = await createUpload(world, bytes.length);
    await send(upload, 'PUT', bytes);
    const again = await send(upload, 'PUT', bytes);
    expect(again.status).toBe(200);
    expect(((await again.json()) as any).upload.sha256).toBe(sha256Of(bytes));
    for (const other of [someBytes(bytes.length, 2), bytes.subarray(1)])
      await expectRefused(await send(upload, 'PUT', other), 409, 'CONFLICT', /another file/);
    await expectReceived(upload, bytes);
  });

  test('that is too large is refused with the limit, also where it does not say so', async () => {
    const upload = await createUpload(world, 1_000);
    await expectRefused(
      await send(upload, 'PUT', someBytes(1_001)),
      413,
      'BAD_USER_INPUT',
      /1000 bytes/,
    );
    const stream = new Blob([someBytes(3 * MIB)]).stream();
    await expectRefused(await send(upload, 'PUT', stream), 413, 'BAD_USER_INPUT', /1000 bytes/);
    expect(await stateOf(world, upload.id)).toMatchObject({ state: 'waiting', received: 0 });
    const right = someBytes(1_000);
    expect((await send(upload, 'PUT', right)).status).toBe(200);
    await expectReceived(upload, right);
  });

  test('that is too small is refused, also where it does not say so', async () => {
    const upload = await createUpload(world, 2 * MIB);
    const small = someBytes(MIB + 1);
    await expectRefused(await send(upload, 'PUT', small), 400, 'BAD_USER_INPUT', /2097152/);
    const stream = new Blob([small]).stream();
    await expectRefused(await send(upload, 'PUT', stream), 400, 'BAD_USER_INPUT', /2097152/);
    expect(await stateOf(world, upload.id)).toMatchObject({ state: 'waiting', received: 0 });
  });

  test('with another SHA-256 than was declared is refused, and may be sent again', async () => {
    const bytes = someBytes(MIB + 9);
    const upload = await createUpload(world, bytes.length, { sha256: sha256Of(bytes) });
    await expectRefused(
      await send(upload, 'PUT', someBytes(bytes.length, 7)),
      422,
      'CHECKSUM_MISMATCH',
    );
    expect(await stateOf(world, upload.id)).toEqual({
      state: 'waiting',
      received: 0,
      sha256: sha256Of(bytes),
    });
    expect((await send(upload, 'PUT', bytes)).status).toBe(200);
    await expectReceived(upload, bytes);
  });
});

describe('a part', () => {
  test('by a tus client of any size makes the file, and can be ended with another', async () => {
    const bytes = someBytes(2 * MIB + 77);
    const upload = await createUpload(world, bytes.length, { sha256: sha256Of(bytes) });
    await new Promise<void>((resolve, reject) => {
      new TusUpload(bytes, {
        uploadUrl: upload.url,
        headers: { authorization: `Bearer ${upload.token}` },
        chunkSize: 700_000,
        retryDelays: null,
        onError: reject,
        onSuccess: () => resolve(),
      }).start();
    });
    await expectReceived(upload, bytes);
  });

  test('that is cut keeps what has come, and a tus client resumes behind it', async () => {
    const bytes = someBytes(3 * MIB);
    const upload = await createUpload(world, bytes.length);
    const { pathname, host } = new URL(upload.url);
    const cut = new RawConnection(upload.url);
    await cut.opened;
    cut.send(
      `PUT ${pathname} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${upload.token}\r\n` +
        `content-length: ${bytes.length}\r\n\r\n`,
    );
    cut.socket.write(bytes.subarray(0, MIB + 1_000));
    await until(async () => (await stateOf(world, upload.id)).received === MIB);
    cut.socket.destroy();
    await until(async () => (await stateOf(world, upload.id)).received > MIB);
    const offsets: number[] = [];
    await new Promise<void>((resolve, reject) => {
      new TusUpload(bytes, {
        uploadUrl: upload.url,
        headers: { authorization: `Bearer ${upload.token}` },
        retryDelays: null,
        onBeforeRequest: request => {
          if (request.getMethod() === 'PATCH')
            offsets.push(Number(request.getHeader('Upload-Offset')));
        },
        onError: reject,
        onSuccess: () => resolve(),
      }).start();
    });
    expect(offsets).toEqual([MIB + 1_000]);
    await expectReceived(upload, bytes);
  });

  test('tells where to go on, and refuses any other place with that', async () => {
    const bytes = someBytes(5_000);
    const upload = await createUpload(world, bytes.length);
    const first = await send(upload, 'PATCH', bytes.subarray(0, 2_000), part(0));
    expect([first.status, first.headers.get('upload-offset')]).toEqual([204, '2000']);
    const head = await send(upload, 'HEAD', undefined, TUS);
    expect(Object.fromEntries(head.headers)).toMatchObject({
      'upload-offset': '2000',
      'upload-length': '5000',
      'tus-resumable': '1.0.0',
      'cache-control': 'no-store',
    });
    expect(Date.parse(head.headers.get('upload-expires')!)).toBeGreaterThan(Date.now());
    for (const offset of [0, 1_999, 2_001, 9_999]) {
      const other = await send(upload, 'PATCH', bytes.subarray(0, 1), part(offset));
      expect(other.headers.get('upload-offset')).toBe('2000');
      await expectRefused(other, 409, 'CONFLICT', /2000/);
    }
    const last = await send(upload, 'PATCH', bytes.subarray(2_000), part(2_000));
    expect([last.status, last.headers.get('upload-offset')]).toEqual([204, '5000']);
    await expectReceived(upload, bytes);
    expect((await send(upload, 'PATCH', undefined, part(5_000))).status).toBe(204);
  });

  test('of two that begin at the same place, one is stored and one is refused', async () => {
    const bytes = someBytes(2 * MIB);
    const upload = await createUpload(world, bytes.length);
    const both = await Promise.all([1, 2].map(() => send(upload, 'PATCH', bytes, part(0))));
    expect(both.map(({ status }) => status).sort()).toEqual([204, 409]);
    await expectReceived(upload, bytes);
  });

  test('beside an older request that still sends takes its place', async () => {
    const bytes = someBytes(2 * MIB);
    const upload = await createUpload(world, bytes.length);
    const { pathname, host } = new URL(upload.url);
    const older = new RawConnection(upload.url);
    await older.opened;
    older.send(
      `PUT ${pathname} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${upload.token}\r\n` +
        `content-length: ${bytes.length}\r\n\r\n`,
    );
    older.socket.write(someBytes(MIB + 10, 3));
    await until(async () => (await stateOf(world, upload.id)).received === MIB);
    expect((await send(upload, 'PUT', bytes)).status).toBe(200);
    older.socket.write(someBytes(MIB - 10, 3));
    await older.until('HTTP/1.1 409');
    older.socket.destroy();
    await expectReceived(upload, bytes);
  });

  test.each(['sha1', 'sha256', 'md5'])('is stored if its %s is right', async algorithm => {
    const bytes = someBytes(MIB + 500);
    const upload = await createUpload(world, bytes.length);
    const digest = (of: Buffer): string =>
      `${algorithm} ${createHash(algorithm).update(of).digest('base64')}`;
    const [first, second] = [bytes.subarray(0, 600), bytes.subarray(600)];
    await send(upload, 'PATCH', first, { ...part(0), 'upload-checksum': digest(first) });
    const wrong = { ...part(600), 'upload-checksum': digest(first) };
    await expectRefused(await send(upload, 'PATCH', second, wrong), 460, 'CHECKSUM_MISMATCH');
    expect(await stateOf(world, upload.id)).toMatchObject({ state: 'receiving', received: 600 });
    const right = { ...part(600), 'upload-checksum': digest(second) };
    expect((await send(upload, 'PATCH', second, right)).status).toBe(204);
    await expectReceived(upload, bytes);
  });

  test('that makes another file than was declared has the whole file sent again', async () => {
    const bytes = someBytes(MIB + 500);
    const upload = await createUpload(world, bytes.length, { sha256: sha256Of(bytes) });
    await send(upload, 'PATCH', bytes.subarray(0, MIB), part(0));
    const wrong = await send(upload, 'PATCH', someBytes(500, 4), part(MIB));
    await expectRefused(wrong, 422, 'CHECKSUM_MISMATCH');
    expect((await send(upload, 'HEAD')).headers.get('upload-offset')).toBe('0');
    await send(upload, 'PATCH', bytes, part(0));
    await expectReceived(upload, bytes);
  });

  test('beyond the end is refused', async () => {
    const upload = await createUpload(world, 1_000);
    await expectRefused(
      await send(upload, 'PATCH', someBytes(1_001), part(0)),
      413,
      'BAD_USER_INPUT',
    );
    const stream = new Blob([someBytes(1_001)]).stream();
    await expectRefused(await send(upload, 'PATCH', stream, part(0)), 413, 'BAD_USER_INPUT');
    expect(await stateOf(world, upload.id)).toMatchObject({ state: 'waiting', received: 0 });
  });
});

describe('the address of an upload', () => {
  test('says what it can to who asks without a token', async () => {
    const response = await fetch(`${world.gateway.url}/uploads/any`, { method: 'OPTIONS' });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'tus-version': '1.0.0',
      'tus-extension': 'expiration,checksum,termination',
      'tus-max-size': '52428800',
      'tus-checksum-algorithm': 'md5,sha1,sha256',
    });
  });

  test('is open to pages of the origins that may use the gateway', async () => {
    const preflight = await fetch(`${world.gateway.url}/uploads/any`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,tus-resumable,upload-offset',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toMatch(/PATCH/);
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/upload-offset/);
    const upload = await createUpload(world, 10);
    const head = await send(upload, 'HEAD', undefined, { origin: 'https://app.example.com' });
    expect(head.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(head.headers.get('access-control-expose-headers')).toMatch(/upload-offset/);
    const other = await send(upload, 'HEAD', undefined, { origin: 'https://other.example.com' });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('deletes the upload with what has come', async () => {
    const upload = await createUpload(world, 10);
    await send(upload, 'PATCH', someBytes(5), part(0));
    expect((await send(upload, 'DELETE', undefined, TUS)).status).toBe(204);
    expect(await world.rows('select id from uploads where id = ?', [upload.id])).toEqual([]);
    expect((await send(upload, 'HEAD')).status).toBe(401);
  });

  test.each([
    ['with both walls', 'enable'],
    ["with the gateway's filter alone", 'disable'],
  ])('answers alike to every token that does not open it, %s', async (_, how) => {
    for (const table of ['uploads', 'upload_parts'])
      await world.rows(`alter table ${table} ${how} row level security`);
    const upload = await createUpload(world, 10);
    const other = await createUpload(world, 10);
    const strangersKey = await world.otherTenant.key({ scopes: ['read', 'write'] });
    const stranger = world.gateway.client(strangersKey.secret);
    const foreign = await createUpload(world, 10, {}, stranger);
    const expired = await createUpload(world, 10);
    await world.rows(`update uploads set expires_at = now() - interval '1 s' where id = ?`, [
      expired.id,
    ]);
    const used = await createUpload(world, 10);
    await send(used, 'PUT', someBytes(10));
    await world.rows(`update uploads set state = 'ingested' where id = ?`, [used.id]);
    const { id } = await stranger.data('{ viewer { tenant { id } } }').then(d => d.viewer.tenant);
    const unknown = upload.url.replace(upload.id, id);
    const attempts = [
      { url: upload.url, token: other.token },
      { url: upload.url, token: foreign.token },
      { url: foreign.url, token: upload.token },
      { url: upload.url, token: `${upload.token.slice(0, -1)}x` },
      { url: upload.url, token: strangersKey.secret },
      { url: upload.url, token: 'none' },
      { url: unknown, token: upload.token },
      { url: upload.url.replace(upload.id, 'no-id'), token: upload.token },
      { url: upload.url.replace(upload.id, '%00'), token: upload.token },
      expired,
      used,
    ];
    const answers = new Set<string>();
    for (const attempt of attempts) {
      for (const [method, headers] of [
        ['PUT', {}],
        ['PATCH', part(0)],
        ['DELETE', TUS],
      ] as const) {
        const body = method === 'DELETE' ? undefined : someBytes(10);
        const response = await send(attempt, method, body, headers);
        const text = await response.text();
        answers.add(`${response.status} ${text.replace(/"requestId":"[^"]*"/, '')}`);
      }
      expect((await send(attempt, 'HEAD')).status).toBe(401);
    }
    expect([...answers]).toHaveLength(1);
    expect([...answers][0]).toMatch(/^401 .*UNAUTHENTICATED/);
    for (const one of [upload, other, foreign])
      expect(await stateOf(world, one.id)).toMatchObject({ state: 'waiting', received: 0 });
    expect(await stateOf(world, used.id)).toMatchObject({ state: 'ingested' });
    for (const table of ['uploads', 'upload_parts'])
      await world.rows(`alter table ${table} enable row level security`);
  });

  test('answers each of many broken requests, and the gateway goes on', async () => {
    const upload = await createUpload(world, 10);
    const { pathname, host } = new URL(upload.url);
    const token = `authorization: Bearer ${upload.token}\r\n`;
    const patch = [
      'content-type: application/offset+octet-stream',
      'tus-resumable: 1.0.0',
      '',
    ].join('\r\n');
    const oldPatch = patch.replace('1.0.0', '0.2.2');
    const heads = [
      `PATCH ${pathname} HTTP/1.1\r\n`,
      `PATCH ${pathname} HTTP/1.1\r\n${token}`,
      `PATCH ${pathname} HTTP/1.1\r\n${token}${patch}`,
      ...['', '-1', '1.5', '0x1', '1e3', '9'.repeat(16), '9'.repeat(400), 'NaN', '0, 0'].map(
        offset => `PATCH ${pathname} HTTP/1.1\r\n${token}${patch}upload-offset: ${offset}\r\n`,
      ),
      ...['', 'sha1', 'sha1 ', 'sha1 !!', 'sha1 YQ==', 'crc32 YQ==', '__proto__ YQ=='].map(
        checksum =>
          `PATCH ${pathname} HTTP/1.1\r\n${token}${patch}upload-offset: 0\r\n` +
          `upload-checksum: ${checksum}\r\n`,
      ),
      `PATCH ${pathname} HTTP/1.1\r\n${token}content-type: text/plain\r\nupload-offset: 0\r\n`,
      `PATCH ${pathname} HTTP/1.1\r\n${token}${oldPatch}upload-offset: 0\r\n`,
      `PUT ${pathname} HTTP/1.1\r\n${token}content-range: bytes 0-1/2\r\n`,
      `PUT ${pathname} HTTP/1.1\r\n${token}content-encoding: gzip\r\n`,
      `PATCH ${pathname} HTTP/1.1\r\n${token}${patch}upload-offset: 0\r\ncontent-encoding: br\r\n`,
      `PUT ${pathname} HTTP/1.1\r\n${token}${token}`,
      `PUT ${pathname} HTTP/1.1\r\nauthorization: Basic YTpi\r\n`,
      `PUT ${pathname} HTTP/1.1\r\nauthorization: \r\n`,
      `PUT ${pathname} HTTP/1.1\r\nauthorization: Bearer ${'x'.repeat(9_000)}\r\n`,
      `PUT ${pathname} HTTP/1.1\r\n${token}expect: something\r\n`,
      `PUT ${pathname}/more HTTP/1.1\r\n${token}`,
      `PUT /uploads HTTP/1.1\r\n${token}`,
      `PUT /uploads/ HTTP/1.1\r\n${token}`,
      `PUT ${pathname}%GG HTTP/1.1\r\n${token}`,
      `POST ${pathname} HTTP/1.1\r\n${token}`,
      `PUT ${pathname} HTTP/1.1\r\n${token}transfer-encoding: gzip\r\n`,
    ];
    expect(heads.length).toBeGreaterThanOrEqual(30);
    for (const head of heads) {
      const framing = head.includes('transfer-encoding') ? '' : 'content-length: 4\r\n';
      const connection = new RawConnection(upload.url);
      await connection.opened;
      connection.send(`${head}host: ${host}\r\n${framing}connection: close\r\n\r\nbody`);
      await connection.closed;
      expect(connection.statuses[0], head).toBeGreaterThanOrEqual(400);
      expect(connection.statuses[0], head).toBeLessThan(500);
    }
    // Those that end in the middle of their body, whatever it is for.
    for (const [head, length] of [
      [`PUT ${pathname} HTTP/1.1\r\n${token}content-length: 10\r\n`, 3],
      [
        `PATCH ${pathname} HTTP/1.1\r\n${token}${patch}upload-offset: 0\r\ncontent-length: 10\r\n`,
        1,
      ],
      [`PUT ${pathname} HTTP/1.1\r\n${token}transfer-encoding: chunked\r\n`, 0],
    ] as const) {
      for (const end of ['destroy', 'resetAndDestroy', 'end'] as const) {
        const connection = new RawConnection(upload.url);
        await connection.opened;
        connection.send(`${head}host: ${host}\r\n\r\n${'x'.repeat(length)}`);
        connection.socket[end]();
        await connection.closed;
      }
    }
    const bytes = someBytes(10);
    await until(async () => (await send(upload, 'PUT', bytes)).status === 200);
    await expectReceived(upload, bytes);
  });

  test('keeps nobody waiting behind files that do not arrive', async () => {
    const bytes = someBytes(10);
    const slow: RawConnection[] = [];
    for (let index = 0; index < 2; index += 1) {
      const upload = await createUpload(world, 2 * MIB);
      const { pathname, host } = new URL(upload.url);
      const connection = new RawConnection(upload.url);
      await connection.opened;
      connection.send(
        `PUT ${pathname} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${upload.token}\r\n` +
          'content-length: 2097152\r\n\r\n',
      );
      connection.socket.write(someBytes(MIB));
      await until(async () => (await stateOf(world, upload.id)).received === MIB);
      slow.push(connection);
    }
    const upload = await createUpload(world, 10);
    const refused = await send(upload, 'PUT', bytes);
    expect(refused.headers.get('retry-after')).toBe('1');
    await expectRefused(refused, 503, 'UNAVAILABLE');
    const key = await world.otherTenant.key({ scopes: ['read', 'write'] });
    const others = await createUpload(world, 10, {}, world.gateway.client(key.secret));
    expect((await send(others, 'PUT', bytes)).status).toBe(200);
    for (const connection of slow) connection.socket.destroy();
    await until(async () => (await send(upload, 'PUT', bytes)).status === 200);
  });

  test('and its token are in no line of the log', async () => {
    const upload = await createUpload(world, 10);
    await send(upload, 'PUT', someBytes(10), { 'x-request-id': upload.token });
    await fetch(`${upload.url}?token=${upload.token}`, { method: 'PUT', body: 'x' });
    await fetch(`${world.gateway.url}/uploads/${upload.token}`, { method: 'PUT', body: 'x' });
    await until(
      () => log.entries().filter(({ path, status }) => path === '/uploads/…' && status).length > 2,
    );
    expect(log.lines.join('')).not.toMatch(/wvu_/);
  });
});

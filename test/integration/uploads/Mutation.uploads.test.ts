import { v4, v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/auth/caller.js';
import { COMMAND_LINE } from '../../../src/auth/caller.js';
import { tenantScope } from '../../../src/db/database-scope.js';
import { ExpiredUploads } from '../../../src/uploads/expired-uploads.js';
import {
  deleteUploadBytes,
  lockUploadForIngestion,
  readUpload,
} from '../../../src/uploads/upload-ingestion.js';
import { collectLog } from '../../support/log-lines.js';
import {
  createUpload,
  part,
  send,
  sha256Of,
  someBytes,
  stateOf,
  storedBytes,
} from '../../support/uploads.js';
import { expectForeignIdsRefused, startWriteWorld, type WriteWorld } from '../../support/writes.js';

const MIB = 1_048_576;

let world: WriteWorld;
beforeAll(async () => {
  world = await startWriteWorld({
    env: {
      WEAVER_PUBLIC_URL: 'https://weaver.example.com/base/',
      WEAVER_MAX_UPLOAD_BYTES: '4194304',
      WEAVER_QUOTA_BYTES: 'small=10000',
      WEAVER_QUOTA_DOCUMENTS: 'small=3',
    },
  });
});
afterAll(() => world.gateway.close());

/** An upload whose url leads to this gateway. */
const create = async (
  ...args: Parameters<typeof createUpload> extends [any, ...infer R] ? R : []
) => {
  const upload = await createUpload(world, ...args);
  return { ...upload, url: `${world.gateway.url}/uploads/${upload.id}` };
};

async function storage(tenantId = world.tenant.id): Promise<number> {
  const [row] = await world.rows<{ bytes: string }>(
    'select storage_used_bytes::text as bytes from tenants where id = ?',
    [tenantId],
  );
  return Number(row!.bytes);
}

describe('createUpload', () => {
  test('says where to send the file, with what, until when, and what is accepted', async () => {
    const bot = await world.tenant.bot();
    const { upload } = await world.done(
      'createUpload',
      {
        filename: 'handbook.pdf',
        sizeBytes: 1_000,
        contentType: 'Text/Plain; charset=iso-8859-1',
        sha256: 'AB'.repeat(32),
        metadata: { chapter: 1.5 },
        botId: bot.id,
      },
      'upload { id url token expiresAt maxBytes accepts state receivedBytes sizeBytes filename ' +
        'contentType sha256 metadata bot { id } tenant { id } }',
    );
    expect(upload).toEqual({
      id: expect.any(String),
      url: `https://weaver.example.com/base/uploads/${upload.id}`,
      token: expect.stringMatching(/^wvu_[\w-]{71}$/),
      expiresAt: expect.any(String),
      maxBytes: 4_194_304,
      accepts: expect.arrayContaining(['application/pdf', 'text/plain']),
      state: 'WAITING',
      receivedBytes: 0,
      sizeBytes: 1_000,
      filename: 'handbook.pdf',
      contentType: 'text/plain; charset=iso-8859-1',
      sha256: 'ab'.repeat(32),
      metadata: { chapter: 1.5 },
      bot: { id: bot.id },
      tenant: { id: world.tenant.id },
    });
    const hours = (Date.parse(upload.expiresAt) - Date.now()) / 3_600_000;
    expect(Math.round(hours)).toBe(24);
    const everything = JSON.stringify(await world.rows('select * from uploads'));
    expect(everything).not.toContain(upload.token);
  });

  test('shows the token once, though the upload can be read until it is gone', async () => {
    const input = { filename: 'a.pdf', sizeBytes: 10, idempotencyKey: v4() };
    const { upload } = await world.done('createUpload', input, 'upload { id token }');
    const again = await world.done('createUpload', input, 'upload { id token }');
    expect(again.upload).toEqual({ id: upload.id, token: null });
    const READ = 'query ($id: ID!) { upload(id: $id) { id token state } }';
    expect(await world.writer.data(READ, { id: upload.id })).toEqual({
      upload: { id: upload.id, token: null, state: 'WAITING' },
    });
    await world.done('deleteUpload', { id: upload.id }, 'deletedId');
    expect(await world.writer.data(READ, { id: upload.id })).toEqual({ upload: null });
  });

  test('refuses what the limits refuse, before a byte is sent', async () => {
    const input = { filename: 'a.pdf', sizeBytes: 10 };
    for (const [wrong, field] of [
      [{ sizeBytes: 0 }, 'sizeBytes'],
      [{ sizeBytes: -1 }, 'sizeBytes'],
      [{ sizeBytes: 4_194_305 }, 'sizeBytes'],
      [{ sizeBytes: '9223372036854775807' }, 'sizeBytes'],
      [{ filename: '' }, 'filename'],
      [{ filename: 'a'.repeat(501) }, 'filename'],
      [{ filename: 'a\nb' }, 'filename'],
      [{ contentType: 'image/png' }, 'contentType'],
      [{ contentType: 'a'.repeat(256) }, 'contentType'],
      [{ sha256: 'ab' }, 'sha256'],
      [{ sha256: 'x'.repeat(64) }, 'sha256'],
      [{ metadata: { a: 'x'.repeat(65_536) } }, 'metadata'],
      [{ botId: 'none' }, 'botId'],
    ] as const)
      await world.refused(
        'createUpload',
        { ...input, ...wrong },
        { code: 'BAD_USER_INPUT', field: `input.${field}` },
      );
    const { errors } = await world.run(
      'createUpload',
      { ...input, sizeBytes: 5_000_000 },
      'upload { id }',
    );
    expect(errors![0]!.message).toBe('input.sizeBytes must be from 1 to 4,194,304; it is 5000000.');
    await world.done(
      'createUpload',
      { ...input, contentType: 'application/octet-stream' },
      '__typename',
    );
  });

  test("takes no bot of another tenant's", async () => {
    const bot = await world.otherTenant.bot();
    await expectForeignIdsRefused(
      world,
      'createUpload',
      bot.id,
      botId => ({ filename: 'a.pdf', sizeBytes: 10, botId }),
      'input.botId',
    );
  });

  test('keeps within the quotas of the plan, however many come at once', async () => {
    const tenant = await world.gateway.world.tenant({ planTier: 'small' });
    const client = world.gateway.client((await tenant.key({ scopes: ['read', 'write'] })).secret);
    const file = (sizeBytes: number) => ({ filename: 'a.pdf', sizeBytes });
    const { errors } = await world.run('createUpload', file(10_001), '__typename', client);
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/10,001 bytes; the limit of its plan is 10,000/),
        extensions: { code: 'QUOTA_EXCEEDED', field: 'input.sizeBytes' },
      },
    ]);
    const codes = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const answer = await world.run('createUpload', file(4_000), '__typename', client);
        return answer.errors?.[0]!.extensions.code ?? 'done';
      }),
    );
    expect(codes.sort()).toEqual(['QUOTA_EXCEEDED', 'QUOTA_EXCEEDED', 'done', 'done']);
    expect(await storage(tenant.id)).toBe(8_000);
    await (await tenant.bot()).document({ size_bytes: 1 });
    await world.refused(
      'createUpload',
      file(1),
      { code: 'QUOTA_EXCEEDED', field: 'input.filename' },
      client,
    );
    await world.refused(
      'createDocument',
      { filename: 'a.md', text: 'A text' },
      { code: 'QUOTA_EXCEEDED', field: 'input.filename' },
      client,
    );
    await world.refused(
      'createDocument',
      { filename: 'a.md', text: 'x'.repeat(2_000) },
      { code: 'QUOTA_EXCEEDED', field: 'input.text' },
      client,
    );
    await world.done('createUpload', file(4_000), '__typename');
  });
});

describe('the storage of a tenant', () => {
  test('counts an upload as declared until it is deleted, or its document counts', async () => {
    const before = await storage();
    const one = await create(1_000);
    const other = await create(20);
    expect(await storage()).toBe(before + 1_020);
    await send(one, 'PUT', someBytes(1_000));
    await send(other, 'PATCH', someBytes(5), part(0));
    expect(await storage()).toBe(before + 1_020);
    await ingest(one.id);
    expect(await storage()).toBe(before + 20);
    await world.done('deleteUpload', { id: one.id }, 'deletedId');
    expect(await storage()).toBe(before + 20);
    await world.done('deleteUpload', { id: other.id }, 'deletedId');
    expect(await storage()).toBe(before);
  });

  test('counts no more what is deleted with its bot', async () => {
    const before = await storage();
    const bot = await world.tenant.bot({ name: 'Goes' });
    const upload = await create(MIB, { botId: bot.id });
    await send(upload, 'PUT', someBytes(MIB));
    const used = await create(7, { botId: bot.id });
    await send(used, 'PUT', someBytes(7));
    await ingest(used.id);
    await bot.document({ size_bytes: 3 });
    expect(await storage()).toBe(before + MIB + 3);
    const { counts } = await world.done(
      'deleteBot',
      { id: bot.id, confirm: 'Goes' },
      'counts { type count }',
    );
    expect(counts).toContainEqual({ type: 'Upload', count: 2 });
    expect(await storage()).toBe(before);
    expect(await storedBytes(world, upload.id)).toHaveLength(0);
  });

  test('and all uploads go with the tenant', async () => {
    const tenant = await world.gateway.world.tenant({ name: 'Goes' });
    const key = await tenant.key({ scopes: ['read', 'write'] });
    const upload = await create(10, {}, world.gateway.client(key.secret));
    await send(upload, 'PUT', someBytes(10));
    const { counts } = await world.done(
      'deleteTenant',
      { id: tenant.id, confirm: 'Goes' },
      'counts { type count }',
      world.gateway.operator,
    );
    expect(counts).toContainEqual({ type: 'Upload', count: 1 });
    expect(await world.rows('select 1 from upload_parts where tenant_id = ?', [tenant.id])).toEqual(
      [],
    );
    expect((await send(upload, 'HEAD')).status).toBe(401);
  });
});

describe('deleteUpload', () => {
  test('deletes the bytes, and none of another tenant', async () => {
    const upload = await create(10);
    await send(upload, 'PUT', someBytes(10));
    expect(
      await world.done('deleteUpload', { id: upload.id }, 'deletedId counts { type }'),
    ).toEqual({ deletedId: upload.id, counts: [] });
    expect(await storedBytes(world, upload.id)).toHaveLength(0);
    const foreign = await (await world.otherTenant.bot()).upload();
    await expectForeignIdsRefused(world, 'deleteUpload', foreign, id => ({ id }), 'input.id');
  });
});

describe('an expired upload', () => {
  test('is deleted with its bytes, one in use or ingested is not', async () => {
    const { log, lines } = collectLog();
    const expired: string[] = [];
    for (let nth = 0; nth < 12; nth += 1) {
      const upload = await create(MIB + 1);
      if (nth === 0) await send(upload, 'PUT', someBytes(MIB + 1));
      expired.push(upload.id);
    }
    const used = await create(10);
    await send(used, 'PUT', someBytes(10));
    await ingest(used.id);
    const current = await create(10);
    await world.rows(
      `update uploads set expires_at = now() - interval '1 s' where id = any(?::uuid[])`,
      [`{${[...expired, used.id].join()}}`],
    );
    const before = await storage();
    // As it does at the beginning and once a minute.
    const sweep = new ExpiredUploads(world.gateway.db.database, log);
    await sweep.sweep();
    await sweep.close();
    expect(lines).toEqual([]);
    const left = await world.rows<{ id: string }>('select id from uploads');
    const ids = left.map(({ id }) => id);
    expect(expired.filter(id => ids.includes(id))).toEqual([]);
    expect(ids).toEqual(expect.arrayContaining([used.id, current.id]));
    expect(await storedBytes(world, expired[0]!)).toHaveLength(0);
    expect(await storedBytes(world, used.id)).toHaveLength(10);
    expect(await storage()).toBe(before - 12 * (MIB + 1));
  });
});

describe('the ingestion of an upload', () => {
  test('has the whole file once, and its bytes until it deletes them', async () => {
    const bytes = someBytes(2 * MIB + 3);
    const upload = await create(bytes.length, { metadata: { a: 1 }, contentType: 'text/csv' });
    await expect(ingest(upload.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    await send(upload, 'PATCH', bytes.subarray(0, 5), part(0));
    await expect(ingest(upload.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    await send(upload, 'PUT', bytes);
    const locked = await ingest(upload.id);
    expect(locked).toMatchObject({
      id: upload.id,
      tenantId: world.tenant.id,
      filename: 'file.pdf',
      sha256: sha256Of(bytes),
      contentType: 'text/csv',
      metadata: { a: 1 },
    });
    await expect(ingest(upload.id)).rejects.toMatchObject({
      code: 'CONFLICT',
      field: 'input.uploadId',
    });
    expect(await stateOf(world, upload.id)).toMatchObject({ state: 'ingested' });
    const { database } = world.gateway.db;
    const reads = database.reads(tenantScope(world.tenant.id));
    expect((await readUpload(reads, world.tenant.id, upload.id)).equals(bytes)).toBe(true);
    const others = database.reads(tenantScope(world.otherTenant.id));
    for (const tenantId of [world.otherTenant.id, world.tenant.id])
      await expect(readUpload(others, tenantId, upload.id)).rejects.toThrow('are gone');
    await database.write('test', tenantScope(world.tenant.id), em =>
      deleteUploadBytes(em, world.tenant.id, [upload.id]),
    );
    expect(await storedBytes(world, upload.id)).toHaveLength(0);
    expect(await stateOf(world, upload.id)).toMatchObject({ state: 'ingested' });
  });

  test("finds none of another tenant's, no expired one and no unknown one", async () => {
    const foreign = await (
      await world.otherTenant.bot()
    ).upload({
      state: 'received',
      size_bytes: 1,
      received_bytes: 1,
      sha256: '0'.repeat(64),
    });
    const expired = await create(1);
    await send(expired, 'PUT', someBytes(1));
    await world.rows(`update uploads set expires_at = now() - interval '1 s' where id = ?`, [
      expired.id,
    ]);
    for (const id of [foreign, expired.id, v7()])
      await expect(ingest(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

/** As a use case would. */
function ingest(uploadId: string): ReturnType<typeof lockUploadForIngestion> {
  const caller: Caller = { ...COMMAND_LINE, tenantId: world.tenant.id };
  return world.gateway.db.database.write('ingest', tenantScope(world.tenant.id), em =>
    lockUploadForIngestion(em, caller, uploadId),
  );
}

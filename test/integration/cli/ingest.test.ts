import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { readConfig } from '../../../src/config.js';
import { Database } from '../../../src/db/database.js';
import { ENTITIES } from '../../../src/entities.js';
import { Commands, freshDatabase, weaver, type FreshDatabase } from '../../support/command.js';
import { receivedFile, sections } from '../../support/files.js';
import { until } from '../../support/row-locks.js';
import { World, type DocumentWorld, type TenantWorld } from '../../support/world.js';

const METRICS_TOKEN = 'the-token-of-prometheus';
const onPostgres = inject('template').kind === 'postgres';
const commands = new Commands();
let fresh: FreshDatabase;
let tenant: TenantWorld;
let document: DocumentWorld;
let failed: string;
let queued: string;

async function inDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const database = await Database.open(readConfig(fresh.env).database, ENTITIES);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

beforeAll(async () => {
  fresh = await freshDatabase({ migrated: true });
  await inDatabase(async database => {
    tenant = await new World(database).tenant({ name: 'Acme' });
    document = await (await tenant.bot()).document();
    failed = await document.ingestion({
      filename: 'locked.pdf',
      state: 'failed',
      error_code: 'ENCRYPTED',
      error_message: 'The file is encrypted.',
      error_retryable: false,
      created_at: '2026-01-01T00:00:00Z',
    });
    queued = await document.ingestion({ filename: 'b.md', state: 'queued' });
  });
});
afterAll(async () => {
  await commands.close();
  await fresh.close();
});

const run = (...args: string[]) => weaver(fresh.env, ['ingest', ...args]);

describe('weaver ingest', () => {
  test('list shows the files of a tenant, newest first', async () => {
    const { code, out } = await run('list', '--tenant', 'Acme');
    expect(code).toBe(0);
    expect(out.split('\n').map(line => line.split('\t'))).toMatchObject([
      [queued, 'queued', '-', '0', '0', '0', expect.any(String), '-', 'b.md', '-'],
      [
        failed,
        'failed',
        '-',
        '0',
        '0',
        '0',
        expect.any(String),
        'ENCRYPTED',
        'locked.pdf',
        'The file is encrypted.',
      ],
    ]);
    const json = await run('list', '--tenant', 'Acme', '--state', 'failed', '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      id: failed,
      documentId: document.id,
      filename: 'locked.pdf',
      state: 'failed',
      error: { code: 'ENCRYPTED', message: 'The file is encrypted.', retryable: false },
    });
    expect(await run('list', '--tenant', 'Acme', '--state', 'completed')).toMatchObject({
      code: 0,
      out: '',
    });
  });

  test('cancel ends one, retry begins it again, and both say when they cannot', async () => {
    expect(await run('cancel', queued)).toMatchObject({ code: 0 });
    expect(await run('retry', queued)).toMatchObject({ code: 0 });
    expect(await run('retry', queued)).toMatchObject({
      code: 1,
      err: expect.stringContaining('This ingestion is QUEUED.'),
    });
    expect(await run('cancel', failed)).toMatchObject({
      code: 1,
      err: expect.stringContaining('This ingestion is FAILED'),
    });
    expect(await run('retry', document.id)).toMatchObject({
      code: 1,
      err: expect.stringContaining('was not found'),
    });
    expect(await run('cancel', queued)).toMatchObject({ code: 0 });
  });
});

describe('weaver work', () => {
  test.runIf(!onPostgres)('is refused with the embedded database', async () => {
    expect(await weaver(fresh.env, ['work'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('"weaver work" requires DATABASE_URL'),
    });
    expect(await weaver({ ...fresh.env, WEAVER_WORK: 'off' }, ['serve'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('WEAVER_WORK=off requires DATABASE_URL'),
    });
  });

  test.runIf(onPostgres)(
    'processes files, tells its health and metrics, and ends in order',
    { timeout: 120_000 },
    async () => {
      const running = commands.weaver(
        { ...fresh.env, PORT: '0', LOG_LEVEL: 'info', WEAVER_METRICS_TOKEN: METRICS_TOKEN },
        'work',
      );
      await running.until('/health/ready');
      const url = /(http:\S+)\/health\/ready/.exec(running.out)![1]!;
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);
      expect((await fetch(`${url}/graphql`, { method: 'POST' })).status).toBe(404);
      await inDatabase(async database => {
        const connection = database.orm.em.getDriver().getConnection();
        const sql = <R>(text: string, parameters: unknown[] = []): Promise<R[]> =>
          connection.execute(text, parameters as never);
        const text = sections(3);
        const uploadId = await receivedFile({ asSuperuser: sql }, document.bot, 'c.md', text);
        const id = await new World(database).insert('ingestions', {
          tenant_id: tenant.id,
          doc_id: document.id,
          upload_id: uploadId,
          filename: 'c.md',
          size_bytes: Buffer.byteLength(text),
          content_sha256: '0'.repeat(64),
          kind: 'replace',
          revision: 1,
        });
        await until(async () => {
          const rows = await sql<{ state: string }>('select state from ingestions where id = ?', [
            id,
          ]);
          return rows[0]!.state === 'completed';
        }, 60);
      });
      const metrics = await (
        await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
      ).text();
      expect(metrics).toContain('weaver_ingestion_backlog{state="queued"} 0');
      expect(metrics).toContain('weaver_ingestion_oldest_seconds 0');
      for (const step of ['extract', 'chunk', 'embed', 'switch'])
        expect(metrics).toContain(`weaver_ingestion_step_duration_seconds_count{step="${step}"} 1`);
      expect(await running.end('SIGTERM')).toMatchObject({ code: 0 });
    },
  );
});

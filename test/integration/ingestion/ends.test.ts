import { Client as PgClient } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { claim, findDue, renewLease, type ClaimedIngestion } from '../../../src/ingestion/lease.js';
import { LeaseLost } from '../../../src/ingestion/ingestion-failure.js';
import { stageChunks, storeVectors } from '../../../src/ingestion/staging.js';
import { switchDocument } from '../../../src/ingestion/switch-document.js';
import { receivedFile, sections } from '../../support/files.js';
import {
  answers,
  fails,
  serviceConfig,
  startOpenAiServer,
  type Behaviour,
  type OpenAiServer,
} from '../../support/openai-server.js';
import { until } from '../../support/row-locks.js';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';
import type { BotWorld } from '../../support/world.js';

// Threads that compile what they run take seconds on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

let server: OpenAiServer;
let world: WriteWorld;
let bot: BotWorld;
const onPostgres = (): boolean => world.gateway.db.urls !== undefined;

beforeAll(async () => {
  server = await startOpenAiServer();
  world = await startWriteWorld({
    env: { WEAVER_WORK: 'inline' },
    embedder: serviceConfig(server, { batchSize: 4 }),
  });
  bot = await world.tenant.bot();
});
afterEach(() => server.always(answers()));
afterAll(async () => {
  await world.gateway.close();
  await server.close();
});

const INGESTION = 'id state step done total attempt error { code message retryable }';

async function begin(
  text: string,
  more: { filename?: string; documentId?: string; of?: BotWorld } = {},
): Promise<any> {
  const { filename = 'file.md', documentId, of = bot } = more;
  const uploadId = await receivedFile(world.gateway.db, of, filename, text);
  return world.done(
    'ingestUpload',
    { uploadId, documentId, tenantId: of.tenant.id },
    `document { id } ingestion { ${INGESTION} }`,
    world.gateway.operator,
  );
}

async function stored(id: string): Promise<any> {
  const { ingestion } = await world.gateway.operator.data(
    `query ($id: ID!) { ingestion(id: $id) { ${INGESTION} } }`,
    { id },
  );
  return ingestion;
}

const becomes = (id: string, state: string): Promise<void> =>
  until(async () => (await stored(id)).state === state, 60);

const chunkCount = async (documentId: string): Promise<number> =>
  (
    await world.rows<{ n: number }>('select count(*)::int as n from doc_chunks where doc_id = ?', [
      documentId,
    ])
  )[0]!.n;

const rowsOf = async (ingestionId: string): Promise<unknown> =>
  (
    await world.rows(
      `select (select count(*)::int from ingestions where id = ?) as ingestions,
              (select count(*)::int from ingestion_chunks where ingestion_id = ?) as staged`,
      [ingestionId, ingestionId],
    )
  )[0];

/** The service answers nothing until `release` lets it: resolves when the first request came. */
function held(): { readonly asked: Promise<void>; release(): void } {
  const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  server.always((...request) => {
    asked.resolve();
    void released.promise.then(() => answers()(...request));
  });
  return { asked: asked.promise, release: released.resolve };
}

describe('an ingestion that is held while it embeds', () => {
  test('can be cancelled, and no chunk appears later', async () => {
    const service = held();
    const { document, ingestion } = await begin(sections(6));
    await service.asked;
    expect(
      await world.done(
        'cancelIngestion',
        { id: ingestion.id },
        'ingestion { state cancelledAt document { status errorMessage } }',
      ),
    ).toMatchObject({
      ingestion: {
        state: 'CANCELLED',
        cancelledAt: expect.any(String),
        document: { status: 'FAILED', errorMessage: expect.stringMatching(/cancelled/) },
      },
    });
    service.release();
    // The worker is free for the next one: it has given up this one.
    const next = await begin(sections(1, 'boat'));
    await becomes(next.ingestion.id, 'COMPLETED');
    expect(await chunkCount(document.id)).toBe(0);
    expect(await rowsOf(ingestion.id)).toEqual({ ingestions: 1, staged: 0 });
    // Once more is no change and no error.
    await world.done('cancelIngestion', { id: ingestion.id }, 'ingestion { state }');
  });

  test.each(['document', 'bot', 'tenant'])('goes with its %s', async kind => {
    const service = held();
    const tenant = await world.gateway.world.tenant({ name: `Gone ${kind}` });
    const gone = await tenant.bot({ name: 'Gone' });
    await tenant.bot({ name: 'Stays' });
    const { document, ingestion } = await begin(sections(6), { of: gone });
    await service.asked;
    const { operator } = world.gateway;
    if (kind === 'document')
      await world.done('deleteDocument', { id: document.id }, 'deletedId', operator);
    else if (kind === 'bot')
      await world.done('deleteBot', { id: gone.id, confirm: 'Gone' }, 'deletedId', operator);
    else
      await world.done(
        'deleteTenant',
        { id: tenant.id, confirm: 'Gone tenant' },
        'deletedId',
        operator,
      );
    service.release();
    const next = await begin(sections(1, 'raft'));
    await becomes(next.ingestion.id, 'COMPLETED');
    expect(await chunkCount(document.id)).toBe(0);
    expect(await rowsOf(ingestion.id)).toEqual({ ingestions: 0, staged: 0 });
    expect(
      await world.rows('select count(*)::int as n from uploads where tenant_id = ?', [tenant.id]),
    ).toEqual([{ n: 0 }]);
  });

  test('is ended by another file for the same document', async () => {
    const service = held();
    const first = await begin(sections(6));
    await service.asked;
    const second = await begin(sections(2, 'kayak'), { documentId: first.document.id });
    expect(await stored(first.ingestion.id)).toMatchObject({ state: 'CANCELLED' });
    service.release();
    await becomes(second.ingestion.id, 'COMPLETED');
    expect(await chunkCount(first.document.id)).toBe(2);
  });
});

describe('an embedding service', () => {
  test('that fails is waited for, and the file goes on where it was', async () => {
    let batches = 0;
    server.always((...request) => {
      batches += 1;
      (batches > 1 ? fails(500) : answers())(...request);
    });
    const { document, ingestion } = await begin(sections(6, 'ferry'));
    await until(async () => (await stored(ingestion.id)).error !== null, 60);
    expect(await stored(ingestion.id)).toMatchObject({
      state: expect.stringMatching(/QUEUED|RUNNING/),
      error: { code: 'EMBEDDING_UNAVAILABLE', retryable: true },
    });
    expect(await chunkCount(document.id)).toBe(0);
    const asked = server.requests.length;
    server.always(answers());
    // As after the time that it waits.
    await world.rows('update ingestions set next_attempt_at = now() where id = ?', [ingestion.id]);
    await becomes(ingestion.id, 'COMPLETED');
    expect(await stored(ingestion.id)).toMatchObject({ done: 6, total: 6, error: null });
    expect(await chunkCount(document.id)).toBe(6);
    const again = server.requests.slice(asked).filter(({ body }) => body.input.length > 0);
    expect(again.at(-1)!.body.input).toHaveLength(2);
  });

  test('that refuses one text ends the file, and says which text', async () => {
    const refuses: Behaviour = (request, ...rest) =>
      (request.body.input.some(text => text.includes('number 4')) ? fails(400) : answers())(
        request,
        ...rest,
      );
    server.always(refuses);
    const { document, ingestion } = await begin(sections(6, 'barge'));
    await becomes(ingestion.id, 'FAILED');
    const { error } = await stored(ingestion.id);
    expect(error).toMatchObject({ code: 'EMBEDDING_REFUSED', retryable: false });
    expect(error.message).toContain('# Section 4');
    expect(await chunkCount(document.id)).toBe(0);
    server.always(answers());
    await world.done('retryIngestion', { id: ingestion.id }, 'ingestion { state }');
    await becomes(ingestion.id, 'COMPLETED');
    expect(await chunkCount(document.id)).toBe(6);
    await world.refused('retryIngestion', { id: ingestion.id }, { code: 'CONFLICT' });
    await world.refused('cancelIngestion', { id: ingestion.id }, { code: 'CONFLICT' });
  });
});

describe('a worker that has lost its lease', () => {
  /** Taken by nobody but the test: the gateway's own worker is kept busy with the same tenant. */
  async function claimed(): Promise<{ first: ClaimedIngestion; second: ClaimedIngestion }> {
    const tenant = await world.gateway.world.tenant();
    const document = await (await tenant.bot()).document({ status: 'pending' });
    const id = await world.gateway.world.insert('ingestions', {
      tenant_id: tenant.id,
      doc_id: document.id,
      filename: 'f.md',
      size_bytes: 4,
      content_sha256: '0'.repeat(64),
      kind: 'create',
      revision: 1,
      text: 'Text',
      state: 'running',
      attempt: 1,
      lease_until: '2100-01-01',
    });
    const first = {
      id,
      tenantId: tenant.id,
      documentId: document.id,
      attempt: 1,
      failures: 0,
      uploadId: null,
      filename: 'f.md',
      contentType: null,
      documentName: 'f.md',
      hasText: true,
      staged: 0,
    };
    await world.rows(`update ingestions set attempt = 2, lease_until = '2100-01-01' where id = ?`, [
      id,
    ]);
    return { first, second: { ...first, attempt: 2 } };
  }

  test('can store nothing, and whoever has it now can', async () => {
    const { database } = world.gateway.db;
    const { first, second } = await claimed();
    const chunk = { text: 'Text', chunkIndex: 0, textStart: 0, textEnd: 4 };
    const before = await world.state();
    for (const write of [
      () => renewLease(database, first),
      () => stageChunks(database, first, [chunk], []),
      () => storeVectors(database, first, 'words', [], []),
      () => switchDocument(database, first),
    ])
      await expect(write()).rejects.toThrow(LeaseLost);
    expect(await world.state()).toEqual(before);
    await stageChunks(database, second, [chunk], []);
    await switchDocument(database, second);
    expect(await chunkCount(second.documentId)).toBe(1);
    await expect(switchDocument(database, second)).rejects.toThrow(LeaseLost);
    expect(await chunkCount(second.documentId)).toBe(1);
  });

  test('and whose payload lies finds no ingestion', async () => {
    const { database } = world.gateway.db;
    const { second } = await claimed();
    const foreign = { ...second, tenantId: world.tenant.id };
    expect(await claim(database, foreign)).toBeUndefined();
    await expect(switchDocument(database, foreign)).rejects.toThrow(LeaseLost);
    expect(await findDue(database, [], 10)).toEqual([]);
  });
});

test('an ingestion whose workers crash again and again is given up', async () => {
  const service = held();
  const { document, ingestion } = await begin(sections(2, 'sail'));
  await service.asked;
  // As five processes leave it that were killed; this one still works on it.
  await world.rows(
    `update ingestions set failures = 4, attempt = attempt + 1,
            lease_until = now() - interval '1 second' where id = ?`,
    [ingestion.id],
  );
  server.always(answers());
  service.release();
  await becomes(ingestion.id, 'FAILED');
  expect(await stored(ingestion.id)).toMatchObject({
    error: { code: 'WORKER_CRASHED', retryable: true },
  });
  expect(await chunkCount(document.id)).toBe(0);
});

test('a text that the document got meanwhile is kept', async () => {
  const first = await begin(sections(2, 'oar'));
  await becomes(first.ingestion.id, 'COMPLETED');
  const service = held();
  const second = await begin(sections(3, 'mast'), { documentId: first.document.id });
  await service.asked;
  server.always(answers());
  await world.done(
    'reprocessDocument',
    { id: first.document.id, text: 'The newest text.' },
    'document { id }',
  );
  service.release();
  await becomes(second.ingestion.id, 'FAILED');
  expect(await stored(second.ingestion.id)).toMatchObject({ error: { code: 'SUPERSEDED' } });
  expect(
    await world.rows('select text from doc_chunks where doc_id = ?', [first.document.id]),
  ).toEqual([{ text: 'The newest text.' }]);
});

test('a tenant with many files delays the one of another by its turn', async () => {
  const service = held();
  const [busy, other] = [
    await (await world.gateway.world.tenant()).bot(),
    await (await world.gateway.world.tenant()).bot(),
  ];
  const many = [await begin(sections(1, 'a'), { of: busy })];
  await service.asked;
  for (let nth = 0; nth < 5; nth += 1) many.push(await begin(sections(1, `a${nth}`), { of: busy }));
  const single = await begin(sections(1, 'single'), { of: other });
  server.always(answers());
  service.release();
  for (const { ingestion } of [...many, single]) await becomes(ingestion.id, 'COMPLETED');
  const [{ before }] = (await world.rows(
    `select count(*)::int as before from ingestions
      where tenant_id = ? and finished_at < (select finished_at from ingestions where id = ?)`,
    [busy.tenant.id, single.ingestion.id],
  )) as [{ before: number }];
  expect(before).toBeLessThanOrEqual(2);
});

test('progress never falls within an attempt', async () => {
  const seen: { attempt: number; done: number; total: number }[] = [];
  server.always((...request) => {
    void (async () => {
      seen.push(await stored(id));
      answers()(...request);
    })();
  });
  let id = '';
  const { ingestion } = await begin(sections(30, 'deck'));
  id = ingestion.id;
  await becomes(id, 'COMPLETED');
  seen.push(await stored(id));
  expect(seen.length).toBeGreaterThan(3);
  for (const [index, { attempt, done, total }] of seen.entries()) {
    const before = seen[index - 1];
    if (before?.attempt === attempt) expect(done).toBeGreaterThanOrEqual(before.done);
    expect(total).toBeGreaterThanOrEqual(done);
  }
});

describe('while the chunks are being switched', () => {
  /** Holds the switch: it wants to write a text. */
  async function switching(work: (ids: { document: any; ingestion: any }) => Promise<void>) {
    const first = await begin(sections(3, 'caravan'));
    await becomes(first.ingestion.id, 'COMPLETED');
    const locker = new PgClient({ connectionString: world.gateway.db.urls!.admin });
    await locker.connect();
    try {
      await locker.query('begin; lock table doc_texts in share row exclusive mode');
      const second = await begin(sections(3, 'wagon'), { documentId: first.document.id });
      await until(async () => (await stored(second.ingestion.id)).step === 'SWITCH', 60);
      await until(
        async () =>
          (
            await world.rows(
              `select from pg_stat_activity where datname = current_database()
                  and wait_event_type = 'Lock'`,
            )
          ).length > 0,
      );
      await work({ document: first.document, ingestion: second.ingestion });
      await locker.query('rollback');
      await becomes(second.ingestion.id, 'COMPLETED');
    } finally {
      await locker.end();
    }
    return first.document;
  }

  const found = async (word: string): Promise<number> => {
    const { searchChunks } = await world.writer.data(
      `query ($text: String!) {
         searchChunks(input: { text: $text, mode: KEYWORD, topK: 20 }) { hits { rank } } }`,
      { text: word },
    );
    return searchChunks.hits.length;
  };

  test('a search finds the old ones, and afterwards the new ones', async ({ skip }) => {
    skip(!onPostgres(), 'One session holds nothing up.');
    await switching(async () => {
      expect([await found('caravan'), await found('wagon')]).toEqual([3, 0]);
    });
    expect([await found('caravan'), await found('wagon')]).toEqual([0, 3]);
  });

  test('a cancellation comes too late, and says so', async ({ skip }) => {
    skip(!onPostgres(), 'One session holds nothing up.');
    let cancelled: Promise<any> | undefined;
    const document = await switching(async ({ ingestion }) => {
      cancelled = world.run('cancelIngestion', { id: ingestion.id }, 'ingestion { state }');
    });
    expect((await cancelled).errors).toMatchObject([{ extensions: { code: 'CONFLICT' } }]);
    expect(await chunkCount(document.id)).toBe(3);
  });

  test('a deletion waits, and leaves nothing', async ({ skip }) => {
    skip(!onPostgres(), 'One session holds nothing up.');
    const first = await begin(sections(3, 'reef'));
    await becomes(first.ingestion.id, 'COMPLETED');
    const locker = new PgClient({ connectionString: world.gateway.db.urls!.admin });
    await locker.connect();
    await locker.query('begin; lock table doc_texts in share row exclusive mode');
    const second = await begin(sections(3, 'cliff'), { documentId: first.document.id });
    await until(async () => (await stored(second.ingestion.id)).step === 'SWITCH', 60);
    const deleted = world.done('deleteDocument', { id: first.document.id }, 'deletedId');
    await locker.query('rollback');
    await locker.end();
    await deleted;
    expect(await chunkCount(first.document.id)).toBe(0);
    expect(await rowsOf(second.ingestion.id)).toEqual({ ingestions: 0, staged: 0 });
  });
});

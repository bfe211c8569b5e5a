import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMAND_LINE } from '../../../src/auth/caller.js';
import { readConfig } from '../../../src/config.js';
import { Database } from '../../../src/db/database.js';
import { NO_QUOTAS } from '../../../src/config/quotas.js';
import { createDocument } from '../../../src/documents/document.service.js';
import { createEmbedder } from '../../../src/embedders/create-embedder.js';
import { ENTITIES } from '../../../src/entities.js';
import { IngestionEvents } from '../../../src/ingestion/ingestion-events.js';
import { ingestUpload } from '../../../src/ingestion/ingestion.service.js';
import { operatorDb } from '../../../src/writes/db.js';
import { Client } from '../../support/client.js';
import {
  Commands,
  freshDatabase,
  type FreshDatabase,
  type Running,
} from '../../support/command.js';
import { OPERATOR_TOKEN } from '../../support/config.js';
import { receivedFile, sections } from '../../support/files.js';
import { until } from '../../support/row-locks.js';
import { World, type BotWorld } from '../../support/world.js';

const TEXT = sections(40);
const commands = new Commands();
let fresh: FreshDatabase;

beforeAll(async () => {
  fresh = await freshDatabase({ migrated: true });
});
afterAll(async () => {
  await commands.close();
  await fresh.close();
});

interface Opened {
  readonly database: Database;
  sql<R = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<R[]>;
}

/** The database as its owner has it, while no gateway runs. */
async function inDatabase<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
  const database = await Database.open(readConfig(fresh.env).database, ENTITIES);
  try {
    const connection = database.orm.em.getDriver().getConnection();
    return await work({
      database,
      sql: (text, parameters = []) => connection.execute(text, parameters as never),
    });
  } finally {
    await database.close();
  }
}

const serve = (): ReturnType<Commands['weaver']> =>
  commands.weaver(
    {
      ...fresh.env,
      PORT: '0',
      LOG_LEVEL: 'debug',
      WEAVER_OPERATOR_TOKEN: OPERATOR_TOKEN,
    },
    'serve',
  );

/** Where each step is held for good: by a statement of it that never ends. */
const HELD = {
  extract: 'update of text on ingestions',
  chunk: 'insert on ingestion_chunks',
  embed: 'update of embedding on ingestion_chunks',
  switch: 'insert on doc_chunks',
};

/** The statement is running. A process whose embedded database is busy says nothing more. */
async function isHeld(running: Running, step: string): Promise<void> {
  if (fresh.urls) return running.until(`"step":"${step}"`);
  const file = join(fresh.env.WEAVER_DATA_DIR!, 'pg/held');
  await until(() => existsSync(file), 60);
  rmSync(file);
}

const CHUNKS = `
  select c.text, c.chunk_index, c.headings, c.revision, c.text_start, c.text_end, c.context,
         c.chunk_metadata, c.embedding::text as embedding,
         substr(t.text, c.text_start + 1, c.text_end - c.text_start) = c.text as "isCut"
    from doc_chunks c join doc_texts t on t.doc_id = c.doc_id and t.revision = c.revision
   where c.doc_id = ? order by c.chunk_index, c.id`;

async function newFile(database: Database, sql: Opened['sql'], bot: BotWorld) {
  const uploadId = await receivedFile({ asSuperuser: sql }, bot, 'tents.md', TEXT);
  return ingestUpload(
    { ...operatorDb(database), ingestionEvents: new IngestionEvents() },
    COMMAND_LINE,
    { uploadId, tenantId: bot.tenant.id },
  );
}

test.each(Object.keys(HELD) as (keyof typeof HELD)[])(
  'a gateway that is killed in the step %s leaves what the next one completes once',
  { timeout: 240_000 },
  async step => {
    const { undisturbed, file } = await inDatabase(async ({ database, sql }) => {
      const bot = await (await new World(database).tenant()).bot();
      const embedder = createEmbedder({ provider: 'hashing' });
      const { id } = await createDocument(
        {
          ...operatorDb(database),
          embedder,
          embed: texts => embedder.embed(texts),
          pause: () => undefined,
          chunkSize: 1_000,
          quotas: NO_QUOTAS,
        },
        COMMAND_LINE,
        { tenantId: bot.tenant.id, botId: bot.id, filename: 'tents.md', text: TEXT },
      );
      // The step embeds by itself.
      const chunks = await sql(CHUNKS, [id]);
      await sql('update doc_chunks set revision = null, text_start = null, text_end = null');
      const ingested = await newFile(database, sql, bot);
      await sql(
        'create function test_hold() returns trigger language plpgsql security definer ' +
          'as $$ begin ' +
          (fresh.urls ? '' : `copy (select 1) to '/pglite/data/held'; `) +
          'perform count(*) from generate_series(1, 1000000000000); return new; end $$',
      );
      await sql(
        `create trigger test_hold before ${HELD[step]} for each row ` +
          (step === 'extract' ? 'when (new.text is not null) ' : '') +
          'execute function test_hold()',
      );
      return { undisturbed: chunks, file: ingested };
    });

    const first = serve();
    await isHeld(first, step);
    expect(await first.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });

    await inDatabase(async ({ sql }) => {
      if (fresh.urls)
        await sql(
          'select pg_terminate_backend(pid) from pg_stat_activity ' +
            'where datname = current_database() and pid <> pg_backend_pid()',
        );
      await sql('drop function test_hold() cascade');
      expect(await sql(CHUNKS, [file.document.id])).toEqual([]);
      // As after the time of a lease.
      await sql(`update ingestions set lease_until = now() - interval '1 second'`);
    });

    const second = serve();
    await second.until('/graphql\n');
    const operator = new Client(/GraphQL +(\S+)\/graphql/.exec(second.out)![1]!, OPERATOR_TOKEN);
    let ingestion: any;
    await until(async () => {
      ({ ingestion } = await operator.data(
        'query ($id: ID!) { ingestion(id: $id) { state attempt done total error { code } } }',
        { id: file.ingestion.id },
      ));
      return ingestion.state === 'COMPLETED';
    }, 60);
    expect(ingestion).toMatchObject({ attempt: 2, done: 40, total: 40, error: null });
    expect(await second.end('SIGTERM')).toMatchObject({ code: 0 });

    await inDatabase(async ({ sql }) => {
      const chunks = await sql<{ isCut: boolean }>(CHUNKS, [file.document.id]);
      expect(chunks).toEqual(undisturbed);
      expect(chunks.every(({ isCut }) => isCut)).toBe(true);
      expect(await sql('select count(*)::int as n from ingestion_chunks')).toEqual([{ n: 0 }]);
      expect(
        await sql('select count(*)::int as n from upload_parts where tenant_id = ?', [
          file.document.tenantId,
        ]),
      ).toEqual([{ n: 0 }]);
    });
  },
);

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { COMMAND_LINE } from '../../src/auth/caller.js';
import { splitChunks } from '../../src/chunking/prepare-chunks.js';
import { addChunks } from '../../src/chunks/chunk.service.js';
import { Database } from '../../src/db/database.js';
import { NO_QUOTAS } from '../../src/config/quotas.js';
import { createDocument } from '../../src/documents/document.service.js';
import { createEmbedder } from '../../src/embedders/create-embedder.js';
import { ENTITIES } from '../../src/entities.js';
import { operatorDb, type EmbeddingDb } from '../../src/writes/db.js';
import { postgresAt } from '../../test/support/postgres-at.js';
import { World, type BotWorld } from '../../test/support/world.js';
import { commentOf, migrate, urlOf, withClient } from '../shared/database.js';
import { sentences } from '../shared/random-text.js';

const DATABASE = 'weaver_bench_import';
const OURS = 'Weaver bench';
const PAGES = 200;
const PAGE_CHARACTERS = 3_000;
const CHUNK_SIZE = 1_000;
const ROUNDS = 3;
/** How many documents are imported for each that is added with ready chunks in the same time. */
const GOAL = 0.6;

type RunCommandLine = (typeof import('../../src/cli/command-line.js'))['runCommandLine'];

interface Page {
  readonly filename: string;
  readonly text: string;
}

export function importCommand(): Command {
  return new Command('import')
    .description(
      `Measures how many documents a second "weaver import" makes of a folder of ${PAGES} text pages
with the built-in embedder, and how many the use cases createDocument and addChunks store of the
same pages, one after the other, with chunks and vectors that are ready. Of ${ROUNDS} rounds in
turn, the median of the ratio counts.

Makes the database ${DATABASE} and drops it afterwards. Build first: npm run build.`,
    )
    .requiredOption(
      '--database-url <url>',
      'a superuser of a PostgreSQL with pgvector, such as postgresql://postgres@localhost/postgres',
    )
    .action(({ databaseUrl }: { databaseUrl: string }) =>
      benchImport(databaseUrl, line => console.log(line)),
    );
}

async function benchImport(serverUrl: string, print: (line: string) => void): Promise<void> {
  const url = urlOf(serverUrl, DATABASE);
  // As built: from the sources, the threads that read files would compile them.
  const built = new URL('../../dist/src/cli/command-line.js', import.meta.url).href;
  const { runCommandLine } = (await import(built)) as { runCommandLine: RunCommandLine };
  await withClient(serverUrl, async admin => {
    if ((await commentOf(admin, DATABASE, OURS)) !== undefined)
      await admin.query(`drop database ${DATABASE} with (force)`);
    await admin.query(`create database ${DATABASE}`);
    await admin.query(`comment on database ${DATABASE} is '${OURS}: import'`);
  });
  let database: Database | undefined;
  try {
    await migrate(url);
    database = await Database.open(postgresAt(url, { poolSize: 4 }), ENTITIES);
    const pages = pagesOf(PAGES);
    // So that both have run once.
    await measureImport(runCommandLine, url, await newBot(database), pages.slice(0, 5));
    await measureChunks(database, await newBot(database), pages.slice(0, 5));
    const ratios: number[] = [];
    print('addChunks     import   ratio');
    for (let round = 0; round < ROUNDS; round += 1) {
      const added = PAGES / (await measureChunks(database, await newBot(database), pages));
      const imported =
        PAGES / (await measureImport(runCommandLine, url, await newBot(database), pages));
      ratios.push(imported / added);
      print(
        `${added.toFixed(1).padStart(7)}/s ${imported.toFixed(1).padStart(8)}/s ` +
          (imported / added).toFixed(2).padStart(7),
      );
    }
    const median = ratios.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
    print(`Median of the ratio: ${median.toFixed(2)}. The goal is ${GOAL}.`);
  } finally {
    await database?.close();
    await withClient(serverUrl, admin =>
      admin.query(`drop database if exists ${DATABASE} with (force)`),
    );
  }
}

async function newBot(database: Database): Promise<BotWorld> {
  return (await new World(database).tenant()).bot({ name: 'Bench' });
}

function pagesOf(count: number): Page[] {
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, (_, index) => ({
    filename: `page-${index}.md`,
    text: `# Page ${index}\n\n${sentences(next, PAGE_CHARACTERS)}\n`,
  }));
}

/** Seconds. */
async function measureImport(
  runCommandLine: RunCommandLine,
  url: string,
  bot: BotWorld,
  pages: readonly Page[],
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'weaver-bench-'));
  try {
    for (const { filename, text } of pages) writeFileSync(join(folder, filename), text);
    const said: string[] = [];
    const arguments_ = ['import', folder, '--tenant', bot.tenant.id, '--bot', bot.id];
    const begin = performance.now();
    const code = await runCommandLine(['node', 'weaver', ...arguments_], {
      env: { DATABASE_URL: url, WEAVER_CHUNK_SIZE: String(CHUNK_SIZE) },
      out: line => void said.push(line),
      say: line => void said.push(line),
      read: async () => '',
    });
    if (code !== 0) throw new Error(`weaver import ended with ${code}: ${said.join('\n')}`);
    return (performance.now() - begin) / 1_000;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Seconds. */
async function measureChunks(
  database: Database,
  bot: BotWorld,
  pages: readonly Page[],
): Promise<number> {
  const embedder = createEmbedder({ provider: 'hashing' });
  const db: EmbeddingDb = {
    ...operatorDb(database),
    embedder,
    embed: texts => embedder.embed(texts),
    pause: () => undefined,
    chunkSize: CHUNK_SIZE,
    quotas: NO_QUOTAS,
  };
  const ready = await Promise.all(
    pages.map(async ({ filename, text }) => {
      const texts = splitChunks(text, CHUNK_SIZE).map(chunk => chunk.text);
      const vectors = await embedder.embed(texts);
      return {
        filename,
        sizeBytes: String(Buffer.byteLength(text)),
        chunks: texts.map((chunk, index) => ({ text: chunk, embedding: vectors[index]! })),
      };
    }),
  );
  const begin = performance.now();
  for (const { filename, sizeBytes, chunks } of ready) {
    const { id } = await createDocument(db, COMMAND_LINE, {
      tenantId: bot.tenant.id,
      botId: bot.id,
      filename,
      sizeBytes,
      sourceUri: `file:///${filename}`,
    });
    await addChunks(db, COMMAND_LINE, { documentId: id, chunks });
  }
  return (performance.now() - begin) / 1_000;
}

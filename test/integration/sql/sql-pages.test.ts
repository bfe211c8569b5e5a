import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  BEFORE,
  BEFORE_PAGE,
  PAGES,
  SUBJECTS,
  type Operation,
  type Subject,
  type SubjectName,
} from '../../../bench/sql/operations.js';
import { comparable, readPage, RENEW } from '../../../bench/sql/page-text.js';
import { sentStatements, type SentStatement } from '../../../bench/shared/sent-statements.js';
import { newKey } from '../../../src/api-keys/key-format.js';
import { searchIndexName, tenantOfSearchIndex } from '../../../src/db/search-index-name.js';
import { ClusteredVectors } from '../../support/clustered-vectors.js';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const onPostgres = inject('template').kind === 'postgres';
const FOLDER = join(import.meta.dirname, '../../../docs/sql');
const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');
const STALE = `docs/sql is not what the gateway sends: renew it with "${RENEW}"`;

/**
 * Of `large` and `indexed` more chunks than searches compare one by one. With vectors are fewer
 * than the code scan takes, and more than the graph takes: then neither leaves any doubt that would
 * be settled by an exact search.
 */
const SIZES: Readonly<Record<SubjectName, { chunks: number; vectors: number; bots: number }>> = {
  usual: { chunks: 40, vectors: 40, bots: 2 },
  large: { chunks: 1_010, vectors: 300, bots: 1 },
  indexed: { chunks: 1_010, vectors: 650, bots: 1 },
};
const CHUNKS_OF_DOCUMENT = 10;

let gateway: TestGateway;
const subjects = new Map<SubjectName, { subject: Subject; client: Client }>();

beforeAll(async () => {
  gateway = await startTestGateway();
  // Its statement holds the tenant's id.
  const [indexName] = /doc_chunks_ann_\w+/.exec(read('search-hnsw.md'))!;
  const vectors = new ClusteredVectors(20_261_124);
  for (const name of SUBJECTS) {
    const tenantId = name === 'indexed' ? tenantOfSearchIndex(indexName) : v7();
    await gateway.db.asSuperuser(
      `insert into tenants (id, name) values ('${tenantId}', '${name}')`,
    );
    const made = await fill(tenantId, SIZES[name], vectors);
    if (name === 'indexed')
      await gateway.db.asSuperuser(
        `create index ${searchIndexName(tenantId)} on doc_chunks ` +
          `using hnsw (embedding_bq bit_hamming_ops) where tenant_id = '${tenantId}'`,
      );
    subjects.set(name, {
      subject: { tenantId, ...made },
      client: gateway.client(await keyOf(tenantId)),
    });
  }
}, 240_000);
afterAll(() => gateway.close());

async function keyOf(tenantId: string): Promise<string> {
  const { secret, prefix, hash } = newKey();
  await gateway.db.asSuperuser(
    'insert into api_keys (tenant_id, name, key_prefix, key_hash, scopes, ' +
      `rate_limit_rpm) values ('${tenantId}', 'Test', '${prefix}', '${hash}', ` +
      "'{read,search}', 100000)",
  );
  return secret;
}

/** Chunks in documents of a tenant's bots, the first of them with vectors. */
async function fill(
  tenantId: string,
  { chunks, vectors: count, bots }: { chunks: number; vectors: number; bots: number },
  vectors: ClusteredVectors,
): Promise<Omit<Subject, 'tenantId'>> {
  const botIds = Array.from({ length: bots }, () => v7());
  await gateway.db.asSuperuser(
    'insert into bots (id, tenant_id, name) ' +
      `values ${botIds.map(id => `('${id}', '${tenantId}', 'Bot')`).join()}`,
  );
  const documents = Array.from({ length: Math.ceil(chunks / CHUNKS_OF_DOCUMENT) }, (_, nth) => ({
    id: v7(),
    botId: botIds[nth % bots]!,
  }));
  const documentRows = documents.map(({ id, botId }, nth) => {
    const status = nth % 2 ? 'failed' : 'completed';
    return `('${id}', '${tenantId}', '${botId}', '${nth}.md', 1, '${status}')`;
  });
  await gateway.db.asSuperuser(
    'insert into docs (id, tenant_id, bot_id, filename, size_bytes, status) ' +
      `values ${documentRows.join()}`,
  );
  let question: number[] | undefined;
  for (const [nth, { id, botId }] of documents.entries()) {
    const passages = nth * CHUNKS_OF_DOCUMENT < count ? vectors.document(CHUNKS_OF_DOCUMENT) : [];
    question ??= Array.from(passages[0]!);
    const rows = Array.from({ length: CHUNKS_OF_DOCUMENT }, (_, index) => {
      const vector = passages[index]
        ? `'[${Array.from(passages[index], value => value.toFixed(5)).join()}]'`
        : 'null';
      return (
        `('${tenantId}', '${botId}', '${id}', 'flost grop bran', ${index}, '{"kind": ` +
        `${index % 5}}', ${vector})`
      );
    });
    await gateway.db.asSuperuser(
      'insert into doc_chunks (tenant_id, bot_id, doc_id, text, chunk_index, ' +
        `chunk_metadata, embedding) values ${rows.join()}`,
    );
  }
  return {
    botId: botIds[0]!,
    documentIds: documents.slice(0, 2).map(({ id }) => id),
    question: question!,
  };
}

const before = new Map<string, string>();
const noteBefore = (sent: readonly SentStatement[]): void => {
  for (const {
    statement: { name, text },
  } of sent)
    if (BEFORE.includes(name) && !before.has(name)) before.set(name, comparable(text));
};

async function sentFor(operation: Operation): Promise<{ name: string; text: string }[]> {
  const { subject, client } = subjects.get(operation.subject)!;
  const { statements, preparedTexts } = await sentStatements(gateway.db.database, () =>
    (operation.asOperator ? gateway.operator : client).data(
      operation.query,
      operation.variables(subject) as Record<string, unknown>,
    ),
  );
  noteBefore([...preparedTexts, ...statements]);
  return statements
    .filter(({ statement }) => !BEFORE.includes(statement.name))
    .map(({ statement: { name, text } }) => ({ name, text: comparable(text) }));
}

describe('docs/sql', () => {
  test.each(PAGES.map(page => [page.file, page] as const))(
    '%s has the statements that the gateway sends',
    async (file, { operations }) => {
      const sent = [];
      for (const operation of operations) sent.push(...(await sentFor(operation)));
      expect(
        readPage(read(file)).map(({ name, text }) => ({ name, text })),
        STALE,
      ).toEqual(sent);
      // And the operations that they are sent for.
      for (const { query } of operations) expect(read(file), STALE).toContain(query);
    },
  );

  test(`${BEFORE_PAGE} has the statements that come before`, async () => {
    // The embedded database reads nothing before the key is known.
    const sent = BEFORE.filter(name => onPostgres || name !== 'apiKeyBeforeReads');
    expect(
      readPage(read(BEFORE_PAGE))
        .map(({ name, text }) => ({ name, text }))
        .filter(({ name }) => sent.includes(name)),
      STALE,
    ).toEqual(sent.map(name => ({ name, text: before.get(name) })));
  });

  test('has no other pages', () => {
    expect(readdirSync(FOLDER).sort(), STALE).toEqual(
      ['README.md', BEFORE_PAGE, ...PAGES.map(({ file }) => file)].sort(),
    );
  });

  test('names only indexes that there are', async () => {
    const rows = await gateway.db.asSuperuser<{ name: string }>(
      `select relname::text as name from pg_class where relkind in ('i', 'r')`,
    );
    const known = new Set(rows.map(({ name }) => name));
    const named = readdirSync(FOLDER).flatMap(file =>
      readPage(read(file)).flatMap(({ indexes }) => indexes),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(
      named.filter(name => !known.has(name)),
      STALE,
    ).toEqual([]);
  });
});

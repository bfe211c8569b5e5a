import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';
import { serviceConfig } from '../../support/openai-server.js';

const POOL_SIZE = 3;
const TENANTS = 10;

let gateway: TestGateway;
let embeddings: Server;
/** Called while an operation waits for its embedding. */
let whileEmbedding: () => Promise<void> = async () => {};
const tenants: { tenant: TenantWorld; key: string; filenames: string[] }[] = [];

beforeAll(async () => {
  embeddings = createServer((request, response) => {
    request.resume().on('end', async () => {
      await whileEmbedding();
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ data: [{ index: 0, embedding: Array.from({ length: 8 }, () => 1) }] }),
      );
    });
  });
  await new Promise<void>(resolve => embeddings.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(embeddings.address() as AddressInfo).port}/v1`;
  gateway = await startTestGateway({
    poolSize: POOL_SIZE,
    embedder: serviceConfig({ baseUrl }, { dimensions: 8, batchSize: 8 }),
  });
  for (let nth = 0; nth < TENANTS; nth += 1) {
    const tenant = await gateway.world.tenant({ name: `Tenant ${nth}` });
    const bot = await tenant.bot();
    const filenames = Array.from({ length: 3 }, (_, index) => `${nth}-${index}.md`);
    for (const filename of filenames) await (await bot.document({ filename })).texts(2);
    tenants.push({ tenant, key: (await tenant.key()).secret, filenames });
  }
});
afterAll(async () => {
  await gateway.close();
  embeddings.close();
});

/**
 * Sessions of the gateway that are inside a transaction. Asked of PostgreSQL only: the embedded
 * database has one session, and shares it.
 */
async function openTransactions(): Promise<number> {
  const [row] = await gateway.db.asSuperuser<{ open: number }>(
    'select count(*)::int as open from pg_stat_activity ' +
      'where datname = current_database() and pid <> pg_backend_pid() ' +
      "and xact_start is not null and backend_type = 'client backend'",
  );
  return row!.open;
}

/**
 * That nobody holds a connection: on PostgreSQL no session is in a transaction, on the embedded
 * database a write gets its turn.
 */
async function expectNoneHeld(): Promise<void> {
  if (gateway.db.database.kind === 'postgres')
    await expect.poll(openTransactions, { timeout: 2_000, interval: 20 }).toBe(0);
  const [row] = await gateway.db.database.write('probe', OPERATOR_SCOPE, em =>
    em.execute<{ one: number }[]>('select 1 as one'),
  );
  expect(row).toEqual({ one: 1 });
}

describe('many tenants at once on a small pool', () => {
  test('get their own rows, all of them and nothing else', async () => {
    const requests = gateway.db.database.kind === 'postgres' ? 300 : 80;
    const answers = await Promise.all(
      Array.from({ length: requests }, async (_, nth) => {
        const asked = tenants[nth % TENANTS]!;
        const client = gateway.client(asked.key);
        // Some go down the levels, some ask for a stranger's by id, some break off with an error in
        // the middle.
        const stranger = tenants[(nth + 1) % TENANTS]!.tenant.id;
        const data = await client.query(
          `query ($stranger: ID!) {
            tenant { id name documents(orderBy: {field: FILENAME})
              { totalCount nodes { filename bot { tenant { name } }
                chunks { totalCount nodes { text } } } } }
            foreign: tenant(id: $stranger) { id } node(id: $stranger) { id }
            ${nth % 5 === 0 ? 'broken: bot(id: "x") { id }' : ''}
          }`,
          { stranger },
        );
        return { asked, nth, data };
      }),
    );
    for (const { asked, nth, data: answer } of answers) {
      expect(answer.status).toBe(200);
      expect(answer.errors?.map(error => error.extensions.code)).toEqual(
        nth % 5 === 0 ? ['BAD_USER_INPUT'] : undefined,
      );
      expect(answer.data).toMatchObject({ foreign: null, node: null });
      const name = `Tenant ${tenants.indexOf(asked)}`;
      expect(answer.data.tenant).toEqual({
        id: asked.tenant.id,
        name,
        documents: {
          totalCount: 3,
          nodes: asked.filenames.map(filename => ({
            filename,
            bot: { tenant: { name } },
            chunks: { totalCount: 2, nodes: [{ text: 'Passage 0' }, { text: 'Passage 1' }] },
          })),
        },
      });
    }
    await expectNoneHeld();
  });

  test('and operators beside them see all', async () => {
    const names = tenants.map((_, nth) => `Tenant ${nth}`);
    await Promise.all(
      Array.from({ length: 30 }, async (_, nth) => {
        if (nth % 2 === 0) {
          const { tenants: found } = await gateway.operator.data(
            '{ tenants(orderBy: {field: NAME}) { nodes { name bots { totalCount } } } }',
          );
          expect(found.nodes).toEqual(names.map(name => ({ name, bots: { totalCount: 2 } })));
        } else {
          const { tenants: found } = await gateway
            .client(tenants[nth % TENANTS]!.key)
            .data('{ tenants { nodes { name } } }');
          expect(found.nodes).toEqual([{ name: names[nth % TENANTS] }]);
        }
      }),
    );
  });
});

describe('an operation', () => {
  test('sees one state of the data at all its levels, while others write', async () => {
    const { tenant, key } = tenants[0]!;
    const bot = await tenant.bot();
    const done = new AbortController();
    // Each write takes away all that the one before brought: two documents with a chunk each.
    const writer = (async () => {
      while (!done.signal.aborted) {
        await gateway.db.database.write('churn', OPERATOR_SCOPE, async em => {
          await em.execute('delete from docs where tenant_id = ? and bot_id = ?', [
            tenant.id,
            bot.id,
          ]);
          for (const filename of ['one.md', 'two.md']) {
            await em.execute(
              `with added as (insert into docs (tenant_id, bot_id, filename, size_bytes)
                values (?, ?, ?, 1) returning id)
               insert into doc_chunks (tenant_id, bot_id, doc_id, text, chunk_index) select ?, ?,
                 id, 'text', 0 from added`,
              [tenant.id, bot.id, filename, tenant.id, bot.id],
            );
          }
        });
        await new Promise(resolve => setImmediate(resolve));
      }
    })();
    try {
      for (let nth = 0; nth < 60; nth += 1) {
        const { bot: found } = await gateway.client(key).data(
          `query ($id: ID!) { bot(id: $id) { stats { documents chunks }
            documents(orderBy: {field: FILENAME})
              { totalCount nodes { filename chunkCount chunks
                { nodes { document { filename bot { name documents(orderBy: {field: FILENAME})
                  { totalCount nodes { filename } } } } } } } }
          } }`,
          { id: bot.id },
        );
        if (found.documents.totalCount === 0) continue;
        const all = { totalCount: 2, nodes: [{ filename: 'one.md' }, { filename: 'two.md' }] };
        expect(found).toEqual({
          stats: { documents: 2, chunks: 2 },
          documents: {
            totalCount: 2,
            nodes: ['one.md', 'two.md'].map(filename => ({
              filename,
              chunkCount: 1,
              chunks: { nodes: [{ document: { filename, bot: { name: 'Bot', documents: all } } }] },
            })),
          },
        });
      }
    } finally {
      done.abort();
      await writer;
    }
  });

  test('holds no connection once it is answered, nor after an error', async () => {
    const client = gateway.client(tenants[1]!.key);
    await client.query('{ bots { nodes { documents { nodes { chunks { totalCount } } } } } }');
    await client.query(
      '{ bots { nodes { documents(first: 0) { nodes { id } } } } documents { totalCount } }',
    );
    await gateway.client('wvr_wrong').query('{ bots { totalCount } }');
    await expectNoneHeld();
  });

  test('holds no connection while it waits for an embedding', async () => {
    let calls = 0;
    whileEmbedding = async () => {
      calls += 1;
      await expectNoneHeld();
    };
    const { data, errors } = await gateway
      .client(tenants[2]!.key)
      .query(
        'query { tenant { name } searchChunks(input: {text: "passage", topK: 1}) { hits ' +
          '{ rank chunk { document { filename } } } } after: bots { totalCount } }',
      );
    whileEmbedding = async () => {};
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({ tenant: { name: 'Tenant 2' }, after: { totalCount: 2 } });
    expect(calls).toBe(1);
    await expectNoneHeld();
  });
});

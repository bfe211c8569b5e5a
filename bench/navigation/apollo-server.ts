import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import DataLoader from 'dataloader';
import { Pool } from 'pg';

/**
 * What a team writes by hand with Apollo Server, SQL and dataloaders: the schema of the workloads
 * alone, no permissions, no walls. Whose a request is, it takes from a header. Children are loaded
 * for all parents of a level at once, in one prepared statement.
 */
const TYPES = `#graphql
  scalar Vector
  type Query { tenant(id: ID!): Tenant, tenants(first: Int!): Tenants!, documents(first: Int!):
    Documents!, searchChunks(input: SearchChunksInput!): Hits! }
  input SearchChunksInput { embedding: Vector!, topK: Int! }
  type Tenants { nodes: [Tenant!]! }
  type Tenant { id: ID!, name: String!, planTier: String!, bots: Bots! }
  type Bots { nodes: [Bot!]! }
  type Bot { id: ID!, name: String!, documents(first: Int!): Documents! }
  type Documents { nodes: [Document!]! }
  enum DocumentStatus { PENDING PROCESSING COMPLETED FAILED }
  type Document {
    id: ID!, filename: String!, sourceUri: String, sizeBytes: Float!, status: DocumentStatus!,
      errorMessage: String, createdAt: String!, updatedAt: String!
    bot: Bot!, chunks(first: Int!): Chunks!
  }
  type Chunks { nodes: [Chunk!]! }
  type Chunk { id: ID!, chunkIndex: Int!, text: String!, document: Document!, bot: Bot! }
  type Hits { hits: [Hit!]! }
  type Hit { similarity: Float!, chunk: Chunk! }
`;

const TIME = (column: string) =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const DOCUMENT = `d.id, d.filename, d.tenant_id, d.bot_id, d.gcs_path as "sourceUri",
  d.size_bytes::float8 as "sizeBytes", upper(d.status) as status,
  d.error_message as "errorMessage", ${TIME('d.created_at')} as "createdAt",
  ${TIME('d.updated_at')} as "updatedAt"`;

interface Row {
  id: string;
  tenant_id: string;
  bot_id: string;
  doc_id: string;
  parent: number;
  similarity: number;
}
type Page = { id: string; first: number };

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

async function rowsOf(name: string, text: string, values: unknown[]): Promise<Row[]> {
  return (await pool.query<Row>({ name, text: `/* ${name} */ ${text}`, values })).rows;
}

/**
 * The pages of all parents of a level; `select` lists one of them, with the parent `p.id` and the
 * size `p.size`.
 */
function pages(name: string, select: string): DataLoader<Page, Row[], string> {
  return new DataLoader(
    async keys => {
      const rows = await rowsOf(
        name,
        'select p.n::int as parent, r.* ' +
          'from unnest($1::uuid[], $2::int[]) with ordinality as p(id, size, n) cross ' +
          `join lateral (${select}) r`,
        [keys.map(({ id }) => id), keys.map(({ first }) => first)],
      );
      const answers: Row[][] = keys.map(() => []);
      for (const row of rows) answers[row.parent - 1]!.push(row);
      return answers;
    },
    { cacheKeyFn: ({ id, first }) => `${id} ${first}` },
  );
}

function byId(name: string, select: string): DataLoader<string, Row> {
  return new DataLoader(async ids => {
    const found = new Map(
      (await rowsOf(name, `${select} where id = any($1::uuid[])`, [ids])).map(row => [row.id, row]),
    );
    return ids.map(id => found.get(id)!);
  });
}

function loadersOf() {
  return {
    tenant: byId('tenant', 'select id, name, plan_tier as "planTier" from tenants'),
    bot: byId('bot', 'select id, name from bots'),
    document: byId('document', `select ${DOCUMENT} from docs d`),
    bots: pages(
      'bots',
      'select id, name from bots where tenant_id = p.id order by created_at, id limit p.size',
    ),
    documents: pages(
      'documents',
      `select ${DOCUMENT} from bots b join docs d on d.tenant_id = b.tenant_id ` +
        'and d.bot_id = b.id where b.id = p.id order by d.created_at desc, d.id desc ' +
        'limit p.size',
    ),
    chunks: pages(
      'chunks',
      `select c.id, c.chunk_index as "chunkIndex", c.text, c.doc_id, c.bot_id from docs d
        join doc_chunks c on c.tenant_id = d.tenant_id and c.doc_id = d.id
        where d.id = p.id order by c.chunk_index, c.id limit p.size`,
    ),
  };
}

interface Context {
  tenantId: string;
  load: ReturnType<typeof loadersOf>;
}
const nodes = async (rows: Promise<Row[]>) => ({ nodes: await rows });

const resolvers = {
  Query: {
    tenant: (_: unknown, { id }: { id: string }, { load }: Context) => load.tenant.load(id),
    tenants: (_: unknown, { first }: Page) =>
      nodes(
        rowsOf(
          'tenants',
          'select id, name, plan_tier as "planTier" from tenants ' +
            'order by created_at desc, id desc limit $1',
          [first],
        ),
      ),
    documents: (_: unknown, { first }: Page, { tenantId }: Context) =>
      nodes(
        rowsOf(
          'documentsOfTenant',
          `select ${DOCUMENT} from docs d where tenant_id = $1 ` +
            'order by d.created_at desc, d.id desc limit $2',
          [tenantId, first],
        ),
      ),
    async searchChunks(
      _: unknown,
      { input }: { input: { embedding: number[]; topK: number } },
      { tenantId }: Context,
    ) {
      const rows = await rowsOf(
        'search',
        `select id, text, doc_id, bot_id, 1 - (embedding <=> q.vector) as similarity
          from doc_chunks, (select $2::halfvec(1536) as vector offset 0) q
          where tenant_id = $1 order by embedding <=> q.vector, id limit $3`,
        [tenantId, JSON.stringify(input.embedding), input.topK],
      );
      return { hits: rows.map(row => ({ similarity: row.similarity, chunk: row })) };
    },
  },
  Tenant: {
    bots: ({ id }: Row, _: unknown, { load }: Context) => nodes(load.bots.load({ id, first: 20 })),
  },
  Bot: {
    documents: ({ id }: Row, { first }: Page, { load }: Context) =>
      nodes(load.documents.load({ id, first })),
  },
  Document: {
    bot: (row: Row, _: unknown, { load }: Context) => load.bot.load(row.bot_id),
    chunks: ({ id }: Row, { first }: Page, { load }: Context) =>
      nodes(load.chunks.load({ id, first })),
  },
  Chunk: {
    document: (row: Row, _: unknown, { load }: Context) => load.document.load(row.doc_id),
    bot: (row: Row, _: unknown, { load }: Context) => load.bot.load(row.bot_id),
  },
};

const server = new ApolloServer<Context>({ typeDefs: TYPES, resolvers });
const { url } = await startStandaloneServer(server, {
  listen: { port: 0, host: '127.0.0.1' },
  context: async ({ req }) => ({
    tenantId: String(req.headers['x-bench-tenant']),
    load: loadersOf(),
  }),
});
process.send!(new URL(url).origin);
process.once('disconnect', () => process.exit());

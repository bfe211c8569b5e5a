import type { Pool } from 'pg';
import type { Floor } from './floor-server.js';

/** One statement with the columns of all levels side by side; Node makes the answer of its rows. */
async function rowsOf<R extends object>(
  pool: Pool,
  name: string,
  text: string,
  values: unknown[],
): Promise<R[]> {
  return (await pool.query<R>({ name, text: `/* ${name} */ ${text}`, values })).rows;
}

interface Leaf {
  tenant_id: string;
  tenant_name: string;
  bot_id: string | null;
  bot_name: string;
  doc_id: string | null;
  filename: string;
  chunk_id: string | null;
  chunk_index: number;
  text?: string;
}

/** Rows in the order of the answer, nested as the answer is. */
function nest(rows: readonly Leaf[]): object[] {
  const tenants: {
    id: string;
    name: string;
    bots: {
      nodes: {
        id: string;
        name: string;
        documents: { nodes: { id: string; filename: string; chunks: { nodes: object[] } }[] };
      }[];
    };
  }[] = [];
  for (const row of rows) {
    let tenant = tenants.at(-1);
    if (tenant?.id !== row.tenant_id)
      tenants.push((tenant = { id: row.tenant_id, name: row.tenant_name, bots: { nodes: [] } }));
    if (row.bot_id === null) continue;
    let bot = tenant.bots.nodes.at(-1);
    if (bot?.id !== row.bot_id)
      tenant.bots.nodes.push(
        (bot = { id: row.bot_id, name: row.bot_name, documents: { nodes: [] } }),
      );
    if (row.doc_id === null) continue;
    let document = bot.documents.nodes.at(-1);
    if (document?.id !== row.doc_id)
      bot.documents.nodes.push(
        (document = { id: row.doc_id, filename: row.filename, chunks: { nodes: [] } }),
      );
    if (row.chunk_id !== null)
      document.chunks.nodes.push({ id: row.chunk_id, chunkIndex: row.chunk_index, text: row.text });
  }
  return tenants;
}

const LEAVES = (tenants: string, documents: number, chunks: number, columns: string): string => `
  select t.id as tenant_id, t.name as tenant_name, b.id as bot_id, b.name as bot_name,
    d.id as doc_id, d.filename, c.id as chunk_id, ${columns}
    from ${tenants} t
    left join lateral (select id, name, created_at from bots where tenant_id = t.id
      order by created_at, id limit 20) b on true
    left join lateral (select id, filename, created_at from docs where tenant_id = t.id
      and bot_id = b.id order by created_at desc, id desc limit ${documents}) d on true
    left join lateral (select id, ${columns} from doc_chunks where tenant_id = t.id
      and doc_id = d.id order by chunk_index, id limit ${chunks}) c on true
   order by t.created_at desc, t.id desc, b.created_at, b.id, d.created_at desc, d.id desc,
     c.chunk_index, c.id`;

const TIME = (column: string) =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

interface DocumentRow {
  id: string;
  filename: string;
  gcs_path: string | null;
  size_bytes: string;
  status: string;
  error_message: string | null;
  created_at: string;
  updated_at: string;
  bot_name: string;
}

interface HitRow {
  id: string;
  text: string;
  distance: number;
  filename: string;
  bot_name: string;
}

export const ROWS: Floor = {
  async W1(pool, tenantId) {
    const [tenant] = await rowsOf(
      pool,
      'W1',
      'select id, name, plan_tier as "planTier" from tenants where id = $1',
      [tenantId],
    );
    return JSON.stringify({ data: { tenant } });
  },
  async W2(pool, tenantId) {
    const rows = await rowsOf<Leaf>(
      pool,
      'W2',
      LEAVES('(select * from tenants where id = $1)', 20, 5, 'chunk_index, text'),
      [tenantId],
    );
    return JSON.stringify({ data: { tenant: nest(rows)[0] } });
  },
  async W3(pool, tenantId) {
    const rows = await rowsOf<DocumentRow>(
      pool,
      'W3',
      `select d.id, d.filename, d.gcs_path, d.size_bytes, d.status, d.error_message,
        ${TIME('d.created_at')} as created_at,
              ${TIME('d.updated_at')} as updated_at, b.name as bot_name
         from docs d join bots b on b.tenant_id = $1 and b.id = d.bot_id where d.tenant_id = $1
           order by d.created_at desc, d.id desc limit 100`,
      [tenantId],
    );
    const nodes = rows.map(row => ({
      id: row.id,
      filename: row.filename,
      sourceUri: row.gcs_path,
      sizeBytes: Number(row.size_bytes),
      status: row.status.toUpperCase(),
      errorMessage: row.error_message,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      bot: { name: row.bot_name },
    }));
    return JSON.stringify({ data: { documents: { nodes } } });
  },
  async W4(pool, tenantId, body) {
    const { embedding } = JSON.parse(body) as { embedding: number[] };
    const rows = await rowsOf<HitRow>(
      pool,
      'W4',
      `select h.id, h.text, h.distance, d.filename, b.name as bot_name
         from (select id, text, doc_id, bot_id, embedding <=> q.vector as distance
           from doc_chunks, (select $2::halfvec(1536) as vector offset 0) q
                where tenant_id = $1 order by distance, id limit 10) h
         join docs d on d.tenant_id = $1 and d.id = h.doc_id join bots b on b.tenant_id = $1
           and b.id = h.bot_id order by h.distance, h.id`,
      [tenantId, JSON.stringify(embedding)],
    );
    const hits = rows.map(row => ({
      similarity: 1 - row.distance,
      chunk: {
        id: row.id,
        text: row.text,
        document: { filename: row.filename },
        bot: { name: row.bot_name },
      },
    }));
    return JSON.stringify({ data: { searchChunks: { hits } } });
  },
  async W5(pool) {
    const rows = await rowsOf<Leaf>(
      pool,
      'W5',
      LEAVES(
        '(select * from tenants order by created_at desc, id desc limit 10)',
        3,
        2,
        'chunk_index',
      ),
      [],
    );
    return JSON.stringify({ data: { tenants: { nodes: nest(rows) } } });
  },
};

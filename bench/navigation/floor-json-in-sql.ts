import type { Floor, FloorHandler } from './floor-server.js';

/** One statement that makes the whole answer in PostgreSQL. */
function answer(
  name: string,
  text: string,
  values: (tenantId: string, body: string) => unknown[] = tenantId => [tenantId],
): FloorHandler {
  const labelled = `/* ${name} */ ${text}`;
  return async (pool, tenantId, body) =>
    (await pool.query<{ body: string }>({ name, text: labelled, values: values(tenantId, body) }))
      .rows[0]!.body;
}

const TIME = (column: string) =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

export const JSON_IN_SQL: Floor = {
  W1: answer(
    'W1',
    `select json_build_object('data', json_build_object('tenant',
       (select json_build_object('id', id, 'name', name, 'planTier', plan_tier) from tenants
         where id = $1)))::text as body`,
  ),
  W2: answer(
    'W2',
    `select json_build_object('data',
      json_build_object('tenant', json_build_object('id', t.id, 'name', t.name, 'bots', (
       select json_build_object('nodes',
         coalesce(json_agg(json_build_object('id', b.id, 'name', b.name, 'documents', (
         select json_build_object('nodes',
           coalesce(json_agg(json_build_object('id', d.id, 'filename', d.filename, 'chunks', (
           select json_build_object('nodes',
             coalesce(json_agg(json_build_object('id', c.id, 'chunkIndex', c.chunk_index, 'text',
               c.text)), '[]'))
             from (select id, chunk_index, text from doc_chunks where tenant_id = t.id
               and doc_id = d.id order by chunk_index, id limit 5) c
         ))), '[]')) from (select id, filename from docs where tenant_id = t.id and bot_id = b.id
           order by created_at desc, id desc limit 20) d
       ))), '[]')) from (select id, name from bots where tenant_id = t.id order by created_at, id
         limit 20) b
     ))))::text as body from tenants t where t.id = $1`,
  ),
  W3: answer(
    'W3',
    `select json_build_object('data',
      json_build_object('documents', json_build_object('nodes', coalesce(json_agg(json_build_object(
       'id', d.id, 'filename', d.filename, 'sourceUri', d.gcs_path, 'sizeBytes', d.size_bytes,
         'status', upper(d.status), 'errorMessage', d.error_message,
       'createdAt', ${TIME('d.created_at')}, 'updatedAt', ${TIME('d.updated_at')}, 'bot',
         json_build_object('name', b.name)) order by d.created_at desc, d.id desc), '[]'))))::text
           as body
       from (select * from docs where tenant_id = $1 order by created_at desc, id desc limit 100) d
         join bots b on b.tenant_id = $1 and b.id = d.bot_id`,
  ),
  W4: answer(
    'W4',
    `select json_build_object('data',
      json_build_object('searchChunks',
        json_build_object('hits', coalesce(json_agg(json_build_object(
       'similarity', 1 - h.distance, 'chunk', json_build_object('id', h.id, 'text', h.text,
         'document', json_build_object('filename', d.filename), 'bot',
           json_build_object('name', b.name))) order by h.distance, h.id), '[]'))))::text as body
       from (select id, text, doc_id, bot_id, embedding <=> q.vector as distance
         from doc_chunks, (select $2::halfvec(1536) as vector offset 0) q
              where tenant_id = $1 order by distance, id limit 10) h
       join docs d on d.tenant_id = $1 and d.id = h.doc_id join bots b on b.tenant_id = $1
         and b.id = h.bot_id`,
    (tenantId, body) => [
      tenantId,
      JSON.stringify((JSON.parse(body) as { embedding: number[] }).embedding),
    ],
  ),
  W5: answer(
    'W5',
    `select json_build_object('data',
      json_build_object('tenants',
        json_build_object('nodes', json_agg(json_build_object('id', t.id, 'name', t.name, 'bots', (
       select json_build_object('nodes',
         coalesce(json_agg(json_build_object('id', b.id, 'name', b.name, 'documents', (
         select json_build_object('nodes',
           coalesce(json_agg(json_build_object('id', d.id, 'filename', d.filename, 'chunks', (
           select json_build_object('nodes',
             coalesce(json_agg(json_build_object('id', c.id, 'chunkIndex', c.chunk_index)), '[]'))
             from (select id, chunk_index from doc_chunks where tenant_id = t.id and doc_id = d.id
               order by chunk_index, id limit 2) c
         ))), '[]')) from (select id, filename from docs where tenant_id = t.id and bot_id = b.id
           order by created_at desc, id desc limit 3) d
       ))), '[]')) from (select id, name from bots where tenant_id = t.id order by created_at, id
         limit 20) b
     ))))))::text as body from (select id, name from tenants order by created_at desc, id desc
       limit 10) t`,
    () => [],
  ),
};

import type { Client } from 'pg';

/**
 * The older Weaver's database at each revision, as statements, from what is known of its schema.
 */
export const REVISIONS = ['001', '002', '003', '004', '005', '006', '007'] as const;
export type Revision = (typeof REVISIONS)[number];

export const NIL = '00000000-0000-0000-0000-000000000000';

const ID = `id uuid primary key default uuid_generate_v4()`;
const TENANT = `tenant_id uuid not null references tenants (id) on delete cascade`;
const TIMES = `created_at timestamptz default now(), updated_at timestamptz default now()`;
const touch = (table: string): string =>
  `create trigger update_${table}_updated_at before update on ${table} for each row ` +
  'execute function update_updated_at_column()';
const indexOf = (table: string, column: string): string =>
  `create index idx_${table}_${column} on ${table} (${column})`;

const STEPS: Record<Revision, string[]> = {
  '001': [
    `create extension if not exists vector`,
    `create extension if not exists "uuid-ossp"`,
    `create table tenants (${ID}, name varchar(255) not null, plan_tier varchar(50) ` +
      `default 'free', storage_used_bytes bigint default 0, ${TIMES})`,
    `create table users (id uuid primary key, ${TENANT}, email varchar(255) unique not ` +
      `null, role varchar(50) default 'member', ${TIMES})`,
    `create table bots (id uuid primary key, tenant_id uuid not null references tenants (id)
      on delete cascade, name varchar(255) not null, config_json jsonb default '{}', ${TIMES},
       constraint bots_tenant_id_unique unique (tenant_id))`,
    `create table docs (${ID}, ${TENANT}, filename varchar(500) not null, gcs_path ` +
      'varchar(1000) not null, size_bytes bigint not null, status varchar(50) default ' +
      `'pending', error_message text, ${TIMES})`,
    `create table doc_chunks (${ID}, doc_id uuid not null references docs (id)
      on delete cascade, ${TENANT}, embedding vector(1536), text text not null, page_num int,
        chunk_index int not null,
       chunk_metadata jsonb default '{}', created_at timestamptz default now())`,
    `create table api_keys (${ID}, ${TENANT}, name varchar(255), key_hash varchar(255) ` +
      'not null, rate_limit_rpm int default 60, revoked bool default false, last_used_at ' +
      `timestamptz, ${TIMES})`,
    `create table bot_queries (${ID}, ${TENANT}, api_key_id uuid references api_keys (id) on delete
      set null, query text not null, answer text not null, confidence varchar(50), latency_ms int,
       sources jsonb default '[]', created_at timestamptz default now())`,
    ...['users', 'bots', 'docs', 'doc_chunks', 'api_keys', 'bot_queries'].map(table =>
      indexOf(table, 'tenant_id'),
    ),
    indexOf('users', 'email'),
    indexOf('docs', 'status'),
    indexOf('doc_chunks', 'doc_id'),
    indexOf('api_keys', 'revoked'),
    indexOf('bot_queries', 'api_key_id'),
    indexOf('bot_queries', 'created_at'),
    indexOf('bot_queries', 'confidence'),
    'create index idx_doc_chunks_embedding on doc_chunks ' +
      'using hnsw (embedding vector_cosine_ops) with (m = 16, ef_construction = 64)',
    'create function update_updated_at_column() returns trigger language plpgsql as $f$ ' +
      'begin new.updated_at = now(); return new; end $f$',
    ...['tenants', 'users', 'bots', 'docs', 'api_keys'].map(touch),
    `create function create_bot_for_tenant() returns trigger language plpgsql as $f$
     begin insert into bots (id, tenant_id, name) values (new.id, new.id, new.name || ' Bot')
       on conflict do nothing; return new; end $f$`,
    'create trigger create_bot_on_tenant_insert after insert on tenants for each row ' +
      'execute function create_bot_for_tenant()',
  ],
  '002': [
    `alter table users rename to profiles`,
    `alter index idx_users_tenant_id rename to idx_profiles_tenant_id`,
    `alter index idx_users_email rename to idx_profiles_email`,
  ],
  '003': [
    `drop index idx_doc_chunks_embedding`,
    'create index idx_doc_chunks_embedding_hnsw on doc_chunks ' +
      'using hnsw (embedding vector_cosine_ops) with (m = 32, ef_construction = 128)',
    `create index idx_doc_chunks_tenant_id_only on doc_chunks (tenant_id)`,
  ],
  '004': [
    'create index idx_doc_chunks_tenant_embedding on doc_chunks ' +
      'using hnsw (embedding vector_cosine_ops) where tenant_id is not null',
    `create index idx_bot_queries_tenant_created on bot_queries (tenant_id, created_at desc)`,
  ],
  '005': [
    `insert into tenants (id, name) values ('${NIL}', 'Demo Tenant')`,
    `delete from bots where tenant_id = '${NIL}'`,
    'insert into bots (id, tenant_id, name) ' +
      `values ('00000000-0000-0000-0000-000000000001', '${NIL}', 'Demo Bot')`,
  ],
  '006': [
    'alter table doc_chunks add column search_vector tsvector generated always as ' +
      "(to_tsvector('english', text)) stored",
    `create index idx_doc_chunks_search_vector on doc_chunks using gin (search_vector)`,
    `create index idx_doc_chunks_metadata on doc_chunks using gin (chunk_metadata)`,
    `drop index idx_doc_chunks_embedding_hnsw`,
    'create index idx_doc_chunks_vec_hnsw on doc_chunks ' +
      'using hnsw (embedding vector_cosine_ops) with (m = 32, ef_construction = 128)',
  ],
  '007': [
    `alter table bot_queries add column query_embedding vector(1536)`,
    'create index idx_bot_queries_semantic_cache on bot_queries ' +
      "using hnsw (query_embedding vector_cosine_ops) where confidence = 'high'",
  ],
};

/** Makes an empty database what Alembic would have made of it. */
export async function makeLegacy(client: Client, revision: Revision): Promise<void> {
  for (const step of REVISIONS.filter(known => known <= revision))
    for (const sql of STEPS[step]) await client.query(sql);
  await client.query(
    'create table alembic_version (version_num varchar(32) not null, constraint ' +
      'alembic_version_pkc primary key (version_num))',
  );
  await client.query(`insert into alembic_version values ($1)`, [revision]);
}

export const TIDY = '10000000-0000-4000-8000-000000000001';
export const UNTIDY = '10000000-0000-4000-8000-000000000002';
export const BOTLESS = '10000000-0000-4000-8000-000000000003';
const id = (kind: number, number: number): string =>
  `${kind}0000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
export const USER = (number: number): string => id(2, number);
export const DOC = (number: number): string => id(3, number);
export const CHUNK = (number: number): string => id(4, number);
export const KEY = (number: number): string => id(5, number);
export const QUERY = (number: number): string => id(6, number);

/** A vector of unit length, another for each seed. */
export function vectorOf(seed: number): string {
  const numbers = Array.from({ length: 1536 }, (_, dimension) =>
    Math.sin((seed + 1) * 12.9898 + dimension * 78.233),
  );
  const length = Math.hypot(...numbers);
  return `[${numbers.map(value => (value / length).toFixed(9)).join()}]`;
}

export const same = (value: number): string => `[${new Array(1536).fill(value).join()}]`;

/** Rows of every table, tidy and not. Vectors are fit for half precision. */
export async function fillLegacy(client: Client, revision: Revision): Promise<void> {
  const users = revision === '001' ? 'users' : 'profiles';
  const run = (sql: string, ...values: unknown[]): Promise<unknown> => client.query(sql, values);
  await run(
    'insert into tenants (id, name, plan_tier, storage_used_bytes, created_at, ' +
      "updated_at) values ($1, 'Tidy', 'pro', 4096, '2024-01-02 03:04:05.678901+00', " +
      "'2024-02-03 04:05:06.789012+00')",
    TIDY,
  );
  await run(
    'insert into tenants (id, name, plan_tier, storage_used_bytes, created_at, ' +
      'updated_at) values ($1, $2, null, null, null, null)',
    UNTIDY,
    'n'.repeat(251),
  );
  await run(
    `insert into tenants (id, name, plan_tier, storage_used_bytes) values ($1, '', '', -5)`,
    BOTLESS,
  );
  await run(`delete from bots where tenant_id = $1`, BOTLESS);
  await run(
    `update bots set config_json = '{"prompt": "Be kind"}', updated_at = '2024-03-04' ` +
      'where tenant_id = $1',
    TIDY,
  );
  await run(
    `update bots set config_json = '["not", "an object"]', created_at = null where tenant_id = $1`,
    UNTIDY,
  );

  await run(
    `insert into ${users} (id, tenant_id, email, role, created_at) ` +
      "values ($1, $2, 'owner@example.com', 'owner', '2024-01-01'), ($3, $2, " +
      "'odd@example.com', 'superhero', null), ($4, $5, 'plain@example.com', null, " +
      "'2024-01-01')",
    USER(1),
    TIDY,
    USER(2),
    USER(3),
    UNTIDY,
  );

  const statuses = ['pending', 'processing', 'completed', 'failed', 'archived', null];
  for (const [index, status] of statuses.entries()) {
    await run(
      'insert into docs (id, tenant_id, filename, gcs_path, size_bytes, status, ' +
        'error_message, created_at, updated_at) ' +
        "values ($1, $2, $3, $4, $5, $6, $7, '2024-05-06 07:08:09.1011+00', '2024-05-07 " +
        "07:08:09.1011+00')",
      DOC(index),
      index % 2 ? UNTIDY : TIDY,
      index === 5 ? '' : `file-${index}.pdf`,
      `gs://bucket/${index}`,
      index === 4 ? -1 : 1000 + index,
      status,
      index === 4 ? 'It was old.' : null,
    );
  }
  for (let number = 0; number < 24; number += 1) {
    const doc = number % 6;
    await run(
      'insert into doc_chunks (id, doc_id, tenant_id, embedding, text, page_num, ' +
        'chunk_index, chunk_metadata, created_at) ' +
        'values ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      CHUNK(number),
      DOC(doc),
      doc % 2 ? UNTIDY : TIDY,
      number % 7 === 6 ? null : vectorOf(number),
      `Passage ${number} about tents`,
      number === 3 ? 0 : number,
      number === 4 ? -1 : number % 3,
      number === 8 ? null : number === 9 ? '"text"' : JSON.stringify({ number }),
      number === 10 ? null : '2024-06-07 08:09:10.111213+00',
    );
  }
  const keys = [
    ['Tidy key', 30, false],
    [null, null, null],
    ['', 0, true],
  ];
  for (const [number, [name, limit, revoked]] of keys.entries()) {
    await run(
      'insert into api_keys (id, tenant_id, name, key_hash, rate_limit_rpm, revoked, ' +
        "last_used_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, '2024-01-01')",
      KEY(number),
      number === 1 ? UNTIDY : TIDY,
      name,
      `$argon2id$v=19$m=65536,t=3,p=4$${number}`,
      limit,
      revoked,
      number === 0 ? '2024-07-08 09:10:11.121314+00' : null,
    );
  }
  const confidences = ['high', 'medium', 'low', 'quite', null];
  for (const [number, confidence] of confidences.entries()) {
    await run(
      'insert into bot_queries (id, tenant_id, api_key_id, query, answer, confidence, ' +
        'latency_ms, sources, created_at) ' +
        "values ($1, $2, $3, $4, 'Because.', $5, $6, $7, $8)",
      QUERY(number),
      TIDY,
      number === 0 ? KEY(0) : number === 1 ? KEY(1) : null,
      `Why ${number}?`,
      confidence,
      number === 2 ? -1 : number,
      number === 3 ? '{"doc": 1}' : number === 4 ? null : '[{"doc": 1}]',
      number === 4 ? null : '2024-08-09 10:11:12.131415+00',
    );
  }
  if (revision >= '007')
    await run(`update bot_queries set query_embedding = $1 where id = $2`, vectorOf(100), QUERY(0));
}

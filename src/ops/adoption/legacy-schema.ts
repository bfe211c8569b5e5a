import type { AdoptedTable } from './names.js';

/** Alembic's revisions of the older Weaver, as `alembic_version` names them. */
export const REVISIONS = ['001', '002', '003', '004', '005', '006', '007'] as const;
export type Revision = (typeof REVISIONS)[number];

/** A table of the older Weaver: its columns with PostgreSQL's words for their types. */
export interface LegacyTable {
  readonly name: string;
  /** The table whose rows it holds. */
  readonly targetTable: AdoptedTable;
  readonly columns: Readonly<Record<string, string>>;
}

const UUID = 'uuid';
const TIME = 'timestamp with time zone';
const VECTOR = 'vector(1536)';
const varchar = (length: number): string => `character varying(${length})`;
const TIMES = { created_at: TIME, updated_at: TIME };

/**
 * The tables as a revision leaves them, parents first. Defaults and nullability are left open: what
 * matters of them is in the rows.
 */
export function legacyTables(revision: Revision): LegacyTable[] {
  const table = (
    name: string,
    columns: Record<string, string>,
    targetTable = name as AdoptedTable,
  ): LegacyTable => ({ name, targetTable, columns: { id: UUID, ...columns } });
  return [
    table('tenants', {
      name: varchar(255),
      plan_tier: varchar(50),
      storage_used_bytes: 'bigint',
      ...TIMES,
    }),
    table(
      revision === '001' ? 'users' : 'profiles',
      { tenant_id: UUID, email: varchar(255), role: varchar(50), ...TIMES },
      'profiles',
    ),
    table('bots', { tenant_id: UUID, name: varchar(255), config_json: 'jsonb', ...TIMES }),
    table('docs', {
      tenant_id: UUID,
      filename: varchar(500),
      gcs_path: varchar(1000),
      size_bytes: 'bigint',
      status: varchar(50),
      error_message: 'text',
      ...TIMES,
    }),
    table('doc_chunks', {
      doc_id: UUID,
      tenant_id: UUID,
      embedding: VECTOR,
      text: 'text',
      page_num: 'integer',
      chunk_index: 'integer',
      chunk_metadata: 'jsonb',
      created_at: TIME,
      ...(revision >= '006' && { search_vector: 'tsvector' }),
    }),
    table('api_keys', {
      tenant_id: UUID,
      name: varchar(255),
      key_hash: varchar(255),
      rate_limit_rpm: 'integer',
      revoked: 'boolean',
      last_used_at: TIME,
      ...TIMES,
    }),
    table('bot_queries', {
      tenant_id: UUID,
      api_key_id: UUID,
      query: 'text',
      answer: 'text',
      confidence: varchar(50),
      latency_ms: 'integer',
      sources: 'jsonb',
      created_at: TIME,
      ...(revision >= '007' && { query_embedding: VECTOR }),
    }),
  ];
}

export const VERSION_TABLE = 'alembic_version';

/** Functions of the older Weaver that triggers call. */
export const LEGACY_FUNCTIONS = ['update_updated_at_column()', 'create_bot_for_tenant()'] as const;

/**
 * Whether a trigger of a table is the older Weaver's. When `users` became `profiles`, its trigger
 * kept its name.
 */
export function isLegacyTrigger(table: string, name: string): boolean {
  if (name === 'create_bot_on_tenant_insert') return table === 'tenants';
  const names =
    table === 'profiles'
      ? ['update_profiles_updated_at', 'update_users_updated_at']
      : [`update_${table}_updated_at`];
  return names.includes(name);
}

/**
 * Whether a constraint of a table is the older Weaver's, by what it says: names differ with how it
 * came to be.
 */
export function isLegacyConstraint(table: string, definition: string): boolean {
  const known: Record<string, string[]> = {
    [VERSION_TABLE]: ['PRIMARY KEY (version_num)'],
    users: ['UNIQUE (email)'],
    profiles: ['UNIQUE (email)'],
    bots: ['UNIQUE (tenant_id)'],
    doc_chunks: ['FOREIGN KEY (doc_id) REFERENCES docs(id) ON DELETE CASCADE'],
    bot_queries: ['FOREIGN KEY (api_key_id) REFERENCES api_keys(id) ON DELETE SET NULL'],
  };
  if (known[table]?.includes(definition)) return true;
  if (table === VERSION_TABLE) return false;
  return (
    definition === 'PRIMARY KEY (id)' ||
    (table !== 'tenants' &&
      definition === 'FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE')
  );
}

const NAMED_INDEXES: Record<string, RegExp> = {
  idx_doc_chunks_tenant_id_only: /^btree \(tenant_id\)$/,
  idx_bot_queries_tenant_created: /^btree \(tenant_id, created_at DESC\)$/,
  idx_doc_chunks_embedding: /^hnsw \(embedding vector_cosine_ops\)/,
  idx_doc_chunks_embedding_hnsw: /^hnsw \(embedding vector_cosine_ops\)/,
  idx_doc_chunks_vec_hnsw: /^hnsw \(embedding vector_cosine_ops\)/,
  idx_doc_chunks_tenant_embedding:
    /^hnsw \(embedding vector_cosine_ops\).* WHERE \(tenant_id IS NOT NULL\)$/,
  idx_bot_queries_semantic_cache: /^hnsw \(query_embedding vector_cosine_ops\).* WHERE /,
};

/** Whether an index that no constraint made is the older Weaver's. `form` is what follows USING. */
export function isLegacyIndex(table: string, name: string, form: string): boolean {
  if (NAMED_INDEXES[name]) return NAMED_INDEXES[name].test(form);
  if (
    table === 'doc_chunks' &&
    /^gin \((search_vector|chunk_metadata)( jsonb_path_ops)?\)$/.test(form)
  )
    return true;
  const column = /^btree \((\w+)\)$/.exec(form)?.[1];
  const tables = table === 'profiles' ? ['profiles', 'users'] : [table];
  return column !== undefined && tables.some(known => name === `idx_${known}_${column}`);
}

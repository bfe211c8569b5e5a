import type { Client } from 'pg';

export interface RelationSize {
  readonly name: string;
  readonly bytes: number;
}

const TABLES = ['original_chunks', 'repaired_chunks', 'doc_chunks'];

/**
 * Each table with what it keeps beside itself, and each of its indexes; those of large tenants
 * together.
 */
export async function relationSizes(client: Client): Promise<RelationSize[]> {
  const { rows } = await client.query<{ name: string; bytes: string }>(
    `select name, sum(bytes)::text as bytes from (
       select relname::text as name, pg_table_size(oid) as bytes from pg_class
         where relname = any($1) and relkind = 'r'
        union all
       select regexp_replace(i.relname, '^doc_chunks_ann_.*', 'doc_chunks_ann_…'),
         pg_relation_size(i.oid)
         from pg_index x join pg_class i on i.oid = x.indexrelid
           join pg_class t on t.oid = x.indrelid where t.relname = any($1)
     ) relations group by name order by name`,
    [TABLES],
  );
  return rows.map(({ name, bytes }) => ({ name, bytes: Number(bytes) }));
}

import { statement } from '../db/statement.js';
import type { Parent } from '../graphql/list.js';
import { defineLoader } from '../graphql/loader.js';
import { Ingestion } from './ingestion.entity.js';

interface Key {
  readonly document: Parent;
  readonly properties: ReadonlySet<string>;
}

/** The newest ingestion of documents: one statement for all of a level. */
export const newestIngestionOf = defineLoader<Key, Ingestion | null>(async (keys, context) => {
  const properties = new Set(['id', 'tenantId', ...keys.flatMap(key => [...key.properties])]);
  const { tenantId } = context.reads;
  const rows = await context.reads.query<Ingestion & { _n: number }>(
    statement(
      'newestIngestions',
      `select p.n::int as _n, r.* from unnest($1::uuid[], $2::uuid[])
              with ordinality as p(tenant_id, doc_id, n)
        cross join lateral (
          select ${context.models.of(Ingestion).select(properties, 't')} from ingestions t
           where t.tenant_id = p.tenant_id and t.doc_id = p.doc_id
           order by t.created_at desc, t.id desc limit 1
        ) r`,
    ),
    [
      keys.map(({ document }) => tenantId ?? document.tenantId),
      keys.map(({ document }) => document.id),
    ],
    keys.length,
  );
  context.rows.add(rows.length);
  const byNumber = new Map(rows.map(row => [row._n, row]));
  return keys.map((_, index) => byNumber.get(index + 1) ?? null);
});

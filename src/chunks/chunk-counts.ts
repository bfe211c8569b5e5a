import { fixedStatement } from '../db/statement.js';
import type { Parent } from '../graphql/list.js';
import { defineLoader } from '../graphql/loader.js';
import type { DocumentProgress } from './document-progress.type.js';

const CHUNK_COUNTS = fixedStatement(
  'chunkCounts',
  `select p.n::int as n, c.chunks, c.embedded
     from unnest($1::uuid[], $2::uuid[]) with ordinality as p(tenant_id, doc_id, n)
    cross join lateral (
      select count(*)::int as chunks, count(embedding)::int as embedded
        from doc_chunks where tenant_id = p.tenant_id and doc_id = p.doc_id
    ) c`,
);

/**
 * How many chunks documents have, with and without vectors: one statement for all documents of a
 * level.
 */
export const chunkCountsOf = defineLoader<Parent, DocumentProgress>(
  async (documents, { reads }) => {
    const tenants = documents.map(document => reads.tenantId ?? document.tenantId);
    const rows = await reads.query<{ n: number; chunks: number; embedded: number }>(CHUNK_COUNTS, [
      tenants,
      documents.map(document => document.id),
    ]);
    const byNumber = new Map(rows.map(row => [row.n, row]));
    return documents.map((_, index) => {
      const { chunks, embedded } = byNumber.get(index + 1)!;
      return {
        chunkCount: chunks,
        embeddedChunkCount: embedded,
        embeddedShare: chunks === 0 ? null : embedded / chunks,
      };
    });
  },
  document => document.id,
);

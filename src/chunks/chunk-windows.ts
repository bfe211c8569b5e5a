import { statement, type Row } from '../db/statement.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';

/** A chunk, and how many of its document to read before and after it. */
export interface WindowRequest {
  readonly chunk: Parent;
  readonly before: number;
  readonly after: number;
}

/** A row of a window: the selected columns and its position. */
export type WindowRow = Row & {
  /** -1 before the chunk, 0 the chunk itself, 1 after it. */
  readonly _side: number;
  readonly _document: string;
  readonly _index: number;
};

/**
 * Chunks and their neighbours in the order of the document, one list for each of `requests`: one
 * statement for all of them. Of an id that is not there for the caller nothing is read. `columns`
 * are of `doc_chunks t`.
 */
export async function readWindows(
  context: RequestContext,
  requests: readonly WindowRequest[],
  columns: string,
): Promise<WindowRow[][]> {
  if (requests.length === 0) return [];
  const callerTenantId = context.reads.tenantId;
  const positionColumns = 't.chunk_index as _index, t.doc_id as _document';
  const siblings = 'from doc_chunks t where t.tenant_id = p.tenant_id and t.doc_id = c.doc_id';
  const text = `
    select p.n::int as _n, r.*
      from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[])
             with ordinality as p(tenant_id, id, before, after, n)
     cross join lateral (
       select t.doc_id, t.chunk_index, t.id from doc_chunks t
        where t.tenant_id = p.tenant_id and t.id = p.id limit 1
     ) c
     cross join lateral (
       (select -1 as _side, ${positionColumns}, ${columns} ${siblings}
           and (t.chunk_index, t.id) < (c.chunk_index, c.id)
         order by t.chunk_index desc, t.id desc limit p.before)
        union all
       (select 0, ${positionColumns}, ${columns} from doc_chunks t
         where t.tenant_id = p.tenant_id and t.id = c.id limit 1)
        union all
       (select 1, ${positionColumns}, ${columns} ${siblings}
           and (t.chunk_index, t.id) > (c.chunk_index, c.id)
         order by t.chunk_index, t.id limit p.after)
     ) r
     order by p.n, r._index, r.id
     limit $5::int`;
  const parameters = [
    requests.map(({ chunk }) => callerTenantId ?? chunk.tenantId),
    requests.map(({ chunk }) => chunk.id),
    requests.map(({ before }) => before),
    requests.map(({ after }) => after),
    context.rows.remaining + 1,
  ];
  const maxRows = requests.reduce((sum, { before, after }) => sum + before + 1 + after, 0);
  const rows = await context.reads.query<WindowRow & { _n: number }>(
    statement('chunkWindows', text),
    parameters,
    maxRows,
  );
  context.rows.add(rows.length);
  const windows = requests.map((): WindowRow[] => []);
  for (const row of rows) windows[row._n - 1]!.push(row);
  return windows;
}

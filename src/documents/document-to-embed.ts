import type { Caller } from '../auth/caller.js';
import type { RowKey } from '../db/read-model.js';
import { statement } from '../db/statement.js';
import { notFound } from '../graphql/input-checks.js';
import type { Db } from '../writes/db.js';

/** A document as it is when texts for it begin to be embedded. */
export interface DocumentToEmbed extends RowKey {
  readonly filename: string;
  readonly updatedAt: string;
  /** The number of its text; 0 where none is kept. */
  readonly revision: number;
}

const DOCUMENT_TO_EMBED = `
  select d.id, d.tenant_id as "tenantId", d.filename, d.updated_at as "updatedAt",
         coalesce((select max(t.revision) from doc_texts t
                    where t.tenant_id = d.tenant_id and t.doc_id = d.id), 0) as revision
    from docs d where d.id = $1`;

/**
 * The document, before costly work for it starts; throws `NOT_FOUND` where the caller has none. It
 * may change or go meanwhile: the transaction that follows must check again.
 */
export async function documentToEmbed(
  { reads }: Pick<Db, 'reads'>,
  { tenantId: callerTenantId }: Pick<Caller, 'tenantId'>,
  id: string,
  field: string,
): Promise<DocumentToEmbed> {
  const ofCaller = callerTenantId === undefined ? '' : ' and d.tenant_id = $2';
  const [document] = await reads.query<DocumentToEmbed>(
    statement('documentToEmbed', DOCUMENT_TO_EMBED + ofCaller),
    callerTenantId === undefined ? [id] : [id, callerTenantId],
  );
  if (!document) throw notFound('document', id, field);
  return document;
}

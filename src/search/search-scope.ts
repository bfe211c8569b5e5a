import type { SqlParameters } from '../graphql/sql-parameters.js';

/** Which chunks a search looks at: checked, and the same for every mode and path. */
export interface SearchScope {
  readonly tenantId: string;
  readonly botId: string | undefined;
  readonly documentIds: readonly string[] | undefined;
  readonly metadata: Record<string, unknown> | undefined;
}

/** Whether anything but the tenant narrows the scope: what is true of a tenant's chunks as a whole need not be true of these. */
export function isFiltered({ botId, documentIds, metadata }: SearchScope): boolean {
  return botId !== undefined || documentIds !== undefined || metadata !== undefined;
}

/**
 * The chunks of a scope, as conditions on `doc_chunks t`. Every way to search filters by these, before it ranks anything.
 * The tenant is always among them, whatever row-level security does besides; `tenant` is its place among the parameters.
 */
export function scopeSql({ botId, documentIds, metadata }: SearchScope, tenant: string, parameters: SqlParameters): string {
  const conditions = [`t.tenant_id = ${tenant}`];
  if (botId !== undefined) conditions.push(`t.bot_id = ${parameters.add(botId, 'uuid')}`);
  if (documentIds !== undefined) conditions.push(`t.doc_id = any(${parameters.add(documentIds, 'uuid[]')})`);
  if (metadata !== undefined) conditions.push(`t.chunk_metadata @> ${parameters.add(JSON.stringify(metadata), 'jsonb')}`);
  return conditions.join(' and ');
}

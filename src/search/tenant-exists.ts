import type { OperationReads } from '../db/operation-reads.js';
import { fixedStatement } from '../db/statement.js';

const TENANT_EXISTS = fixedStatement(
  'searchTenantExists',
  'select exists (select from tenants where id = $1) as known',
);

/**
 * Whether there is such a tenant for the caller: asked only where an operator's search found
 * nothing at all.
 */
export async function tenantExists(reads: OperationReads, id: string): Promise<boolean> {
  const [row] = await reads.query<{ known: boolean }>(TENANT_EXISTS, [id]);
  return row!.known;
}

import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AppError } from '../base/app-error.js';
import { OTHER_PLANS, type LimitByPlan, type Quotas } from '../config/quotas.js';
import { runInWrite } from '../db/run-in-write.js';

interface Usage {
  readonly plan: string;
  readonly bytes: string;
}

/** What a caller has added, with the inputs that name it. */
export interface Added {
  readonly bytesField: string;
  readonly documentField: string;
}

// An upload that was ingested has become a document.
const DOCUMENTS = `
  select (select count(*) from docs where tenant_id = $1::uuid)
       + (select count(*) from uploads where tenant_id = $1::uuid and state <> 'ingested')
      as documents`;

/**
 * Throws `QUOTA_EXCEEDED` where a tenant has more than its plan allows, with what the open
 * transaction has added. To be called behind that: the tenant's row is locked then, since what it
 * holds is counted there, so that no two calls share the last byte.
 */
export async function checkQuotas(
  em: SqlEntityManager,
  { bytes, documents }: Quotas,
  tenantId: string,
  { bytesField, documentField }: Added,
): Promise<void> {
  if (bytes.size === 0 && documents.size === 0) return;
  const [tenant] = await runInWrite<Usage>(
    em,
    'select plan_tier as plan, storage_used_bytes::text as bytes from tenants where id = $1::uuid',
    [tenantId],
  );
  if (!tenant) return;
  const maxBytes = limitOf(bytes, tenant.plan);
  if (maxBytes !== undefined && Number(tenant.bytes) > maxBytes)
    throw exceeded(
      bytesField,
      `The documents and uploads of the tenant would have ${formatted(Number(tenant.bytes))} ` +
        `bytes; the limit of its plan is ${formatted(maxBytes)}. Delete some, or ask for more.`,
    );
  const maxDocuments = limitOf(documents, tenant.plan);
  if (maxDocuments === undefined) return;
  const [row] = await runInWrite<{ documents: string }>(em, DOCUMENTS, [tenantId]);
  if (Number(row!.documents) > maxDocuments)
    throw exceeded(
      documentField,
      `The tenant would have ${formatted(Number(row!.documents))} documents and uploads; the ` +
        `limit of its plan is ${formatted(maxDocuments)}. Delete some, or ask for more.`,
    );
}

function limitOf(limits: LimitByPlan, plan: string): number | undefined {
  return limits.get(plan) ?? limits.get(OTHER_PLANS);
}

function exceeded(field: string, message: string): AppError {
  return new AppError('QUOTA_EXCEEDED', message, { field });
}

function formatted(count: number): string {
  return count.toLocaleString('en-US');
}

import type { Caller } from '../auth/caller.js';
import type { EntityClass, RowKey } from '../db/read-model.js';
import { statement } from '../db/statement.js';
import { notFound } from '../graphql/input-checks.js';
import type { Db } from './db.js';

/**
 * Checks that the caller has a row before costly work for it starts, and returns its tenant;
 * throws `NOT_FOUND` otherwise. The row may be deleted meanwhile, so the transaction that follows
 * must check again.
 */
export async function findRowOrFail(
  { reads, models }: Pick<Db, 'reads' | 'models'>,
  { tenantId: callerTenantId }: Pick<Caller, 'tenantId'>,
  entity: EntityClass,
  typeName: string,
  id: string,
  field: string,
): Promise<RowKey> {
  const model = models.of(entity);
  const text =
    `select ${model.select(['id', 'tenantId'], 't')} from ${model.table} t ` +
    `where t.id = $1${callerTenantId === undefined ? '' : ` and t.${model.tenantColumn} = $2`}`;
  const [row] = await reads.query<RowKey>(
    statement(`${model.table}Known`, text),
    callerTenantId === undefined ? [id] : [id, callerTenantId],
  );
  if (!row) throw notFound(typeName, id, field);
  return row;
}

import type { Caller } from '../auth/caller.js';
import type { EntityClass, RowKey } from '../db/read-model.js';
import { statement } from '../db/statement.js';
import { notFound } from '../graphql/input-checks.js';
import type { Db } from './db.js';

/**
 * Looks whether a row is there for the caller before something costly is done for its sake, and
 * gives its tenant; `NOT_FOUND` where it is not. It may be gone a moment later: the transaction
 * that follows must find out by itself.
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

import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { badInput } from '../base/app-error.js';
import { ReadModel, type RowKey } from '../db/read-model.js';
import { runInWrite } from '../db/run-in-write.js';
import type { DeletionCount } from '../graphql/deletion.js';

/** Refuses a deletion that does not repeat the name of what it deletes. */
export function checkConfirm(confirm: string | null | undefined, name: string): void {
  if (confirm === name) return;
  throw badInput(
    'input.confirm',
    'input.confirm must be the exact name of the object. Nothing was deleted.',
  );
}

/**
 * Counts the rows that are deleted with `row`: those of all types in the schema that refer to it by
 * `relation`, such as `bot`. Rows that only contain its id, such as those of the audit log, are not
 * deleted.
 */
export async function countDependentRows(
  em: SqlEntityManager,
  relation: string,
  row: RowKey,
): Promise<DeletionCount[]> {
  const models = Array.from(em.getMetadata(), meta => new ReadModel(meta));
  const below = models.flatMap(model => {
    const property = model.foreignKeyOf(relation);
    return property === undefined ? [] : [{ model, id: model.column(property).sql('t') }];
  });
  const counts = below.map(
    ({ model, id }) =>
      `select '${model.name}' as type, count(*)::int as count from ${model.table} t ` +
      `where t.tenant_id = $1::uuid and ${id} = $2::uuid`,
  );
  return runInWrite<DeletionCount>(em, counts.join(' union all '), [row.tenantId, row.id]);
}

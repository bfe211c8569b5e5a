import type { GraphQLResolveInfo } from 'graphql';
import { AppError } from '../base/app-error.js';
import type { EntityClass, ReadModel, RowKey } from '../db/read-model.js';
import { statement, type Row } from '../db/statement.js';
import type { RequestContext } from './context.js';
import { defineLoader, type LoaderOf } from './loader.js';
import { nestedRowSelectionOf, rowSelectionOf, type RowSelection } from './selection.js';
import { SqlParameters, forGenericPlan } from './sql-parameters.js';

interface LoaderKey {
  readonly id: string;
  /** Known if a relation leads to the row. */
  readonly tenantId: string | undefined;
  readonly selection: RowSelection;
}

const loaders = new Map<EntityClass, LoaderOf<LoaderKey, Row | undefined>>();

/**
 * The row with an id; null if the caller has none. All ids of a level are read in one statement.
 */
export async function rowById<T extends object>(
  context: RequestContext,
  info: GraphQLResolveInfo,
  entity: EntityClass<T>,
  id: string,
): Promise<T | null> {
  const selection = rowSelectionOf(info, context.models, entity.name);
  return (
    ((await loaderOf(entity)(context).load({ id, tenantId: undefined, selection })) as
      T | undefined) ?? null
  );
}

/**
 * The rows that a relation leads to, one for each parent, null where the foreign key is null. If
 * only ids are selected, or only lists of these rows, no statement is needed.
 */
export async function relatedRows<T extends object, K extends string>(
  context: RequestContext,
  info: GraphQLResolveInfo,
  entity: EntityClass<T>,
  parents: readonly ({ readonly tenantId: string | null } & Readonly<Record<K, string | null>>)[],
  foreignKey: K,
): Promise<(T | null)[]> {
  const selection = rowSelectionOf(info, context.models, entity.name);
  const rows = new Map<string, object | undefined>();
  // A hundred documents may lead to the same bot.
  for (const { [foreignKey]: id, tenantId } of parents)
    if (id && !rows.has(id)) rows.set(id, { id, tenantId });
  if (selection.properties.size > 2) {
    const keys = Array.from(rows.values(), row => ({ ...(row as RowKey), selection }));
    const loaded = await Promise.all(keys.map(key => loaderOf(entity)(context).load(key)));
    for (const [index, { id }] of keys.entries()) rows.set(id, loaded[index]);
  }
  return parents.map(({ [foreignKey]: id }) => ((id && rows.get(id)) ?? null) as T | null);
}

/** The same of one parent; null for an id that is null. */
export async function relatedRow<T extends object>(
  context: RequestContext,
  info: GraphQLResolveInfo,
  entity: EntityClass<T>,
  tenantId: string,
  id: string | null,
): Promise<T | null> {
  return (await relatedRows(context, info, entity, [{ tenantId, id }], 'id'))[0]!;
}

/**
 * The row that a mutation wrote, with what is selected in the field `name` of the payload. It may
 * be gone: someone deleted it in the meantime, or before a repeated idempotency key returned its
 * outcome.
 */
export async function payloadRow<T extends object>(
  context: RequestContext,
  info: GraphQLResolveInfo,
  name: string,
  entity: EntityClass<T>,
  rowKey: RowKey,
): Promise<T> {
  const { tenantId, id } = rowKey;
  const selection = nestedRowSelectionOf(info, context.models, [name]);
  if (selection.properties.size === 2) return { id, tenantId } as unknown as T;
  const row = await loaderOf(entity)(context).load({ id, tenantId, selection });
  if (!row)
    throw new AppError('NOT_FOUND', `The change was stored, but ${id} has been deleted since.`);
  return row as T;
}

function loaderOf(entity: EntityClass): LoaderOf<LoaderKey, Row | undefined> {
  let loader = loaders.get(entity);
  if (!loader) {
    loader = defineLoader(
      (keys, context) => loadRows(context.models.of(entity), keys, context),
      key => `${key.id} ${key.selection.key}`,
    );
    loaders.set(entity, loader);
  }
  return loader;
}

async function loadRows(
  model: ReadModel,
  keys: readonly LoaderKey[],
  context: RequestContext,
): Promise<(Row | undefined)[]> {
  const properties = new Set(keys.flatMap(key => [...key.selection.properties]));
  const ids = [...new Set(keys.map(key => key.id))];
  // Behind a select the planner cannot see how many there are, and one plan serves for all.
  const parameters = new SqlParameters();
  const conditions = [`t.id = any(${forGenericPlan(parameters.add(ids, 'uuid[]'))}::uuid[])`];
  const callerTenantId = context.reads.tenantId;
  if (callerTenantId !== undefined)
    conditions.push(
      `t.${model.tenantColumn} = ${forGenericPlan(parameters.add(callerTenantId, 'uuid'))}`,
    );
  // The operator may look up ids without knowing whose they are.
  else if (keys.every(key => key.tenantId !== undefined)) {
    const tenants = [...new Set(keys.map(key => key.tenantId))];
    conditions.push(
      `t.${model.tenantColumn} = any(${forGenericPlan(parameters.add(tenants, 'uuid[]'))}::uuid[])`,
    );
  }
  const text =
    `select ${model.select(properties, 't')} from ${model.table} t ` +
    `where ${conditions.join(' and ')}`;
  const rows = await context.reads.query<Row>(
    statement(`${model.table}ById`, text),
    parameters.values,
    ids.length,
  );
  const byId = new Map(rows.map(row => [row.id as string, row]));
  return keys.map(key => byId.get(key.id));
}

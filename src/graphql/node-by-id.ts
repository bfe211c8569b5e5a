import type { GraphQLResolveInfo } from 'graphql';
import { badInput } from '../base/app-error.js';
import type { EntityClass } from '../db/read-model.js';
import { statement } from '../db/statement.js';
import type { RequestContext } from './context.js';
import { defineLoader } from './loader.js';
import { TYPE_NAME, type Node } from './node.js';
import { relatedRow } from './row-by-id.js';
import { uuidInput } from './uuid-input.js';

const MAX_IDS = 100;

interface Found {
  id: string;
  tenantId: string;
  type: string;
}

/**
 * Finds a row of any of these entities by its id; the types of all ids of a level in one statement.
 */
export function nodeLookUp(
  entities: readonly EntityClass[],
): (context: RequestContext, info: GraphQLResolveInfo, id: string) => Promise<Node | null> {
  const byName = new Map(entities.map(entity => [entity.name, entity]));
  const typeOfId = defineLoader<string, Found | undefined>(
    (ids, context) => findTypes(entities, ids, context),
    id => id,
  );
  return async (context, info, id) => {
    const found = await typeOfId(context).load(id);
    if (!found) return null;
    const row = await relatedRow(context, info, byName.get(found.type)!, found.tenantId, id);
    return row && ({ ...row, [TYPE_NAME]: found.type } as unknown as Node);
  };
}

/** The ids of `Query.nodes`, each checked. */
export function nodeIds(ids: readonly string[]): string[] {
  if (ids.length > MAX_IDS)
    throw badInput('ids', `ids has ${ids.length} items; the limit is ${MAX_IDS}.`);
  return ids.map((id, index) => uuidInput(`ids[${index}]`, id));
}

async function findTypes(
  entities: readonly EntityClass[],
  ids: readonly string[],
  context: RequestContext,
): Promise<(Found | undefined)[]> {
  const own = context.reads.tenantId;
  const branches = entities.map(entity => {
    const model = context.models.of(entity);
    const ofTenant = own ? `t.${model.tenantColumn} = $2::uuid and ` : '';
    return (
      `select '${entity.name}' as type, t.id, t.${model.tenantColumn} as "tenantId" ` +
      `from ${model.table} t where ${ofTenant}t.id = any($1::uuid[])`
    );
  });
  const rows = await context.reads.query<Found>(
    statement('nodeTypes', branches.join(' union all ')),
    own ? [ids, own] : [ids],
  );
  const byId = new Map(rows.map(row => [row.id, row]));
  return ids.map(id => byId.get(id));
}

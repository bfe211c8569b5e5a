import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Query, Resolver, type ClassType } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { badInput } from '../base/app-error.js';
import type { EntityClass } from '../db/read-model.js';
import { statement } from '../db/statement.js';
import type { RequestContext } from './context.js';
import { Sized } from './limits/list-size.js';
import { defineLoader } from './loader.js';
import { Node, TYPE_NAME } from './node.js';
import { relatedRow } from './row-by-id.js';
import { uuidInput } from './uuid-input.js';

const MAX_IDS = 100;

interface Found {
  id: string;
  tenantId: string;
  type: string;
}

/**
 * `Query.node` and `Query.nodes` over these entities: ids are unique across types, so one statement
 * finds the types of all.
 */
export function nodeResolver(entities: readonly EntityClass[]): ClassType {
  const byName = new Map(entities.map(entity => [entity.name, entity]));
  const typeOfId = defineLoader<string, Found | undefined>(
    (ids, context) => findTypes(entities, ids, context),
    id => id,
  );

  const load = async (
    context: RequestContext,
    info: GraphQLResolveInfo,
    id: string,
  ): Promise<Node | null> => {
    const found = await typeOfId(context).load(id);
    if (!found) return null;
    const row = await relatedRow(context, info, byName.get(found.type)!, found.tenantId, id);
    return row && ({ ...row, [TYPE_NAME]: found.type } as unknown as Node);
  };

  @Resolver()
  class NodeResolver {
    @Requires('read')
    @Query(() => Node, {
      nullable: true,
      description: 'Any object by its id. Null if you have no object with this id.',
    })
    node(
      @Arg('id', () => ID, { description: "The object's UUID." }) id: string,
      @Ctx() context: RequestContext,
      @Info() info: GraphQLResolveInfo,
    ): Promise<Node | null> {
      return load(context, info, uuidInput('id', id));
    }

    @Requires('read')
    @Sized('ids')
    @Query(() => [Node], {
      nullable: 'items',
      description:
        'Several objects by their ids, at most 100, in the same order; null in the place ' +
        'of each that you do not have.',
    })
    nodes(
      @Arg('ids', () => [ID], { description: "The objects' UUIDs." }) ids: string[],
      @Ctx() context: RequestContext,
      @Info() info: GraphQLResolveInfo,
    ): Promise<(Node | null)[]> {
      if (ids.length > MAX_IDS)
        throw badInput('ids', `ids has ${ids.length} items; the limit is ${MAX_IDS}.`);
      const checked = ids.map((id, index) => uuidInput(`ids[${index}]`, id));
      return Promise.all(checked.map(id => load(context, info, id)));
    }
  }
  return NodeResolver;
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

import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Query, Resolver, type ClassType } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { EntityClass } from '../db/read-model.js';
import type { RequestContext } from './context.js';
import { Sized } from './limits/list-size.js';
import { nodeIds, nodeLookUp } from './node-by-id.js';
import { Node } from './node.js';
import { uuidInput } from './uuid-input.js';

/**
 * `Query.node` and `Query.nodes` over these entities: ids are unique across types, so one statement
 * finds the types of all.
 */
export function nodeResolver(entities: readonly EntityClass[]): ClassType {
  const nodeById = nodeLookUp(entities);

  @Resolver()
  class NodeResolver {
    @Requires('read')
    @Query(() => Node, {
      nullable: true,
      description: 'Any object by its id. Null if your tenant has no object with this id.',
    })
    node(
      @Arg('id', () => ID, { description: "The object's UUID." }) id: string,
      @Ctx() context: RequestContext,
      @Info() info: GraphQLResolveInfo,
    ): Promise<Node | null> {
      return nodeById(context, info, uuidInput('id', id));
    }

    @Requires('read')
    @Sized('ids')
    @Query(() => [Node], {
      nullable: 'items',
      description:
        'Several objects by their ids, at most 100, in the same order; null for each ' +
        'that your tenant does not have.',
    })
    nodes(
      @Arg('ids', () => [ID], { description: "The objects' UUIDs." }) ids: string[],
      @Ctx() context: RequestContext,
      @Info() info: GraphQLResolveInfo,
    ): Promise<(Node | null)[]> {
      return Promise.all(nodeIds(ids).map(id => nodeById(context, info, id)));
    }
  }
  return NodeResolver;
}

import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { isObjectType, type GraphQLResolveInfo } from 'graphql';
import { Field, ID, Int, ObjectType } from 'type-graphql';
import { badInput } from '../base/app-error.js';
import { runInWrite } from '../db/run-in-write.js';
import type { RequestContext } from './context.js';
import type { LockedRow } from './locked-row.js';

export const CONFIRM =
  'The name of what is to be deleted, exactly as it stands, as a seat belt. Not needed ' +
  'for a dry run.';
export const DRY_RUN = 'Only counts what would go, and changes nothing.';
export const UNCHANGED_SINCE =
  'The `updatedAt` that you know. If it was changed since, nothing happens and the ' +
  'answer is `CONFLICT`.';

@ObjectType({
  simpleResolvers: true,
  description: 'How many objects of one type a deletion takes along.',
})
export class DeletionCount {
  @Field(() => String, { description: 'The name of their type, such as `Document`.' })
  type!: string;

  @Field(() => Int, { description: 'How many of them.' })
  count!: number;
}

@ObjectType({ simpleResolvers: true, description: 'What a deletion took along, or would take.' })
export class DeletionPayload {
  @Field(() => ID, {
    nullable: true,
    description: 'The id of what was deleted; null for a dry run.',
  })
  deletedId!: string | null;

  @Field(() => [DeletionCount], { description: 'What goes with it, by type: everything below it.' })
  counts!: DeletionCount[];
}

/** Refuses a deletion that does not repeat the name of what it deletes. */
export function checkConfirm(confirm: string | null | undefined, name: string): void {
  if (confirm === name) return;
  throw badInput(
    'input.confirm',
    'input.confirm must be the name of what is to be deleted, exactly as it stands. ' +
      'Nothing was deleted.',
  );
}

/**
 * Counts what goes with `row`: the rows that lead to it by `relation`, such as `bot`, of all types
 * that the schema shows. What only notes an id, such as a log that outlives it, stays.
 */
export async function countBelow(
  em: SqlEntityManager,
  { models }: RequestContext,
  { schema }: GraphQLResolveInfo,
  relation: string,
  row: LockedRow,
): Promise<DeletionCount[]> {
  const below = models.all().flatMap(model => {
    const property = isObjectType(schema.getType(model.name))
      ? model.idBehind(relation)
      : undefined;
    return property === undefined ? [] : [{ model, id: model.column(property).sql('t') }];
  });
  const counts = below.map(
    ({ model, id }) =>
      `select '${model.name}' as type, count(*)::int as count from ${model.table} t ` +
      `where t.tenant_id = $1::uuid and ${id} = $2::uuid`,
  );
  return runInWrite<DeletionCount>(em, counts.join(' union all '), [row.tenantId, row.id]);
}

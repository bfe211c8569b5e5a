import { Field, ID, Int, ObjectType } from 'type-graphql';

export const CONFIRM =
  'The exact name of the object, to confirm the deletion. Not needed for a dry run.';
export const DRY_RUN = 'Only counts what would be deleted, and changes nothing.';
export const UNCHANGED_SINCE =
  'The `updatedAt` that you read. If the object was changed since, nothing happens and ' +
  'the answer is `CONFLICT`.';

@ObjectType({
  simpleResolvers: true,
  description: 'The number of objects of one type that a deletion also deletes.',
})
export class DeletionCount {
  @Field(() => String, { description: 'The name of their type, such as `Document`.' })
  type!: string;

  @Field(() => Int, { description: 'The number of objects.' })
  count!: number;
}

@ObjectType({ simpleResolvers: true, description: 'The result of a deletion, or of a dry run.' })
export class DeletionPayload {
  @Field(() => ID, {
    nullable: true,
    description: 'The id of what was deleted; null for a dry run.',
  })
  deletedId!: string | null;

  @Field(() => [DeletionCount], {
    description: 'The objects that belong to it and are deleted too, by type.',
  })
  counts!: DeletionCount[];
}

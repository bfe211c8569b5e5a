import { Field, ID, Int, ObjectType } from 'type-graphql';

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

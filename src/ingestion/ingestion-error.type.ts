import { Field, ObjectType } from 'type-graphql';

@ObjectType({ simpleResolvers: true, description: 'Why a file was not processed, or has to wait.' })
export class IngestionError {
  @Field(() => String, {
    description:
      'A stable code such as `ENCRYPTED` or `EMBEDDING_UNAVAILABLE`; docs/ingestion.md explains ' +
      'each.',
  })
  code!: string;

  @Field(() => String, { description: 'What happened and what to do, in a sentence or two.' })
  message!: string;

  @Field(() => Boolean, {
    description: 'Whether the same file may succeed at another time, without a change of it.',
  })
  retryable!: boolean;
}

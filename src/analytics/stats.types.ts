import { Field, Int, ObjectType } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { BigIntScalar, DateTimeScalar, Float } from '../graphql/scalars.js';

@ObjectType({
  simpleResolvers: true,
  description: "A tenant's files that are not processed yet, or could not be.",
})
export class IngestionBacklog {
  @Field(() => Int, { description: 'Files that wait.' })
  queued!: number;

  @Field(() => Int, { description: 'Files that are being processed.' })
  running!: number;

  @Field(() => Int, {
    description: 'For how many seconds the oldest of those has been there; 0 if there is none.',
  })
  oldestSeconds!: number;

  @Field(() => Int, {
    description: 'Documents whose newest file could not be processed.',
  })
  failed!: number;
}

@ObjectType({ simpleResolvers: true, description: "Numbers of a tenant's objects." })
export class TenantStats {
  @Field(() => Int, { description: 'Users.' })
  users!: number;

  @Field(() => Int, { description: 'Bots.' })
  bots!: number;

  @Field(() => Int, { description: 'Documents, whatever their status.' })
  documents!: number;

  @Field(() => Int, { description: 'Chunks of all documents.' })
  chunks!: number;

  @Field(() => Int, { description: 'API keys that are neither revoked nor expired.' })
  activeApiKeys!: number;

  @Field(() => Int, { description: 'Logged bot queries.' })
  botQueries!: number;

  @Requires('read')
  @Field(() => IngestionBacklog, {
    description: 'Files that are not processed yet, or could not be.',
  })
  backlog!: IngestionBacklog;
}

@ObjectType({ simpleResolvers: true, description: 'The usage of a tenant.' })
export class TenantUsage {
  @Field(() => BigIntScalar, { description: 'Total size of its documents in bytes.' })
  documentBytes!: string;

  @Field(() => Int, { description: 'Questions that its bots were asked in the last 30 days.' })
  botQueriesLast30Days!: number;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Numbers of documents, chunks and queries of a bot.',
})
export class BotStats {
  @Field(() => Int, { description: 'Documents, whatever their status.' })
  documents!: number;

  @Field(() => Int, { description: 'Chunks of its documents.' })
  chunks!: number;

  @Field(() => Int, { description: 'Logged queries.' })
  botQueries!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'Mean duration of an answer in milliseconds; null if none was recorded.',
  })
  averageLatencyMs!: number | null;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was last asked; null if never.',
  })
  lastAskedAt!: string | null;
}

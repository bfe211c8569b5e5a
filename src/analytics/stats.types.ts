import { Field, Int, ObjectType } from 'type-graphql';
import { BigIntScalar, DateTimeScalar, Float } from '../graphql/scalars.js';

@ObjectType({ simpleResolvers: true, description: 'How much a tenant has of everything.' })
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
}

@ObjectType({ simpleResolvers: true, description: 'What a tenant has used.' })
export class TenantUsage {
  @Field(() => BigIntScalar, { description: 'Size of all its documents together, in bytes.' })
  documentBytes!: string;

  @Field(() => Int, { description: 'Questions that its bots were asked in the last 30 days.' })
  botQueriesLast30Days!: number;
}

@ObjectType({ simpleResolvers: true, description: 'How much a bot knows, and how it did.' })
export class BotStats {
  @Field(() => Int, { description: 'Documents, whatever their status.' })
  documents!: number;

  @Field(() => Int, { description: 'Chunks of its documents.' })
  chunks!: number;

  @Field(() => Int, { description: 'Logged queries.' })
  botQueries!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'Mean time that an answer took, in milliseconds; null while none was noted.',
  })
  averageLatencyMs!: number | null;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was last asked; null for never.',
  })
  lastAskedAt!: string | null;
}

import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { CONFIRM, DRY_RUN, UNCHANGED_SINCE } from '../graphql/deletion.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { DateTimeScalar, JSONObjectScalar } from '../graphql/scalars.js';
import { Bot } from './bot.entity.js';

export const MAX_NAME_LENGTH = 255;

@InputType({ description: 'A new bot.' })
export class CreateBotInput {
  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant of the bot. The operator must set it; everyone else may only set their own.',
  })
  tenantId?: string | null;

  @Field(() => String, { description: "The bot's name, 1 to 255 characters." })
  name!: string;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description:
      'System prompt, model settings and all other configuration of the bot, at most ' +
      '65,536 bytes; empty if omitted.',
  })
  config?: Record<string, unknown> | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Changes to a bot. Omitted fields stay unchanged.' })
export class UpdateBotInput {
  @Field(() => ID, { description: "The bot's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;

  @Field(() => String, { nullable: true, description: 'A new name, 1 to 255 characters.' })
  name?: string | null;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description: 'A new configuration, which replaces the whole old one, at most 65,536 bytes.',
  })
  config?: Record<string, unknown> | null;
}

@InputType({ description: 'Which bot to delete.' })
export class DeleteBotInput {
  @Field(() => ID, { description: "The bot's id." })
  id!: string;

  @Field(() => String, { nullable: true, description: CONFIRM })
  confirm?: string | null;

  @Field(() => Boolean, { defaultValue: false, description: DRY_RUN })
  dryRun!: boolean;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The bot that was created.' })
export class CreateBotPayload {
  @Field(() => Bot, { description: 'The new bot.' })
  bot!: Bot;
}

@ObjectType({ simpleResolvers: true, description: 'The bot that was changed.' })
export class UpdateBotPayload {
  @Field(() => Bot, { description: 'The bot as it is now.' })
  bot!: Bot;
}

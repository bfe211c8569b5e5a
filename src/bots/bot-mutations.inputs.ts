import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { CONFIRM, DRY_RUN, UNCHANGED_SINCE } from '../graphql/deletion.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { DateTimeScalar } from '../graphql/scalars.js';
import { createInputOf, updateInputOf } from '../graphql/settable-fields.js';
import { Bot } from './bot.entity.js';

@InputType({ description: 'A new bot.' })
export class CreateBotInput extends createInputOf(Bot) {
  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant of the bot. The operator must set it; everyone else may only set their own.',
  })
  tenantId?: string | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Changes to a bot. Omitted fields stay unchanged.' })
export class UpdateBotInput extends updateInputOf(Bot) {
  @Field(() => ID, { description: "The bot's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;
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

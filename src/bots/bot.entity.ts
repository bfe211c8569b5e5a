import type { Opt, Ref } from '@mikro-orm/core';
import {
  Check,
  Entity,
  Index,
  ManyToOne,
  PrimaryKey,
  Property,
  Trigger,
  Unique,
} from '@mikro-orm/decorators/legacy';
import { Field, ID, ObjectType } from 'type-graphql';
import { NameType, TimestampType } from '../db/column-types.js';
import { calendarTimes } from '../db/calendar-times.js';
import { touchTrigger, tenantPolicies } from '../db/row-policies.js';
import { DateTimeFilter, IDFilter, JSONObjectFilter, StringFilter } from '../graphql/filters.js';
import { jsonInput, lineInput } from '../graphql/input-checks.js';
import { languageInput } from '../graphql/language-input.js';
import { Filterable, Sortable } from '../graphql/listed-fields.js';
import { Node } from '../graphql/node.js';
import { DateTimeScalar, JSONObjectScalar } from '../graphql/scalars.js';
import { Settable } from '../graphql/settable-fields.js';
import { Tenant } from '../tenants/tenant.entity.js';

@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: 'A knowledge bot: it answers from its documents.',
})
@Entity({ tableName: 'bots', ...tenantPolicies('tenant_id') })
@Unique({ name: 'bots_of_tenant', properties: ['tenant', 'id'] })
@Index({ name: 'bots_by_creation', properties: ['tenant', 'createdAt', 'id'] })
@Index({
  name: 'bots_in_alphabet',
  expression: 'create index bots_in_alphabet on bots (tenant_id, weaver_sort_key(name), id)',
})
@Check({ name: 'bots_name_not_empty', expression: 'char_length(name::text) >= 1' })
@Check({ name: 'bots_config_is_object', expression: `jsonb_typeof(config_json) = 'object'` })
@Check({ name: 'bots_language_is_code', expression: `language ~ '^[a-z]{2}$'` })
@Check(calendarTimes('bots', 'created_at', 'updated_at'))
@Trigger(touchTrigger('bots'))
@Trigger({
  name: 'bots_count_storage',
  timing: 'before',
  events: ['delete'],
  expression:
    'create trigger bots_count_storage before delete on bots for each row ' +
    'execute function weaver_count_storage_of_bot()',
})
@Trigger({
  name: 'bots_keep_last',
  timing: 'before',
  events: ['delete'],
  expression:
    'create trigger bots_keep_last before delete on bots for each row ' +
    'execute function weaver_keep_last_bot()',
})
@Trigger({
  name: 'bots_words',
  timing: 'after',
  events: ['update'],
  expression:
    'create trigger bots_words after update of language on bots for each row ' +
    'when (old.language is distinct from new.language) ' +
    'execute function weaver_words_of_bot()',
})
export class Bot {
  @Field(() => ID, { description: "The bot's UUID." })
  @Filterable(() => IDFilter, "The bot's id.")
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  @ManyToOne({ entity: () => Tenant, ref: true, deleteRule: 'cascade', index: false })
  tenant!: Ref<Tenant>;

  @Field(() => String, { description: "The bot's name, 1 to 255 characters." })
  @Filterable(() => StringFilter, "The bot's name.")
  @Sortable('Its name.')
  @Settable(() => String, {
    create: "The bot's name, 1 to 255 characters.",
    update: 'A new name, 1 to 255 characters.',
    isRequired: true,
    isAudited: true,
    check: (field, name: string) => lineInput(field, name, 255),
  })
  @Property({ type: NameType, length: 255 })
  name!: string;

  @Field(() => JSONObjectScalar, {
    description: 'System prompt, model settings and all other configuration of the bot.',
  })
  @Filterable(() => JSONObjectFilter, 'How the bot is configured.')
  @Settable(() => JSONObjectScalar, {
    create:
      'System prompt, model settings and all other configuration of the bot, at most ' +
      '65,536 bytes; empty if omitted.',
    update: 'A new configuration, which replaces the whole old one, at most 65,536 bytes.',
    check: jsonInput,
  })
  @Property({
    type: 'json',
    fieldName: 'config_json',
    columnType: 'jsonb',
    defaultRaw: `'{}'::jsonb`,
  })
  config!: Record<string, unknown> & Opt;

  @Field(() => String, {
    nullable: true,
    description: 'The language of its documents that name none, in two letters; null: English.',
  })
  @Filterable(() => StringFilter, 'Its language.')
  @Settable(() => String, {
    create:
      'The language of its documents that name none, in two letters such as `de` (ISO 639-1).',
    update:
      'The language of its documents that name none, in two letters such as `de`; null ' +
      'for none. Their words are read anew.',
    isNullable: true,
    isAudited: true,
    check: languageInput,
  })
  @Property({ type: 'string', length: 2, nullable: true })
  language?: string | null;

  @Field(() => DateTimeScalar, { description: 'When the bot was created.' })
  @Filterable(() => DateTimeFilter, 'When it was created.')
  @Sortable('When it was created.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;

  @Field(() => DateTimeScalar, { description: 'When the bot was last changed.' })
  @Filterable(() => DateTimeFilter, 'When it was last changed.')
  @Sortable('When it was last changed.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  updatedAt!: string & Opt;
}

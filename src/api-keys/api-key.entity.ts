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
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { ApiKeyScope } from '../auth/principal.js';
import { NameType, TextArrayType, TimestampType } from '../db/column-types.js';
import { calendarTimes } from '../db/calendar-times.js';
import { touchTrigger, tenantPolicies } from '../db/row-policies.js';
import {
  BooleanFilter,
  DateTimeFilter,
  IDFilter,
  IntFilter,
  StringFilter,
} from '../graphql/filters.js';
import { intInput, lineInput } from '../graphql/input-checks.js';
import { Filterable, Sortable } from '../graphql/listed-fields.js';
import { Node } from '../graphql/node.js';
import { DateTimeScalar } from '../graphql/scalars.js';
import { Settable } from '../graphql/settable-fields.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { expiryInput, scopesInput } from './key-checks.js';

export const API_KEY_TIMES = [
  'expires_at',
  'last_used_at',
  'previous_expires_at',
  'created_at',
  'updated_at',
] as const;

@InputType({ description: 'Compares what an API key may do.' })
class ApiKeyScopesFilter {
  @Field(() => [ApiKeyScope], { nullable: true, description: 'Has at least all of these.' })
  contains?: ApiKeyScope[] | null;
}

@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description:
    'A key that lets a program act for a tenant. The secret is shown once, when the key ' +
    'is created.',
})
@Entity({ tableName: 'api_keys', ...tenantPolicies('tenant_id') })
@Unique({ name: 'api_keys_of_tenant', properties: ['tenant', 'id'] })
@Unique({ name: 'api_keys_prefix_unique', properties: ['prefix'] })
@Unique({ name: 'api_keys_previous_prefix_unique', properties: ['previousPrefix'] })
@Index({ name: 'api_keys_by_creation', properties: ['tenant', 'createdAt', 'id'] })
@Index({
  name: 'api_keys_in_alphabet',
  expression:
    'create index api_keys_in_alphabet on api_keys (tenant_id, weaver_sort_key(name), id)',
})
@Check({ name: 'api_keys_name_not_empty', expression: 'char_length(name::text) >= 1' })
@Check({ name: 'api_keys_rate_limit_positive', expression: 'rate_limit_rpm >= 1' })
@Check({
  name: 'api_keys_scopes_known',
  expression:
    "scopes <@ array['read'::text, 'write'::text, 'search'::text, 'ask'::text, " +
    "'admin'::text, 'vectors'::text]",
})
@Check({
  name: 'api_keys_scopes_one_list',
  expression: 'coalesce(array_ndims(scopes), 1) = 1',
})
@Check(calendarTimes('api_keys', ...API_KEY_TIMES))
@Trigger({
  name: 'api_keys_keep_previous_secret',
  timing: 'before',
  events: ['update'],
  expression:
    'create trigger api_keys_keep_previous_secret before update on api_keys for each row ' +
    'when (old.key_prefix is not null and old.key_hash <> new.key_hash) ' +
    'execute function weaver_keep_previous_secret()',
})
// A row from before its constraint of times must not keep a key from being withdrawn.
@Trigger({
  name: 'api_keys_keep_times',
  timing: 'before',
  events: ['update'],
  expression:
    'create trigger api_keys_keep_times before update of revoked, key_hash, ' +
    'previous_expires_at on api_keys for each row ' +
    'when (not weaver_is_rfc3339(old.expires_at) ' +
    'or not weaver_is_rfc3339(old.previous_expires_at) ' +
    'or not weaver_is_rfc3339(old.last_used_at) or not weaver_is_rfc3339(old.created_at)) ' +
    'execute function weaver_keep_times_of_key()',
})
// A use is no change.
@Trigger(touchTrigger('api_keys', 'old.last_used_at is not distinct from new.last_used_at'))
export class ApiKey {
  @Field(() => ID, { description: "The key's UUID; not the secret." })
  @Filterable(() => IDFilter, "The key's id.")
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  @ManyToOne({ entity: () => Tenant, ref: true, deleteRule: 'cascade', index: false })
  tenant!: Ref<Tenant>;

  @Field(() => String, { description: 'What the key is for, 1 to 255 characters.' })
  @Filterable(() => StringFilter, 'What the key is for.')
  @Sortable('What it is for.')
  @Settable(() => String, {
    create: 'What the key is for, 1 to 255 characters.',
    isRequired: true,
    check: (field, name: string) => lineInput(field, name, 255),
  })
  @Property({ type: NameType, length: 255 })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'The first characters of the key, which identify it and are not secret; null for a ' +
      'key of an older Weaver that has not been used since.',
  })
  @Filterable(() => StringFilter, 'The first characters of the key.')
  @Property({ type: 'string', length: 32, nullable: true, fieldName: 'key_prefix' })
  prefix?: string | null;

  /**
   * SHA-256 of the whole key in hexadecimal, or the Argon2id hash of an older Weaver. Never shown.
   */
  @Property({ type: 'string', length: 255, hidden: true, lazy: true })
  keyHash!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'The first characters of the secret from before the last rotation, which works ' +
      'until `previousExpiresAt`; null if there is none.',
  })
  @Property({ type: 'string', length: 32, nullable: true, lazy: true })
  previousPrefix?: string | null;

  /** Of that secret, as `keyHash` is. Never shown. */
  @Property({ type: 'string', length: 255, nullable: true, hidden: true, lazy: true })
  previousHash?: string | null;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the secret from before the last rotation expires; null if there is none.',
  })
  @Property({ type: TimestampType, nullable: true })
  previousExpiresAt?: string | null;

  @Field(() => [ApiKeyScope], { description: 'What the key may do.' })
  @Filterable(() => ApiKeyScopesFilter, 'What it may do.')
  @Settable(() => [ApiKeyScope], {
    create: 'What the key may do, at least one scope. A caller can grant only what they have.',
    isRequired: true,
    check: scopesInput,
  })
  @Property({ type: TextArrayType, columnType: 'text[]', defaultRaw: `'{read,search}'::text[]` })
  scopes!: ApiKeyScope[] & Opt;

  @Field(() => Int, { description: 'The maximum number of requests a minute with this key.' })
  @Filterable(() => IntFilter, 'The maximum number of requests a minute.')
  @Settable(() => Int, {
    create:
      'The maximum number of requests a minute, 1 to 1,000,000; 60 if omitted. A key ' +
      'cannot create a key with a higher limit than its own.',
    check: (field, limit: number) => intInput(field, limit, 1, 1_000_000),
  })
  @Property({ type: 'integer', default: 60 })
  rateLimitRpm!: number & Opt;

  @Field(() => Boolean, {
    description: 'Whether the key was revoked. A revoked key is refused.',
  })
  @Filterable(() => BooleanFilter, 'Whether it was revoked.')
  @Property({ type: 'boolean', default: false })
  revoked!: boolean & Opt;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the key expires; null for never.',
  })
  @Filterable(() => DateTimeFilter, 'When it expires.')
  @Sortable('When it expires.')
  @Settable(() => DateTimeScalar, {
    create:
      'When the key expires; never if omitted. A key cannot create a key that expires ' +
      'later than itself.',
    isNullable: true,
    check: expiryInput,
  })
  @Property({ type: TimestampType, nullable: true })
  expiresAt?: string | null;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When the key was last used, accurate to about a minute; null if it was never used.',
  })
  @Filterable(() => DateTimeFilter, 'When it was last used.')
  @Sortable('When it was last used.')
  @Property({ type: TimestampType, nullable: true })
  lastUsedAt?: string | null;

  @Field(() => DateTimeScalar, { description: 'When the key was created.' })
  @Filterable(() => DateTimeFilter, 'When it was created.')
  @Sortable('When it was created.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;

  @Field(() => DateTimeScalar, { description: 'When the key was last changed.' })
  @Filterable(() => DateTimeFilter, 'When it was last changed.')
  @Sortable('When it was last changed.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  updatedAt!: string & Opt;
}

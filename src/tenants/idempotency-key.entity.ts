import type { Opt, Ref } from '@mikro-orm/core';
import {
  Check,
  Entity,
  Index,
  ManyToOne,
  PrimaryKey,
  Property,
} from '@mikro-orm/decorators/legacy';
import { TimestampType } from '../db/column-types.js';
import { calendarTimes } from '../db/calendar-times.js';
import { tenantPolicies } from '../db/row-policies.js';
import { Tenant } from './tenant.entity.js';

/**
 * The outcome of a call with an idempotency key, stored for a day. It is not in the schema;
 * `writes/idempotency.ts` reads and writes it.
 */
@Entity({ tableName: 'idempotency_keys', ...tenantPolicies('tenant_id') })
@Index({
  name: 'idempotency_keys_of_caller',
  expression:
    'create unique index idempotency_keys_of_caller on idempotency_keys (tenant_id, ' +
    'principal, mutation, key) nulls not distinct',
})
@Index({ name: 'idempotency_keys_by_age', properties: ['tenant', 'createdAt'] })
@Check(calendarTimes('idempotency_keys', 'created_at'))
export class IdempotencyKey {
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  /** Null for the operator's calls. */
  @ManyToOne({
    entity: () => Tenant,
    ref: true,
    nullable: true,
    hidden: true,
    deleteRule: 'cascade',
    index: false,
  })
  tenant?: Ref<Tenant> | null;

  @Property({ type: 'string', length: 64 })
  principal!: string;

  @Property({ type: 'string', length: 64 })
  mutation!: string;

  @Property({ type: 'string', length: 255 })
  key!: string;

  /** SHA-256 of the rest of the input. */
  @Property({ type: 'string', length: 64 })
  inputDigest!: string;

  /** Null only inside the transaction that works on it. */
  @Property({ type: 'json', columnType: 'jsonb', nullable: true })
  outcome?: object | null;

  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;
}

import type { Opt, Ref } from '@mikro-orm/core';
import {
  Check,
  Entity,
  ManyToOne,
  PrimaryKey,
  Property,
  Unique,
} from '@mikro-orm/decorators/legacy';
import { tenantPolicies } from '../db/row-policies.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { Upload } from './upload.entity.js';

/**
 * Bytes of a file: part `n` begins at byte `n * PART_BYTES`. `stored-parts.ts` writes them. A part
 * may hold more than the upload says it has received: that was not confirmed, and is overwritten.
 */
@Entity({ tableName: 'upload_parts', ...tenantPolicies('tenant_id') })
@Unique({ name: 'upload_parts_of_upload', properties: ['tenant', 'upload', 'partNo'] })
@Check({ name: 'upload_parts_number_not_negative', expression: 'part_no >= 0' })
@Check({ name: 'upload_parts_size', expression: 'octet_length(bytes) <= 1048576' })
export class UploadPart {
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  @ManyToOne({
    entity: () => Tenant,
    ref: true,
    hidden: true,
    index: false,
    createForeignKeyConstraint: false,
  })
  tenant!: Ref<Tenant>;

  @ManyToOne({
    entity: () => Upload,
    ref: true,
    hidden: true,
    joinColumns: ['tenant_id', 'upload_id'],
    referencedColumnNames: ['tenant_id', 'id'],
    deleteRule: 'cascade',
    index: false,
    foreignKeyName: 'upload_parts_upload_fk',
  })
  upload!: Ref<Upload>;

  @Property({ type: 'integer' })
  partNo!: number;

  @Property({ type: 'blob', columnType: 'bytea', lazy: true })
  bytes!: Uint8Array;
}

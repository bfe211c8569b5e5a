import type { EntityMetadata } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../auth/caller.js';
import { AppError } from '../base/app-error.js';
import { ReadModel, type EntityClass, type RowKey } from '../db/read-model.js';
import { runInWrite } from '../db/run-in-write.js';
import { notFound } from '../graphql/input-checks.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import { uuidInput } from '../graphql/uuid-input.js';

/** Which row a verb changes, as its input names it. */
export interface RowInput {
  readonly id: string;
  /**
   * The caller's last knowledge of it, where they want to be sure that nobody has changed it since.
   */
  readonly updatedAt?: string | null;
}

export interface LockOptions {
  /** What more of the row is wanted: property names. */
  readonly properties?: readonly string[];
  /** Whether the row is to be deleted, so that nobody may refer to it any more. */
  readonly forDelete?: boolean;
  /** The input that names the row, unless that is `input.id`. */
  readonly field?: string;
}

export type LockedRow<P extends object = object> = P & RowKey;

/**
 * The row that a verb is about to change, locked until its transaction ends. `NOT_FOUND` where
 * there is none for the caller, by one and the same statement for a row of someone else's and for
 * none at all; `CONFLICT` where it was changed after `updatedAt`.
 */
export async function lockRow<P extends object = object>(
  em: SqlEntityManager,
  { tenantId: callerTenantId }: Pick<Caller, 'tenantId'>,
  entity: EntityClass,
  { id: inputId, updatedAt }: RowInput,
  { properties = [], forDelete = false, field = 'input.id' }: LockOptions = {},
): Promise<LockedRow<P>> {
  const id = uuidInput(field, inputId);
  // Made anew from the entity's metadata, in a few microseconds.
  const model = new ReadModel(em.getMetadata(entity) as EntityMetadata);
  const columns = model.select(new Set(['id', 'tenantId', ...properties]), 't');
  const parameters = new SqlParameters<string>();
  const isAsKnown =
    updatedAt == null ? 'true' : `t.updated_at = ${parameters.add(updatedAt, 'timestamptz')}`;
  const conditions = [`t.id = ${parameters.add(id, 'uuid')}`];
  if (callerTenantId !== undefined)
    conditions.push(`t.${model.tenantColumn} = ${parameters.add(callerTenantId, 'uuid')}`);
  const [row] = await runInWrite<LockedRow<P> & { isAsKnown: boolean }>(
    em,
    `select ${columns}, ${isAsKnown} as "isAsKnown"
       from ${model.table} t
      where ${conditions.join(' and ')}
        for ${forDelete ? '' : 'no key '}update`,
    parameters.values,
  );
  const typeName = entity.name.replace(/(?<!^)[A-Z]/g, ' $&').toLowerCase();
  if (!row) throw notFound(typeName, id, field);
  if (!row.isAsKnown)
    throw new AppError(
      'CONFLICT',
      `This ${typeName} was changed since input.updatedAt. Read it again, then decide.`,
      { field: 'input.updatedAt' },
    );
  return row;
}

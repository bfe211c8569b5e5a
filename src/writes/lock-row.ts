import type { EntityMetadata } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../auth/caller.js';
import { AppError } from '../base/app-error.js';
import { ReadModel, type EntityClass, type RowKey } from '../db/read-model.js';
import { runInWrite } from '../db/run-in-write.js';
import { notFound } from '../graphql/input-checks.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import { uuidInput } from '../graphql/uuid-input.js';

/** The row that a verb changes, as the input names it. */
export interface RowInput {
  readonly id: string;
  /**
   * The `updatedAt` that the caller has read, if the change requires that nobody has changed the
   * row since.
   */
  readonly updatedAt?: string | null;
}

export interface LockOptions {
  /** Further properties of the row to return. */
  readonly properties?: readonly string[];
  /** Whether the row will be deleted. Then new references to it must wait. */
  readonly forDelete?: boolean;
  /** The input that names the row; `input.id` by default. */
  readonly field?: string;
  /**
   * The row's `updatedAt` when the call began, if it has prepared its change from what the row was
   * then: what the caller gives goes before it.
   */
  readonly begunAt?: string;
}

export type LockedRow<P extends object = object> = P & RowKey;

/**
 * The row that a verb will change, locked until the transaction ends. Throws `NOT_FOUND` if the
 * caller has no such row; the same statement runs for a row of another tenant and for one that
 * does not exist. Throws `CONFLICT` if the row was changed after `updatedAt`, or where that is not
 * given after `begunAt`.
 */
export async function lockRow<P extends object = object>(
  em: SqlEntityManager,
  { tenantId: callerTenantId }: Pick<Caller, 'tenantId'>,
  entity: EntityClass,
  { id: inputId, updatedAt }: RowInput,
  { properties = [], forDelete = false, field = 'input.id', begunAt }: LockOptions = {},
): Promise<LockedRow<P>> {
  const id = uuidInput(field, inputId);
  // Created for each call from the entity's metadata, in a few microseconds.
  const model = new ReadModel(em.getMetadata(entity) as EntityMetadata);
  const columns = model.select(new Set(['id', 'tenantId', ...properties]), 't');
  const parameters = new SqlParameters<string>();
  const knownSince = updatedAt ?? begunAt;
  const isAsKnown =
    knownSince === undefined
      ? 'true'
      : `t.updated_at = ${parameters.add(knownSince, 'timestamptz')}`;
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
  if (row.isAsKnown) return row;
  if (updatedAt == null)
    throw new AppError(
      'CONFLICT',
      `Another call changed this ${typeName} while this one was at work. Nothing was changed by ` +
        'this one. Read it again, then decide.',
      { field },
    );
  throw new AppError(
    'CONFLICT',
    `This ${typeName} was changed since input.updatedAt. Read it again, then decide.`,
    { field: 'input.updatedAt' },
  );
}

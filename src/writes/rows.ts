import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import type { ColumnName } from '../db/column-types.js';
import type { EntityClass, RowKey } from '../db/read-model.js';
import { runInWrite, type WriteParameter } from '../db/run-in-write.js';

/** Values of a row by the names of the entity's properties; one that is undefined is left out. */
export type RowValues<T> = { readonly [K in ColumnName<T>]?: unknown };

/**
 * The id and the time of a new row. A program that imports rows states them. Clients cannot: of the
 * schema's inputs, none has a time, and an id is only in `CreateUserInput`.
 */
export function idAndTimeOf({
  id,
  createdAt,
}: {
  readonly id?: string | null;
  readonly createdAt?: string | null;
}): { readonly id: string; readonly createdAt: string | undefined } {
  return { id: id ?? v7(), createdAt: createdAt ?? undefined };
}

/**
 * Inserts a row; the database fills omitted columns. Columns and their types are those of the
 * entity, so JSON can be given as a value. A value that is too long for its column is refused,
 * where a cast would truncate it.
 */
export async function insertRow<T extends object>(
  em: SqlEntityManager,
  entity: EntityClass<T>,
  values: RowValues<T>,
): Promise<void> {
  const meta = em.getMetadata(entity) as EntityMetadata;
  const cells = cellsOf(meta, values);
  const columns = cells.map(({ column }) => column).join(', ');
  const placeholders = cells.map((_, index) => `$${index + 1}`).join(', ');
  await runInWrite(
    em,
    `insert into ${meta.tableName} (${columns}) values (${placeholders})`,
    cells.map(({ value }) => value),
  );
}

/** Changes a row of a tenant. Without a change no statement is sent. */
export async function updateRow<T extends object>(
  em: SqlEntityManager,
  entity: EntityClass<T>,
  key: RowKey,
  changes: RowValues<T>,
): Promise<void> {
  const meta = em.getMetadata(entity) as EntityMetadata;
  const cells = cellsOf(meta, changes);
  if (cells.length === 0) return;
  const settings = cells.map(({ column }, index) => `${column} = $${index + 3}`).join(', ');
  await runInWrite(em, `update ${meta.tableName} set ${settings} where ${rowCondition(meta)}`, [
    key.tenantId,
    key.id,
    ...cells.map(({ value }) => value),
  ]);
}

/** Deletes a row of a tenant, and the rows that the database deletes with it. */
export async function deleteRow(
  em: SqlEntityManager,
  entity: EntityClass,
  key: RowKey,
): Promise<void> {
  const meta = em.getMetadata(entity) as EntityMetadata;
  await runInWrite(em, `delete from ${meta.tableName} where ${rowCondition(meta)}`, [
    key.tenantId,
    key.id,
  ]);
}

/** The condition for one row. It always contains the tenant, which for a tenant is its own id. */
function rowCondition(meta: EntityMetadata): string {
  const hasTenant = 'tenantId' in meta.properties || 'tenant' in meta.properties;
  return `${hasTenant ? 'tenant_id' : 'id'} = $1::uuid and id = $2::uuid`;
}

interface Cell {
  readonly column: string;
  readonly value: WriteParameter;
}

function cellsOf(meta: EntityMetadata, values: Readonly<Record<string, unknown>>): Cell[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const { fieldNames, columnTypes } = propertyOf(meta, name);
      const isJson = value !== null && columnTypes[0] === 'jsonb';
      return {
        // The last column of a relation is its own; the others also belong to other relations.
        column: fieldNames.at(-1)!,
        value: (isJson ? JSON.stringify(value) : value) as WriteParameter,
      };
    });
}

function propertyOf(meta: EntityMetadata, name: string): EntityProperty {
  const properties = meta.properties as Record<string, EntityProperty>;
  const property = properties[name] ?? properties[name.replace(/Id$/, '')];
  if (!property) throw new Error(`${meta.className} has no property ${name}.`);
  return property;
}

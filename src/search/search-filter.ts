import type { DocumentStatus } from '../documents/document.entity.js';
import { stringListSql, stringSql } from '../graphql/filter-sql.js';
import type { StringFilter, StringListFilter } from '../graphql/filters.js';
import type { SqlParameters } from '../graphql/sql-parameters.js';
import { metadataSql, rangeSql } from './metadata-conditions.js';
import type { MetadataCondition, Range } from './search.inputs.js';

/** Which chunks a search looks at: checked, and the same for every mode and path. */
export interface SearchFilter {
  readonly tenantId: string;
  readonly botId?: string | undefined;
  readonly documentIds?: readonly string[] | undefined;
  readonly documentStatuses?: readonly DocumentStatus[] | undefined;
  /** Asks something, as `documentTags` does. */
  readonly documentFilename?: StringFilter | undefined;
  readonly documentTags?: StringListFilter | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
  readonly metadataConditions?: readonly MetadataCondition[] | undefined;
  readonly createdAt?: Range<string> | undefined;
  /** A chunk that is not to be found: the one that others are compared with. */
  readonly exceptId?: string | undefined;
}

/**
 * Whether anything but the tenant narrows the scope: what is true of a tenant's chunks as a whole
 * need not be true of these.
 */
export function isFiltered({
  tenantId: _tenant,
  exceptId: _one,
  ...filters
}: SearchFilter): boolean {
  return Object.values(filters).some(condition => condition !== undefined);
}

/** Whether the index `doc_chunks_codes` has all columns of the conditions, so no row is read. */
export function isInCodesIndex({
  botId: _bot,
  documentIds: _documents,
  ...others
}: SearchFilter): boolean {
  return !isFiltered(others);
}

/**
 * The chunks of a scope, as conditions on `doc_chunks t`. Every way to search filters by these,
 * before it ranks anything. The tenant is always among them, whatever row-level security does
 * besides; `tenant` is its place among the parameters.
 */
export function searchFilterSql(
  filter: SearchFilter,
  tenant: string,
  parameters: SqlParameters,
): string {
  return [
    `t.tenant_id = ${tenant}`,
    ...filterConditions(filter, tenant, parameters).map(condition => condition.sql),
  ].join(' and ');
}

/** A filter by the input's field that asks for it. */
export interface FilterCondition {
  readonly field: string;
  readonly sql: string;
}

export function filterConditions(
  filter: SearchFilter,
  tenant: string,
  parameters: SqlParameters,
): FilterCondition[] {
  const filters: FilterCondition[] = [];
  const add = (field: string, sql: string): number => filters.push({ field, sql });
  const {
    botId,
    documentIds,
    documentStatuses,
    documentFilename,
    documentTags,
    metadata,
    metadataConditions = [],
    createdAt,
    exceptId,
  } = filter;
  if (botId !== undefined) add('botId', `t.bot_id = ${parameters.add(botId, 'uuid')}`);
  if (documentIds !== undefined)
    add('documentIds', `t.doc_id = any(${parameters.add(documentIds, 'uuid[]')})`);
  if (documentStatuses !== undefined) {
    add(
      'documentStatuses',
      `t.doc_id in (select d.id from docs d where d.tenant_id = ${tenant} and d.status = ` +
        `any(${parameters.add(documentStatuses, 'text[]')}))`,
    );
  }
  if (documentFilename !== undefined) {
    const condition = stringSql(
      documentFilename,
      'd.filename',
      ['input', 'documentFilename'],
      parameters,
    );
    add(
      'documentFilename',
      `t.doc_id in (select d.id from docs d where d.tenant_id = ${tenant} and ${condition})`,
    );
  }
  if (documentTags !== undefined) {
    const conditions = stringListSql(documentTags, 'd.tags', parameters).join(' and ');
    add(
      'documentTags',
      `t.doc_id in (select d.id from docs d where d.tenant_id = ${tenant} and ${conditions})`,
    );
  }
  if (metadata !== undefined)
    add('metadata', `t.chunk_metadata @> ${parameters.add(JSON.stringify(metadata), 'jsonb')}`);
  for (const [index, condition] of metadataConditions.entries())
    add(`metadataConditions[${index}]`, metadataSql(condition, parameters));
  if (createdAt !== undefined)
    add(
      'createdAt',
      rangeSql('t.created_at', createdAt, instant => parameters.add(instant, 'timestamptz')),
    );
  if (exceptId !== undefined) add('id', `t.id <> ${parameters.add(exceptId, 'uuid')}`);
  return filters;
}

import { AppError, badInput } from '../base/app-error.js';
import { checkList, stringSql } from '../graphql/filter-sql.js';
import type { StringFilter, StringListFilter } from '../graphql/filters.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { checkMetadataConditions } from './metadata-conditions.js';
import type { SearchFilter } from './search-filter.js';
import type { SearchChunksInput } from './search.inputs.js';

const MAX_DOCUMENT_IDS = 100;

/**
 * The input's scope. `tenantId` is the searcher's; undefined: an operator, who must name one.
 * Throws as `checkSearch` does.
 */
export function checkSearchFilter(
  input: SearchChunksInput,
  tenantId: string | undefined,
): SearchFilter {
  const { documentIds, documentStatuses, documentFilename, documentTags } = input;
  const { metadata, metadataConditions, createdAt } = input;
  return {
    tenantId: checkTenant(input.tenantId, tenantId),
    botId: input.botId == null ? undefined : uuidInput('input.botId', input.botId),
    documentIds: documentIds == null ? undefined : checkDocumentIds(documentIds),
    documentStatuses: documentStatuses == null ? undefined : [...new Set(documentStatuses)],
    documentFilename:
      documentFilename == null ? undefined : checkDocumentFilename(documentFilename),
    documentTags: documentTags == null ? undefined : checkDocumentTags(documentTags),
    // Every object contains the empty one.
    metadata: metadata == null || Object.keys(metadata).length === 0 ? undefined : metadata,
    metadataConditions:
      metadataConditions == null || metadataConditions.length === 0
        ? undefined
        : checkMetadataConditions(metadataConditions),
    createdAt: createdAt ?? undefined,
  };
}

function checkTenant(input: string | null | undefined, callerTenantId: string | undefined): string {
  const inputTenantId = input == null ? callerTenantId : uuidInput('input.tenantId', input);
  if (inputTenantId === undefined)
    throw badInput(
      'input.tenantId',
      'input.tenantId must name the tenant to search, because the operator belongs to none.',
    );
  if (callerTenantId !== undefined && inputTenantId !== callerTenantId)
    throw tenantNotFound(inputTenantId);
  return inputTenantId;
}

/** The same answer for a tenant that is not the caller's and one that does not exist. */
export function tenantNotFound(id: string): AppError {
  return new AppError('NOT_FOUND', `Tenant ${id} was not found.`, {
    field: 'input.tenantId',
  });
}

/** Undefined where it asks nothing. */
function checkDocumentFilename(filter: StringFilter): StringFilter | undefined {
  const field = ['input', 'documentFilename'] as const;
  const sql = stringSql(filter, 'filename', field, new SqlParameters());
  return sql === 'true' ? undefined : filter;
}

/** Undefined where it asks nothing. */
function checkDocumentTags({
  hasAny,
  hasAll,
  isEmpty,
}: StringListFilter): StringListFilter | undefined {
  if (hasAny != null) checkList('input.documentTags.hasAny', hasAny);
  if (hasAll != null) checkList('input.documentTags.hasAll', hasAll);
  if (hasAny == null && hasAll == null && isEmpty == null) return undefined;
  return {
    hasAny: hasAny ?? undefined,
    hasAll: hasAll ?? undefined,
    isEmpty: isEmpty ?? undefined,
  };
}

function checkDocumentIds(ids: readonly string[]): string[] {
  const field = 'input.documentIds';
  if (ids.length > MAX_DOCUMENT_IDS)
    throw badInput(field, `${field} has ${ids.length} items; the limit is ${MAX_DOCUMENT_IDS}.`);
  return ids.map((id, index) => uuidInput(`${field}[${index}]`, id));
}

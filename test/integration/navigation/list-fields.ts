/** A list field of the schema: where it stands, and how its rows are found behind the walls. */
export interface ListField {
  /** Its schema coordinate. */
  readonly coordinate: string;
  /** The enum of what it can be ordered by. */
  readonly orderField: string;
  readonly table: string;
  /**
   * The column that holds the id of the parent, or of the caller's tenant; undefined where the
   * operator sees all rows.
   */
  readonly parentColumn: string | undefined;
}

/**
 * Every field of the schema that answers a connection. A test compares this list with the schema.
 */
export const LIST_FIELDS: readonly ListField[] = [
  {
    coordinate: 'Query.tenants',
    orderField: 'TenantOrderField',
    table: 'tenants',
    parentColumn: undefined,
  },
  {
    coordinate: 'Query.bots',
    orderField: 'BotOrderField',
    table: 'bots',
    parentColumn: 'tenant_id',
  },
  {
    coordinate: 'Query.documents',
    orderField: 'DocumentOrderField',
    table: 'docs',
    parentColumn: 'tenant_id',
  },
  {
    coordinate: 'Query.botQueries',
    orderField: 'BotQueryOrderField',
    table: 'bot_queries',
    parentColumn: 'tenant_id',
  },
  {
    coordinate: 'Tenant.users',
    orderField: 'UserOrderField',
    table: 'profiles',
    parentColumn: 'tenant_id',
  },
  {
    coordinate: 'Tenant.apiKeys',
    orderField: 'ApiKeyOrderField',
    table: 'api_keys',
    parentColumn: 'tenant_id',
  },
  {
    coordinate: 'Tenant.bots',
    orderField: 'BotOrderField',
    table: 'bots',
    parentColumn: 'tenant_id',
  },
  {
    coordinate: 'Tenant.documents',
    orderField: 'DocumentOrderField',
    table: 'docs',
    parentColumn: 'tenant_id',
  },
  {
    coordinate: 'Tenant.botQueries',
    orderField: 'BotQueryOrderField',
    table: 'bot_queries',
    parentColumn: 'tenant_id',
  },
  {
    coordinate: 'Tenant.ingestions',
    orderField: 'IngestionOrderField',
    table: 'ingestions',
    parentColumn: 'tenant_id',
  },
  {
    coordinate: 'Document.ingestions',
    orderField: 'IngestionOrderField',
    table: 'ingestions',
    parentColumn: 'doc_id',
  },
  {
    coordinate: 'Tenant.uploads',
    orderField: 'UploadOrderField',
    table: 'uploads',
    parentColumn: 'tenant_id',
  },
  {
    coordinate: 'Bot.documents',
    orderField: 'DocumentOrderField',
    table: 'docs',
    parentColumn: 'bot_id',
  },
  {
    coordinate: 'Bot.botQueries',
    orderField: 'BotQueryOrderField',
    table: 'bot_queries',
    parentColumn: 'bot_id',
  },
  {
    coordinate: 'ApiKey.botQueries',
    orderField: 'BotQueryOrderField',
    table: 'bot_queries',
    parentColumn: 'api_key_id',
  },
  {
    coordinate: 'Document.chunks',
    orderField: 'DocumentChunkOrderField',
    table: 'doc_chunks',
    parentColumn: 'doc_id',
  },
];

/**
 * A query for the list under several aliases, each with its own arguments. A parent is named by the
 * variable `$parent`.
 */
export function listQuery(
  { coordinate }: ListField,
  argumentsOf: Record<string, string>,
  selection: string,
): string {
  const [parent, field] = coordinate.split('.') as [string, string];
  const lists = Object.entries(argumentsOf).map(
    ([alias, args]) => `${alias}: ${field}${args && `(${args})`} { ${selection} }`,
  );
  return parent === 'Query'
    ? `{ ${lists.join(' ')} }`
    : `query ($parent: ID!) { node(id: $parent) { ... on ${parent} { ${lists.join(' ')} } } }`;
}

/** The lists in the answer to `listQuery`, by alias. */
export function listsIn<T = any>({ coordinate }: ListField, data: any): Record<string, T> {
  return coordinate.startsWith('Query.') ? data : data.node;
}

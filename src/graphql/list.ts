// Longer than 300 lines: one statement, from the arguments of a field to the pages of its parents.
import type { FieldNode, GraphQLResolveInfo } from 'graphql';
import { AppError } from '../base/app-error.js';
import type { EntityClass, ReadModel } from '../db/read-model.js';
import { statement, type Row } from '../db/statement.js';
import type { Connection } from './connection.js';
import type { RequestContext } from './context.js';
import { filterSql } from './filter-sql.js';
import type { ListArgs } from './listed-fields.js';
import { defineLoader } from './loader.js';
import { Order, type OrderBy } from './order.js';
import { pageOf, toConnection, type Page } from './page.js';
import { connectionSelectionOf, type ConnectionSelection } from './selection.js';
import { SqlParameters, forGenericPlan } from './sql-parameters.js';

/** The object whose children are listed, as its row has it. */
export interface Parent {
  readonly id: string;
  readonly tenantId: string;
}

export interface ListDefinition<T extends object> {
  /** Names the statement, and tells this list's cursors from others'. */
  readonly name: string;
  readonly entity: EntityClass<T>;
  /**
   * The children's property that holds the parent's id; without it, the list is a tenant's (or, for
   * the operator, everyone's).
   */
  readonly parentId?: string;
  readonly defaultOrder: readonly OrderBy[];
}

export interface List<T extends object> {
  /** The page that a list field asks for, of all rows that the caller may see. */
  page(context: RequestContext, info: GraphQLResolveInfo, args: ListArgs): Promise<Connection<T>>;
  /** The page of each of these parents. */
  pages(
    context: RequestContext,
    info: GraphQLResolveInfo,
    args: ListArgs,
    parents: readonly Parent[],
  ): Promise<Connection<T>[]>;
}

/** A list field's arguments, checked once, for however many parents. */
interface BatchRequest {
  readonly page: Page;
  readonly order: Order;
  readonly filter: object | undefined;
  readonly selection: ConnectionSelection;
}

/** The parents of one level that ask for a list. */
interface Batch {
  readonly request: BatchRequest;
  readonly parents: readonly (Parent | undefined)[];
}

/**
 * Places of one operation that ask for the same list, at most. Each is a branch of a statement with
 * parameters of its own: planning time grows with their square, and beyond 65,535 parameters
 * PostgreSQL drops the connection.
 */
const MAX_LISTS = 100;

/**
 * Rows of a batch say by `_group` which field they answer (its place in the batch) and by `_nth`
 * which of that field's parents.
 */
const BATCH_COLUMN = '_group';
const PARENT_COLUMN = '_nth';

/**
 * Declares a list whose pages are loaded for all parents of a level in one statement, with the
 * counts in a second where `totalCount` is asked. Fields with other arguments, such as a second
 * alias, join the same statement as a branch of a `union all`. Rows are told apart by the number of
 * the request, not by the parent: one parent may be asked twice.
 */
export function defineList<T extends object>(definition: ListDefinition<T>): List<T> {
  const rowsOf = defineLoader<Batch, Row[][]>((batches, context) =>
    loadRows(definition, batches, context),
  );
  const countsOf = defineLoader<Batch, number[]>((batches, context) =>
    loadCounts(definition, batches, context),
  );
  const pages = async (
    context: RequestContext,
    info: GraphQLResolveInfo,
    args: ListArgs,
    parents: Batch['parents'],
  ): Promise<Connection<T>[]> => {
    countOccurrence(context, definition, info);
    const request = toBatchRequest(definition, context, info, args);
    const { page, order, selection } = request;
    const batch = { request, parents };
    const [rows, counts] = await Promise.all([
      readsRows(request) ? rowsOf(context).load(batch) : undefined,
      selection.totalCount ? countsOf(context).load(batch) : undefined,
    ]);
    return parents.map((_, index) => {
      const rowsOfParent = (rows?.[index] ?? []) as T[];
      return toConnection(rowsOfParent, page, definition.name, order, selection, counts?.[index]);
    });
  };
  return {
    pages,
    page: async (context, info, args) => (await pages(context, info, args, [undefined]))[0]!,
  };
}

/** Counts a field of the operation that requests a list. Throws if there are too many. */
function countOccurrence(
  context: RequestContext,
  definition: ListDefinition<object>,
  info: GraphQLResolveInfo,
): void {
  let occurrences = context.lists.get(definition) as Set<readonly FieldNode[]> | undefined;
  if (!occurrences) context.lists.set(definition, (occurrences = new Set()));
  if (occurrences.size === MAX_LISTS && !occurrences.has(info.fieldNodes)) throw tooManyLists(info);
  occurrences.add(info.fieldNodes);
}

/** An empty page has no rows: one is looked for where it matters whether there is any. */
function readsRows({ page, selection }: BatchRequest): boolean {
  if (page.size > 0) return selection.rows;
  return page.backward ? selection.hasMore.backward : selection.hasMore.forward;
}

function tooManyLists({ parentType, fieldName }: GraphQLResolveInfo): AppError {
  const field = `${parentType.name}.${fieldName}`;
  return new AppError(
    'QUERY_TOO_COMPLEX',
    `The operation selects ${field} more than ${MAX_LISTS} times.`,
    { field },
  );
}

function toBatchRequest<T extends object>(
  definition: ListDefinition<T>,
  context: RequestContext,
  info: GraphQLResolveInfo,
  args: ListArgs,
): BatchRequest {
  const model = context.models.of(definition.entity);
  const order = Order.of(model, args.orderBy?.length ? args.orderBy : definition.defaultOrder);
  const page = pageOf(args, definition.name, order);
  // Checks the filter now, so that a mistake is reported even when only a field of an empty list is
  // asked.
  if (args.filter) filterSql(args.filter as never, model, 't', new SqlParameters());
  return {
    page,
    order,
    filter: args.filter ?? undefined,
    selection: connectionSelectionOf(info, context.models),
  };
}

async function loadRows(
  definition: ListDefinition<object>,
  batches: readonly Batch[],
  context: RequestContext,
): Promise<Row[][][]> {
  const model = context.models.of(definition.entity);
  const properties = new Set<string>();
  for (const { request } of batches) {
    for (const property of request.selection.properties) properties.add(property);
    if (request.selection.cursors)
      for (const property of request.order.properties) properties.add(property);
  }
  const select = model.select(properties, 't');
  const severalParents = batches.length > 1 || batches[0]!.parents.length > 1;
  const parameters = new SqlParameters();
  const branches = batches.map(({ request, parents }, batch) => {
    const { from, conditions } = parentsSql(definition, model, parents, context, parameters);
    const order = request.page.backward ? request.order.reversed() : request.order;
    const [after, before] = request.page.backward
      ? [request.page.before, request.page.after]
      : [request.page.after, request.page.before];
    if (request.filter) conditions.push(filterSql(request.filter as never, model, 't', parameters));
    if (after) conditions.push(order.afterSql(after, 't', parameters));
    if (before) conditions.push(order.reversed().afterSql(before, 't', parameters));
    // Behind a select the planner cannot see how many rows are wanted, and expects a small part of
    // them: it reads the first in order from an index, where it would sort all of a parent whose
    // children are more than of others. And one plan serves for pages of any size.
    const size = forGenericPlan(parameters.add(request.page.size + 1, 'int'));
    const rows =
      `select ${select} from ${model.table} t ${where(conditions)} ` +
      `order by ${order.sql('t')} limit ${size}`;
    // One field alone, or one parent, need no column that says so.
    const columns = [
      batches.length > 1 && `${batch} as "${BATCH_COLUMN}"`,
      severalParents && `${from ? 'p.n::int' : '1'} as "${PARENT_COLUMN}"`,
      'r.*',
    ]
      .filter(Boolean)
      .join(', ');
    return `select ${columns} from ${from ? `${from} cross join lateral ` : ''}(${rows}) r`;
  });
  const { remaining } = context.rows;
  const text = `${branches.join(' union all ')} limit ${parameters.add(remaining + 1, 'int')}`;
  const maxRows = batches.reduce(
    (sum, { request, parents }) => sum + parents.length * (request.page.size + 1),
    0,
  );
  const rows = await context.reads.query(
    statement(definition.name, text),
    parameters.values,
    Math.min(maxRows, remaining + 1),
  );
  context.rows.add(rows.length);
  return groupByParent(
    batches,
    rows,
    (pages, parentIndex, row) => pages[parentIndex]!.push(row),
    (): Row[] => [],
  );
}

async function loadCounts(
  definition: ListDefinition<object>,
  batches: readonly Batch[],
  context: RequestContext,
): Promise<number[][]> {
  const model = context.models.of(definition.entity);
  const parameters = new SqlParameters();
  const branches = batches.map(({ request, parents }, batch) => {
    const { from, conditions } = parentsSql(definition, model, parents, context, parameters);
    if (request.filter) conditions.push(filterSql(request.filter as never, model, 't', parameters));
    const count = `select count(*)::int from ${model.table} t ${where(conditions)}`;
    return (
      `select ${batch} as "${BATCH_COLUMN}", ${from ? 'p.n::int' : '1'} as ` +
      `"${PARENT_COLUMN}", (${count}) ` +
      `as count${from ? ` from ${from}` : ''}`
    );
  });
  const rows = await context.reads.query<Row>(
    statement(`${definition.name}Count`, branches.join(' union all ')),
    parameters.values,
  );
  return groupByParent(
    batches,
    rows,
    (counts, parentIndex, row) => (counts[parentIndex] = row.count as number),
    () => 0,
  );
}

/**
 * Whose rows a branch lists: conditions on the table `t`, and for several parents the set `p` to
 * join it to. The tenant is the caller's own, whatever the parent says; only the operator's comes
 * from the parent.
 */
function parentsSql(
  definition: ListDefinition<object>,
  model: ReadModel,
  parents: readonly (Parent | undefined)[],
  context: RequestContext,
  parameters: SqlParameters,
): { from: string | undefined; conditions: string[] } {
  const callerTenantId = context.reads.tenantId;
  const parentColumn = definition.parentId && model.column(definition.parentId).sql('t');
  const [onlyParent] = parents;
  if (parents.length === 1) {
    const tenantId = callerTenantId ?? onlyParent?.tenantId;
    const conditions = tenantId
      ? [`t.${model.tenantColumn} = ${parameters.add(tenantId, 'uuid')}`]
      : [];
    if (parentColumn)
      conditions.push(`${parentColumn} = ${parameters.add(onlyParent!.id, 'uuid')}`);
    return { from: undefined, conditions };
  }
  const tenants = parameters.add(
    parents.map(parent => callerTenantId ?? parent!.tenantId),
    'uuid[]',
  );
  const conditions = [`t.${model.tenantColumn} = p.tenant_id`];
  if (!parentColumn)
    return { from: `unnest(${tenants}) with ordinality as p(tenant_id, n)`, conditions };
  const ids = parameters.add(
    parents.map(parent => parent!.id),
    'uuid[]',
  );
  conditions.push(`${parentColumn} = p.parent_id`);
  return {
    from: `unnest(${tenants}, ${ids}) with ordinality as p(tenant_id, parent_id, n)`,
    conditions,
  };
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
}

/** Puts each row of a batch to the parent that it answers, in the groups' order. */
function groupByParent<V>(
  batches: readonly Batch[],
  rows: readonly Row[],
  put: (values: V[], parentIndex: number, row: Row) => unknown,
  empty: () => V,
): V[][] {
  const results = batches.map(({ parents }) => parents.map(empty));
  for (const row of rows)
    put(
      results[(row[BATCH_COLUMN] as number | undefined) ?? 0]!,
      ((row[PARENT_COLUMN] as number | undefined) ?? 1) - 1,
      row,
    );
  return results;
}

import type { FieldNode, GraphQLResolveInfo } from 'graphql';
import { AppError } from '../base/app-error.js';
import type { EntityClass, ReadModel } from '../db/read-model.js';
import { statement, type Row } from '../db/statement.js';
import type { Connection, PageArgs } from './connection.js';
import type { RequestContext } from './context.js';
import { Expected } from './expected.js';
import { filterSql } from './filter-sql.js';
import { defineLoader } from './loader.js';
import { Order, type OrderBy } from './order.js';
import { pageOf, toConnection, type Page } from './page.js';
import { connectionSelectionOf, type ConnectionSelection } from './selection.js';
import { SqlParameters, unseen } from './sql-parameters.js';

/** What every list field takes. */
interface ListArgs extends PageArgs {
  filter?: object | null;
  orderBy?: OrderBy[] | null;
}

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
  /** The page that a list field asks for. Without `parent`, of all rows that the caller may see. */
  page(
    context: RequestContext,
    info: GraphQLResolveInfo,
    args: ListArgs,
    parent?: Parent,
  ): PromiseLike<Connection<T>>;
}

/** One list field of one operation: its arguments, checked once, for however many parents. */
interface Ask {
  readonly page: Page;
  readonly order: Order;
  readonly filter: object | undefined;
  readonly selection: ConnectionSelection;
}

/** The parents of one level that ask for a list, and the page that each of them waits for. */
interface Group<T extends object = object> {
  readonly ask: Ask;
  readonly parents: (Parent | undefined)[];
  readonly pages: Expected<Connection<T>>[];
  /** Whether its statement is still to be made, so that more parents may join. */
  isOpen: boolean;
}

/** One list field of one operation, and the latest parents that it was asked for. */
interface Asked<T extends object> {
  readonly ask: Ask;
  group: Group<T> | undefined;
}

/**
 * Places of one operation that ask for the same list, at most. Each is a branch of a statement with
 * parameters of its own: planning time grows with their square, and beyond 65,535 parameters
 * PostgreSQL drops the connection.
 */
const MAX_ASKS = 100;

/**
 * Rows of a batch say by `_group` which field they answer (its place in the batch) and by `_nth`
 * which of that field's parents.
 */
const GROUP = '_group';
const NTH = '_nth';

/**
 * Declares a list whose pages are loaded for all parents of a level in one statement, with the
 * counts in a second where `totalCount` is asked. Fields with other arguments, such as a second
 * alias, join the same statement as a branch of a `union all`. Rows are told apart by the number of
 * the request, not by the parent: one parent may be asked twice.
 */
export function defineList<T extends object>(definition: ListDefinition<T>): List<T> {
  const rowsOf = defineLoader<Group<T>, Row[][]>((groups, context) =>
    loadRows(definition, groups.map(closed), context),
  );
  const countsOf = defineLoader<Group<T>, number[]>((groups, context) =>
    loadCounts(definition, groups.map(closed), context),
  );

  const open = (context: RequestContext, ask: Ask): Group<T> => {
    const group: Group<T> = { ask, parents: [], pages: [], isOpen: true };
    const { totalCount } = ask.selection;
    const rows = readsRows(ask);
    const toPage = (rowsOfParent: Row[], count?: number) =>
      toConnection(rowsOfParent as T[], ask.page, definition.name, ask.order, ask.selection, count);
    Promise.all([
      rows ? rowsOf(context).load(group) : undefined,
      totalCount ? countsOf(context).load(group) : undefined,
    ])
      .then(([loaded, counts]) =>
        closed(group).pages.map((_, nth) => toPage(loaded?.[nth] ?? [], counts?.[nth])),
      )
      .then(
        connections => group.pages.forEach((page, nth) => page.come(connections[nth]!)),
        (error: unknown) => closed(group).pages.forEach(page => page.fail(error)),
      );
    return group;
  };

  return {
    page(context, info, args, parent) {
      let known = context.lists.get(definition) as Map<readonly FieldNode[], Asked<T>> | undefined;
      if (!known)
        context.lists.set(definition, (known = new Map<readonly FieldNode[], Asked<T>>()));
      let asked = known.get(info.fieldNodes);
      if (!asked) {
        if (known.size === MAX_ASKS) throw tooManyAsks(info);
        known.set(
          info.fieldNodes,
          (asked = { ask: toAsk(definition, context, info, args), group: undefined }),
        );
      }
      // There may be a hundred parents: none of them has a promise of its own.
      if (!asked.group?.isOpen) asked.group = open(context, asked.ask);
      const page = new Expected<Connection<T>>();
      asked.group.parents.push(parent);
      asked.group.pages.push(page);
      return page;
    },
  };
}

function closed<G extends Group>(group: G): G {
  group.isOpen = false;
  return group;
}

/** An empty page has no rows: one is looked for where it matters whether there is any. */
function readsRows({ page, selection }: Ask): boolean {
  if (page.size > 0) return selection.rows;
  return page.backward ? selection.goesOn.backward : selection.goesOn.forward;
}

function tooManyAsks({ parentType, fieldName }: GraphQLResolveInfo): AppError {
  const field = `${parentType.name}.${fieldName}`;
  return new AppError(
    'QUERY_TOO_COMPLEX',
    `The operation asks for ${field} in more than ${MAX_ASKS} places.`,
    { field },
  );
}

function toAsk<T extends object>(
  definition: ListDefinition<T>,
  context: RequestContext,
  info: GraphQLResolveInfo,
  args: ListArgs,
): Ask {
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
  groups: readonly Group[],
  context: RequestContext,
): Promise<Row[][][]> {
  const model = context.models.of(definition.entity);
  const properties = new Set<string>();
  for (const { ask } of groups) {
    for (const property of ask.selection.properties) properties.add(property);
    if (ask.selection.cursors)
      for (const property of ask.order.properties) properties.add(property);
  }
  const select = model.select(properties, 't');
  const severalParents = groups.length > 1 || groups[0]!.parents.length > 1;
  const parameters = new SqlParameters();
  const branches = groups.map(({ ask, parents }, group) => {
    const { from, conditions } = parentsSql(definition, model, parents, context, parameters);
    const order = ask.page.backward ? ask.order.reversed() : ask.order;
    const [after, before] = ask.page.backward
      ? [ask.page.before, ask.page.after]
      : [ask.page.after, ask.page.before];
    if (ask.filter) conditions.push(filterSql(ask.filter as never, model, 't', parameters));
    if (after) conditions.push(order.afterSql(after, 't', parameters));
    if (before) conditions.push(order.reversed().afterSql(before, 't', parameters));
    // Behind a select the planner cannot see how many rows are wanted, and expects a small part of
    // them: it reads the first in order from an index, where it would sort all of a parent whose
    // children are more than of others. And one plan serves for pages of any size.
    const size = unseen(parameters.add(ask.page.size + 1, 'int'));
    const rows =
      `select ${select} from ${model.table} t ${where(conditions)} ` +
      `order by ${order.sql('t')} limit ${size}`;
    // One field alone, or one parent, need no column that says so.
    const place = [
      groups.length > 1 && `${group} as "${GROUP}"`,
      severalParents && `${from ? 'p.n::int' : '1'} as "${NTH}"`,
      'r.*',
    ]
      .filter(Boolean)
      .join(', ');
    return `select ${place} from ${from ? `${from} cross join lateral ` : ''}(${rows}) r`;
  });
  const { left } = context.rows;
  const text = `${branches.join(' union all ')} limit ${parameters.add(left + 1, 'int')}`;
  const most = groups.reduce(
    (sum, { ask, parents }) => sum + parents.length * (ask.page.size + 1),
    0,
  );
  const rows = await context.reads.query(
    statement(definition.name, text),
    parameters.values,
    Math.min(most, left + 1),
  );
  context.rows.take(rows.length);
  return spread(
    groups,
    rows,
    (pages, nth, row) => pages[nth]!.push(row),
    (): Row[] => [],
  );
}

async function loadCounts(
  definition: ListDefinition<object>,
  groups: readonly Group[],
  context: RequestContext,
): Promise<number[][]> {
  const model = context.models.of(definition.entity);
  const parameters = new SqlParameters();
  const branches = groups.map(({ ask, parents }, group) => {
    const { from, conditions } = parentsSql(definition, model, parents, context, parameters);
    if (ask.filter) conditions.push(filterSql(ask.filter as never, model, 't', parameters));
    const count = `select count(*)::int from ${model.table} t ${where(conditions)}`;
    return (
      `select ${group} as "${GROUP}", ${from ? 'p.n::int' : '1'} as "${NTH}", (${count}) ` +
      `as count${from ? ` from ${from}` : ''}`
    );
  });
  const rows = await context.reads.query<Row>(
    statement(`${definition.name}Count`, branches.join(' union all ')),
    parameters.values,
  );
  return spread(
    groups,
    rows,
    (counts, nth, row) => (counts[nth] = row.count as number),
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
  const own = context.reads.tenantId;
  const parentColumn = definition.parentId && model.column(definition.parentId).sql('t');
  const [only] = parents;
  if (parents.length === 1) {
    const tenantId = own ?? only?.tenantId;
    const conditions = tenantId
      ? [`t.${model.tenantColumn} = ${parameters.add(tenantId, 'uuid')}`]
      : [];
    if (parentColumn) conditions.push(`${parentColumn} = ${parameters.add(only!.id, 'uuid')}`);
    return { from: undefined, conditions };
  }
  const tenants = parameters.add(
    parents.map(parent => own ?? parent!.tenantId),
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
function spread<V>(
  groups: readonly Group[],
  rows: readonly Row[],
  put: (values: V[], nth: number, row: Row) => unknown,
  empty: () => V,
): V[][] {
  const answers = groups.map(({ parents }) => parents.map(empty));
  for (const row of rows)
    put(
      answers[(row[GROUP] as number | undefined) ?? 0]!,
      ((row[NTH] as number | undefined) ?? 1) - 1,
      row,
    );
  return answers;
}

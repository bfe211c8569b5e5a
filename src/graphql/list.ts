import type { FieldNode, GraphQLResolveInfo } from 'graphql';
import { AppError } from '../base/app-error.js';
import type { EntityClass, ReadModel } from '../db/read-model.js';
import { statement, type Row } from '../db/statement.js';
import type { Connection, PageArgs } from './connection.js';
import type { RequestContext } from './context.js';
import { filterSql } from './filter-sql.js';
import { defineLoader } from './loader.js';
import { Order, type OrderBy } from './order.js';
import { pageOf, toConnection, type Page } from './page.js';
import { connectionSelectionOf, type ConnectionSelection } from './selection.js';
import { SqlParameters } from './sql-parameters.js';

/** What every list field takes. */
export interface ListArgs extends PageArgs {
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
  /** The children's property that holds the parent's id; without it, the list is a tenant's (or, for the operator, everyone's). */
  readonly parentId?: string;
  readonly defaultOrder: readonly OrderBy[];
}

export interface List<T extends object> {
  /** The page that a list field asks for. Without `parent`, of all rows that the caller may see. */
  page(context: RequestContext, info: GraphQLResolveInfo, args: ListArgs, parent?: Parent): Promise<Connection<T>>;
}

/** One list field of one operation: its arguments, checked once, for however many parents. */
interface Ask {
  readonly page: Page;
  readonly order: Order;
  readonly filter: object | undefined;
  readonly selection: ConnectionSelection;
}

interface Key {
  readonly ask: Ask;
  readonly parent: Parent | undefined;
}

/**
 * Places of one operation that ask for the same list, at most. Each is a branch of a statement with parameters of its own: planning
 * time grows with their square, and beyond 65,535 parameters PostgreSQL drops the connection.
 */
const MAX_ASKS = 100;

/** Rows of a batch say by `group` which field they answer (its place in the batch) and by `nth` which of that field's parents. */
const GROUP = '_group';
const NTH = '_nth';

/**
 * Declares a list whose pages are loaded for all parents of a level in one statement, with the counts in a second where `totalCount`
 * is asked. Fields with other arguments, such as a second alias, join the same statement as a branch of a `union all`.
 * Rows are told apart by the number of the request, not by the parent: one parent may be asked twice.
 */
export function defineList<T extends object>(definition: ListDefinition<T>): List<T> {
  const rowsOf = defineLoader<Key, Row[]>((keys, context) => loadRows(definition, keys, context));
  const countOf = defineLoader<Key, number>((keys, context) => loadCounts(definition, keys, context));
  const asks = new WeakMap<RequestContext, Map<readonly FieldNode[], Ask>>();

  return {
    page(context, info, args, parent) {
      let known = asks.get(context);
      if (!known) asks.set(context, (known = new Map<readonly FieldNode[], Ask>()));
      let ask = known.get(info.fieldNodes);
      if (!ask) {
        if (known.size === MAX_ASKS) throw tooManyAsks(info);
        known.set(info.fieldNodes, (ask = toAsk(definition, context, info, args)));
      }
      const key = { ask, parent };
      // There may be a hundred parents: no promise is made that is not needed.
      const rows = ask.selection.rows ? rowsOf(context).load(key) : Promise.resolve([]);
      const toPage = (loaded: Row[], totalCount?: number): Connection<T> => toConnection(loaded as T[], ask.page, definition.name, ask.order, ask.selection, totalCount);
      if (!ask.selection.totalCount) return rows.then(loaded => toPage(loaded));
      return Promise.all([rows, countOf(context).load(key)]).then(([loaded, totalCount]) => toPage(loaded, totalCount));
    },
  };
}

function tooManyAsks({ parentType, fieldName }: GraphQLResolveInfo): AppError {
  const field = `${parentType.name}.${fieldName}`;
  return new AppError('QUERY_TOO_COMPLEX', `The operation asks for ${field} in more than ${MAX_ASKS} places.`, { field });
}

function toAsk<T extends object>(definition: ListDefinition<T>, context: RequestContext, info: GraphQLResolveInfo, args: ListArgs): Ask {
  const model = context.models.of(definition.entity);
  const order = Order.of(model, args.orderBy?.length ? args.orderBy : definition.defaultOrder);
  const page = pageOf(args, definition.name, order);
  // Checks the filter now, so that a mistake is reported even when only a field of an empty list is asked.
  if (args.filter) filterSql(args.filter as never, model, 't', new SqlParameters());
  return { page, order, filter: args.filter ?? undefined, selection: connectionSelectionOf(info, context.models) };
}

/** The keys of a batch by the field that they answer, in order. */
function byAsk(keys: readonly Key[]): Map<Ask, Key[]> {
  return Map.groupBy(keys, key => key.ask);
}

async function loadRows(definition: ListDefinition<object>, keys: readonly Key[], context: RequestContext): Promise<Row[][]> {
  const groups = byAsk(keys);
  const model = context.models.of(definition.entity);
  const properties = new Set<string>();
  for (const ask of groups.keys()) {
    for (const property of ask.selection.properties) properties.add(property);
    if (ask.selection.cursors) for (const property of ask.order.properties) properties.add(property);
  }
  const select = model.select(properties, 't');
  const parameters = new SqlParameters();
  const branches = Array.from(groups, ([ask, asked], group) => {
    const { from, conditions } = parentsSql(definition, model, asked, context, parameters);
    const order = ask.page.backward ? ask.order.reversed() : ask.order;
    const [after, before] = ask.page.backward ? [ask.page.before, ask.page.after] : [ask.page.after, ask.page.before];
    if (ask.filter) conditions.push(filterSql(ask.filter as never, model, 't', parameters));
    if (after) conditions.push(order.afterSql(after, 't', parameters));
    if (before) conditions.push(order.reversed().afterSql(before, 't', parameters));
    // Behind a select the planner cannot see how many rows are wanted, and expects a small part of them: it reads the first in order from an
    // index, where it would sort all of a parent whose children are more than of others. And one plan serves for pages of any size.
    const size = `(select ${parameters.add(ask.page.size + 1, 'int')})`;
    const rows = `select ${select} from ${model.table} t ${where(conditions)} order by ${order.sql('t')} limit ${size}`;
    // One field alone, or one parent, need no column that says so.
    const place = [groups.size > 1 && `${group} as "${GROUP}"`, keys.length > 1 && `${from ? 'p.n::int' : '1'} as "${NTH}"`, 'r.*'].filter(Boolean).join(', ');
    return `select ${place} from ${from ? `${from} cross join lateral ` : ''}(${rows}) r`;
  });
  const text = `${branches.join(' union all ')} limit ${parameters.add(context.rows.left + 1, 'int')}`;
  const rows = await context.reads.query(statement(definition.name, text), parameters.values);
  context.rows.take(rows.length);
  return spread(keys, groups, rows, (pages, nth, row) => pages[nth]!.push(row), (): Row[] => []);
}

async function loadCounts(definition: ListDefinition<object>, keys: readonly Key[], context: RequestContext): Promise<number[]> {
  const groups = byAsk(keys);
  const model = context.models.of(definition.entity);
  const parameters = new SqlParameters();
  const branches = Array.from(groups, ([ask, asked], group) => {
    const { from, conditions } = parentsSql(definition, model, asked, context, parameters);
    if (ask.filter) conditions.push(filterSql(ask.filter as never, model, 't', parameters));
    const count = `select count(*)::int from ${model.table} t ${where(conditions)}`;
    return `select ${group} as "${GROUP}", ${from ? 'p.n::int' : '1'} as "${NTH}", (${count}) as count${from ? ` from ${from}` : ''}`;
  });
  const rows = await context.reads.query<Row>(statement(`${definition.name}Count`, branches.join(' union all ')), parameters.values);
  return spread(keys, groups, rows, (counts, nth, row) => (counts[nth] = row.count as number), () => 0);
}

/**
 * Whose rows a branch lists: conditions on the table `t`, and for several parents the set `p` to join it to. The tenant is the
 * caller's own, whatever the parent says; only the operator's comes from the parent.
 */
function parentsSql(
  definition: ListDefinition<object>,
  model: ReadModel,
  keys: readonly Key[],
  context: RequestContext,
  parameters: SqlParameters,
): { from: string | undefined; conditions: string[] } {
  const own = context.reads.tenantId;
  const parentColumn = definition.parentId && model.column(definition.parentId).sql('t');
  const [only] = keys;
  if (keys.length === 1) {
    const tenantId = own ?? only!.parent?.tenantId;
    const conditions = tenantId ? [`t.${model.tenantColumn} = ${parameters.add(tenantId, 'uuid')}`] : [];
    if (parentColumn) conditions.push(`${parentColumn} = ${parameters.add(only!.parent!.id, 'uuid')}`);
    return { from: undefined, conditions };
  }
  const tenants = parameters.add(keys.map(key => own ?? key.parent!.tenantId), 'uuid[]');
  const conditions = [`t.${model.tenantColumn} = p.tenant_id`];
  if (!parentColumn) return { from: `unnest(${tenants}) with ordinality as p(tenant_id, n)`, conditions };
  const parents = parameters.add(keys.map(key => key.parent!.id), 'uuid[]');
  conditions.push(`${parentColumn} = p.parent_id`);
  return { from: `unnest(${tenants}, ${parents}) with ordinality as p(tenant_id, parent_id, n)`, conditions };
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
}

/** Puts each row of a batch to the request that it answers, and gives the answers in the order of `keys`. */
function spread<V>(
  keys: readonly Key[],
  groups: Map<Ask, Key[]>,
  rows: readonly Row[],
  put: (values: V[], nth: number, row: Row) => unknown,
  empty: () => V,
): V[] {
  const answers = Array.from(groups.values(), asked => asked.map(empty));
  for (const row of rows) put(answers[(row[GROUP] as number | undefined) ?? 0]!, ((row[NTH] as number | undefined) ?? 1) - 1, row);
  if (answers.length === 1) return answers[0]!;
  const places = new Map(Array.from(groups.values()).flatMap((asked, group) => asked.map((key, nth) => [key, answers[group]![nth]!] as const)));
  return keys.map(key => places.get(key)!);
}

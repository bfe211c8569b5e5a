import { badInput } from '../base/app-error.js';
import {
  DEFAULT_PAGE_SIZE,
  MAX_PAGE_SIZE,
  type Connection,
  type Edge,
  type PageArgs,
  type PageInfo,
} from './connection.js';
import { decodeCursor, encodeCursor, type Position } from './cursor.js';
import type { Order } from './order.js';

/**
 * Checked page arguments. `backward` pages are read in the reversed order and turned round
 * afterwards.
 */
export interface Page {
  readonly size: number;
  readonly backward: boolean;
  readonly after: Position | undefined;
  readonly before: Position | undefined;
}

/**
 * Checks page arguments against a list's order. Throws `BAD_USER_INPUT` naming the argument and its
 * limit.
 */
export function pageOf(args: PageArgs, listName: string, order: Order): Page {
  if (args.first != null && args.last != null)
    throw badInput('last', 'Set either first or last, not both.');
  checkSize('first', args.first);
  checkSize('last', args.last);
  const orderKey = `${listName}: ${order.key}`;
  return {
    size: args.first ?? args.last ?? DEFAULT_PAGE_SIZE,
    backward: args.last != null,
    after:
      args.after == null
        ? undefined
        : decodeCursor('after', orderKey, args.after, order.isPosition),
    before:
      args.before == null
        ? undefined
        : decodeCursor('before', orderKey, args.before, order.isPosition),
  };
}

function checkSize(field: string, size: number | null | undefined): void {
  if (size != null && (size < 0 || size > MAX_PAGE_SIZE))
    throw badInput(field, `${field} must be from 0 to ${MAX_PAGE_SIZE}; it is ${size}.`);
}

/**
 * A page as the schema shows it. `rows` has one more row than the page size if the list continues.
 */
export function toConnection<T extends object>(
  rows: T[],
  page: Page,
  listName: string,
  order: Order,
  selection: { cursors: boolean },
  totalCount: number | undefined,
): Connection<T> {
  const hasMore = rows.length > page.size;
  if (hasMore) rows.length = page.size;
  if (page.backward) rows.reverse();
  return new LoadedPage(rows, hasMore, totalCount, page, listName, order, selection.cursors);
}

/**
 * Values are computed only when they are read: a level with a hundred parents has a hundred pages.
 */
class LoadedPage<T extends object> implements Connection<T> {
  constructor(
    readonly nodes: T[],
    private readonly hasMore: boolean,
    readonly totalCount: number | undefined,
    private readonly page: Page,
    private readonly listName: string,
    private readonly order: Order,
    private readonly withCursors: boolean,
  ) {}

  get edges(): Edge<T>[] {
    const cursorOf = this.#cursors();
    return this.nodes.map(node => ({ node, cursor: this.withCursors ? cursorOf(node) : '' }));
  }

  get pageInfo(): PageInfo {
    const { nodes, page, hasMore } = this;
    const cursorOf = this.#cursors();
    return {
      hasNextPage: page.backward ? page.before !== undefined : hasMore,
      hasPreviousPage: page.backward ? hasMore : page.after !== undefined,
      startCursor: nodes.length > 0 ? cursorOf(nodes[0]!) : null,
      endCursor: nodes.length > 0 ? cursorOf(nodes.at(-1)!) : null,
    };
  }

  #cursors(): (row: T) => string {
    const orderKey = `${this.listName}: ${this.order.key}`;
    return row => encodeCursor(orderKey, this.order.positionOf(row as Record<string, unknown>));
  }
}

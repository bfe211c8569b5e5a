import { badInput } from '../base/app-error.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, type Connection, type PageArgs } from './connection.js';
import { decodeCursor, encodeCursor, type Position } from './cursor.js';
import type { Order } from './order.js';

/** Checked page arguments. `backward` pages are read in the reversed order and turned round afterwards. */
export interface Page {
  readonly size: number;
  readonly backward: boolean;
  readonly after: Position | undefined;
  readonly before: Position | undefined;
}

/** Checks page arguments against a list's order. Throws `BAD_USER_INPUT` naming the argument and its limit. */
export function pageOf(args: PageArgs, listName: string, order: Order): Page {
  if (args.first != null && args.last != null) throw badInput('last', 'Give first or last, not both.');
  checkSize('first', args.first);
  checkSize('last', args.last);
  const orderKey = `${listName}: ${order.key}`;
  return {
    size: args.first ?? args.last ?? DEFAULT_PAGE_SIZE,
    backward: args.last != null,
    after: args.after == null ? undefined : decodeCursor('after', orderKey, args.after),
    before: args.before == null ? undefined : decodeCursor('before', orderKey, args.before),
  };
}

function checkSize(field: string, size: number | null | undefined): void {
  if (size != null && (size < 1 || size > MAX_PAGE_SIZE)) throw badInput(field, `${field} must be from 1 to ${MAX_PAGE_SIZE}; it is ${size}.`);
}

/** A page as the schema shows it. `rows` holds one more than the page size where the list goes on. */
export function toConnection<T extends object>(
  rows: T[],
  page: Page,
  listName: string,
  order: Order,
  selected: { cursors: boolean },
  totalCount: number | undefined,
): Connection<T> {
  const more = rows.length > page.size;
  if (more) rows.length = page.size;
  if (page.backward) rows.reverse();
  const orderKey = `${listName}: ${order.key}`;
  const cursorOf = (row: T): string => encodeCursor(orderKey, order.positionOf(row as Record<string, unknown>));
  const first = rows[0];
  const last = rows.at(-1);
  return {
    nodes: rows,
    get edges() {
      return rows.map(node => ({ node, cursor: selected.cursors ? cursorOf(node) : '' }));
    },
    get pageInfo() {
      return {
        hasNextPage: page.backward ? page.before !== undefined : more,
        hasPreviousPage: page.backward ? more : page.after !== undefined,
        startCursor: first ? cursorOf(first) : null,
        endCursor: last ? cursorOf(last) : null,
      };
    },
    totalCount,
  };
}

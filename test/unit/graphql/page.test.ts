import { beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../../src/base/app-error.js';
import { Document } from '../../../src/documents/document.entity.js';
import type { PageArgs } from '../../../src/graphql/connection.js';
import { encodeCursor } from '../../../src/graphql/cursor.js';
import { Order, OrderDirection } from '../../../src/graphql/order.js';
import { pageOf, toConnection } from '../../../src/graphql/page.js';
import { readModels } from '../../support/models.js';

let order: Order;

beforeAll(async () => {
  order = Order.of((await readModels()).of(Document), [
    { field: 'filename', direction: OrderDirection.ASC },
  ]);
});

const ID = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10';
const cursor = (list = 'documents') => encodeCursor(`${list}: ${order.key}`, ['a', ID]);

function refusalOf(args: PageArgs): AppError {
  try {
    pageOf(args, 'documents', order);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('The page was given.');
}

describe('a page', () => {
  test('has 20 rows from the start where nothing is asked, be it left out or null', () => {
    const expected = { size: 20, backward: false, after: undefined, before: undefined };
    expect(pageOf({}, 'documents', order)).toEqual(expected);
    expect(
      pageOf({ first: null, last: null, after: null, before: null }, 'documents', order),
    ).toEqual(expected);
  });

  test('has 0 to 100 rows, and says so otherwise', () => {
    for (const size of [0, 1, 100]) {
      expect(pageOf({ first: size }, 'documents', order)).toMatchObject({ size, backward: false });
      expect(pageOf({ last: size }, 'documents', order)).toMatchObject({ size, backward: true });
    }
    for (const size of [-1, 101, 2 ** 31 - 1, -(2 ** 31)]) {
      expect(refusalOf({ first: size })).toMatchObject({
        code: 'BAD_USER_INPUT',
        field: 'first',
        message: `first must be from 0 to 100; it is ${size}.`,
      });
      expect(refusalOf({ last: size })).toMatchObject({
        code: 'BAD_USER_INPUT',
        field: 'last',
        message: `last must be from 0 to 100; it is ${size}.`,
      });
    }
  });

  test('runs forward or backward, not both', () => {
    expect(refusalOf({ first: 1, last: 1 })).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'last',
    });
  });

  test('starts and ends at cursors of its own list only', () => {
    expect(pageOf({ after: cursor(), before: cursor() }, 'documents', order)).toMatchObject({
      after: ['a', ID],
      before: ['a', ID],
    });
    expect(refusalOf({ after: cursor('documentsOfBot') })).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'after',
    });
    expect(refusalOf({ before: cursor('documentsOfBot') })).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'before',
    });
    expect(refusalOf({ after: '' })).toMatchObject({ field: 'after' });
  });
});

describe('a connection', () => {
  const rows = (...names: string[]) => names.map(filename => ({ id: filename, filename }));
  const connection = (args: PageArgs, found: { id: string; filename: string }[]) =>
    toConnection(found, pageOf(args, 'documents', order), 'documents', order, { cursors: true }, 3);

  test('leaves out the row that only says that the list goes on', () => {
    const { nodes, edges, pageInfo, totalCount } = connection({ first: 2 }, rows('a', 'b', 'c'));
    expect(nodes).toEqual(rows('a', 'b'));
    expect(edges.map(edge => edge.node)).toEqual(nodes);
    expect(pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: edges[0]!.cursor,
      endCursor: edges[1]!.cursor,
    });
    expect(totalCount).toBe(3);
  });

  test('turns a backward page round', () => {
    const { nodes, pageInfo } = connection({ last: 2, before: cursor() }, rows('c', 'b', 'a'));
    expect(nodes).toEqual(rows('b', 'c'));
    expect(pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
  });

  test('of no rows says whether there are any', () => {
    for (const args of [{ first: 0 }, { last: 0 }]) {
      const { nodes, pageInfo } = connection(args, rows('a'));
      expect(nodes).toEqual([]);
      expect(pageInfo).toEqual({
        hasNextPage: 'first' in args,
        hasPreviousPage: 'last' in args,
        startCursor: null,
        endCursor: null,
      });
    }
  });

  test('of nothing has no cursors', () => {
    expect(connection({ first: 2 }, []).pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: false,
      startCursor: null,
      endCursor: null,
    });
    expect(connection({ last: 2 }, []).edges).toEqual([]);
  });
});

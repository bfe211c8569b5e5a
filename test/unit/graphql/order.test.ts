import { beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../../src/base/app-error.js';
import { BotQuery } from '../../../src/bot-queries/bot-query.entity.js';
import type { ReadModel } from '../../../src/db/read-model.js';
import { Document } from '../../../src/documents/document.entity.js';
import { Order, OrderDirection, type OrderBy } from '../../../src/graphql/order.js';
import { SqlParameters } from '../../../src/graphql/sql-parameters.js';
import { readModels } from '../../support/models.js';

const { ASC, DESC } = OrderDirection;

let documents: ReadModel;
let botQueries: ReadModel;

beforeAll(async () => {
  const models = await readModels();
  documents = models.of(Document);
  botQueries = models.of(BotQuery);
});

function refusalOf(asked: OrderBy[]): AppError {
  try {
    Order.of(documents, asked);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('The order was taken.');
}

function after(order: Order, position: (string | null)[]): { sql: string; values: unknown[] } {
  const parameters = new SqlParameters();
  return { sql: order.afterSql(position, 't', parameters), values: parameters.values };
}

describe('an order', () => {
  test('ends with the id, which runs as the last step does', () => {
    expect(
      Order.of(documents, [
        { field: 'filename', direction: ASC },
        { field: 'createdAt', direction: DESC },
      ]).sql('t'),
    ).toBe('weaver_sort_key(t.filename) asc, t.created_at desc, t.id desc');
    expect(Order.of(documents, [{ field: 'filename' }]).sql('t')).toBe(
      'weaver_sort_key(t.filename) asc, t.id asc',
    );
    expect(Order.of(documents, []).sql('t')).toBe('t.id asc');
  });

  test('reversed runs the other way in every step', () => {
    const order = Order.of(documents, [
      { field: 'filename', direction: ASC },
      { field: 'createdAt', direction: DESC },
    ]);
    expect(order.reversed().sql('t')).toBe(
      'weaver_sort_key(t.filename) desc, t.created_at asc, t.id asc',
    );
    expect(order.reversed().reversed().key).toBe(order.key);
  });

  test('has another key than every other order', () => {
    const orders = [
      [{ field: 'createdAt', direction: DESC }],
      [{ field: 'createdAt', direction: ASC }],
      [{ field: 'updatedAt', direction: DESC }],
      [
        { field: 'createdAt', direction: DESC },
        { field: 'filename', direction: DESC },
      ],
      [
        { field: 'filename', direction: DESC },
        { field: 'createdAt', direction: DESC },
      ],
    ];
    expect(new Set(orders.map(asked => Order.of(documents, asked).key)).size).toBe(orders.length);
  });

  test('refuses a fourth step and a field named twice', () => {
    expect(
      refusalOf(['filename', 'sizeBytes', 'status', 'createdAt'].map(field => ({ field }))),
    ).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'orderBy',
      message: expect.stringContaining('limit is 3'),
    });
    expect(
      refusalOf([
        { field: 'filename', direction: ASC },
        { field: 'status' },
        { field: 'filename', direction: DESC },
      ]),
    ).toMatchObject({ code: 'BAD_USER_INPUT', field: 'orderBy[2].field' });
  });

  test('remembers a row by the text of its values, and null as null', () => {
    const order = Order.of(botQueries, [{ field: 'latencyMs' }, { field: 'confidence' }]);
    expect(order.positionOf({ id: 'i', latencyMs: 5, confidence: null })).toEqual(['5', null, 'i']);
    expect(
      order.positionOf({ id: 'i', latencyMs: 9_007_199_254_740_993n, confidence: 'low' }),
    ).toEqual(['9007199254740993', 'low', 'i']);
  });
});

describe('a position', () => {
  const ID = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10';
  const isTaken = (time: string): boolean =>
    Order.of(documents, [{ field: 'createdAt' }]).isPosition([time, ID]);

  test.each([
    'infinity',
    '-infinity',
    '2026-01-31 09:30:00.123456+00',
    '2024-02-29 00:00:00+00',
    '10000-01-01 00:00:00+00',
    '294276-12-31 23:59:59.999999+00',
    '0001-01-01 00:00:00+00 BC',
    '0001-02-29 00:00:00+00 BC',
    '4714-11-24 00:00:00+00 BC',
  ])('may be any instant that PostgreSQL holds: %s', time => expect(isTaken(time)).toBe(true));

  test.each([
    'Infinity',
    'now',
    '2026-02-30 00:00:00+00',
    '2025-02-29 00:00:00+00',
    '2026-13-01 00:00:00+00',
    '0000-01-01 00:00:00+00',
    '294277-01-01 00:00:00+00',
    '4714-11-23 00:00:00+00 BC',
    '4715-01-01 00:00:00+00 BC',
    '0002-02-29 00:00:00+00 BC',
    '2026-01-31 09:30:00+01',
  ])('is none with what PostgreSQL could not read or would not write: %s', time =>
    expect(isTaken(time)).toBe(false),
  );
});

describe('the rows after a position', () => {
  test('by name are found by the place of the name in the alphabet', () => {
    expect(after(Order.of(documents, [{ field: 'filename' }]), ['a.md', 'i'])).toEqual({
      sql: '(weaver_sort_key(t.filename), t.id) > (weaver_sort_key($1::varchar(500)), $2::uuid)',
      values: ['a.md', 'i'],
    });
  });

  test('are one range of an index where all steps run one way and none is nullable', () => {
    expect(
      after(Order.of(documents, [{ field: 'createdAt', direction: DESC }]), ['2026-01-31', 'i']),
    ).toEqual({
      sql: '(t.created_at, t.id) < ($1::timestamptz, $2::uuid)',
      values: ['2026-01-31', 'i'],
    });
  });

  test('are written out where steps run both ways', () => {
    const order = Order.of(documents, [
      { field: 'sizeBytes', direction: DESC },
      { field: 'createdAt', direction: ASC },
    ]);
    expect(after(order, ['5', '2026-01-31', 'i']).sql).toBe(
      '(t.size_bytes < $3::bigint or (t.size_bytes = $3::bigint and (t.created_at > ' +
        '$2::timestamptz or (t.created_at = $2::timestamptz and (t.id > $1::uuid or (t.id ' +
        '= $1::uuid and false))))))',
    );
  });

  test('count a missing value last in ascending order and first in descending', () => {
    const ascending = Order.of(botQueries, [{ field: 'latencyMs', direction: ASC }]);
    expect(after(ascending, ['5', 'i']).sql).toMatch(
      /^\(t\.latency_ms > \$2::int or t\.latency_ms is null or /,
    );
    expect(after(ascending, [null, 'i']).sql).toMatch(/^\(false or \(t\.latency_ms is null and /);
    const descending = Order.of(botQueries, [{ field: 'latencyMs', direction: DESC }]);
    expect(after(descending, ['5', 'i']).sql).toMatch(
      /^\(t\.latency_ms < \$2::int or \(t\.latency_ms = /,
    );
    expect(after(descending, [null, 'i']).sql).toMatch(
      /^\(t\.latency_ms is not null or \(t\.latency_ms is null and /,
    );
  });
});

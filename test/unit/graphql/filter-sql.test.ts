import { beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../../src/base/app-error.js';
import type { ReadModel } from '../../../src/db/read-model.js';
import { filterSql } from '../../../src/graphql/filter-sql.js';
import { SqlParameters } from '../../../src/graphql/sql-parameters.js';
import { ApiKey } from '../../../src/api-keys/api-key.entity.js';
import { DocumentChunk } from '../../../src/chunks/chunk.entity.js';
import { Document } from '../../../src/documents/document.entity.js';
import { readModels } from '../../support/models.js';

const ID = '0198C7A2-5C1E-7D3A-9F52-0F6F2F6F3A10';

let documents: ReadModel;
let chunks: ReadModel;
let apiKeys: ReadModel;

beforeAll(async () => {
  const models = await readModels();
  documents = models.of(Document);
  chunks = models.of(DocumentChunk);
  apiKeys = models.of(ApiKey);
});

function sqlOf(filter: object, model = documents): { sql: string; values: unknown[] } {
  const parameters = new SqlParameters();
  return { sql: filterSql(filter as never, model, 't', parameters), values: parameters.values };
}

function refusalOf(filter: object, model = documents): AppError {
  try {
    sqlOf(filter, model);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('The filter was taken.');
}

/** `filter` inside `depth` levels of `not`. */
const negated = (depth: number, filter: object = { filename: { eq: 'a' } }): object =>
  Array.from({ length: depth }).reduce<object>(inner => ({ not: inner }), filter);

describe('filterSql', () => {
  test('holds values as typed parameters only', () => {
    expect(sqlOf({ filename: { eq: "'; drop table docs --" }, sizeBytes: { gt: '5' } })).toEqual({
      sql: '(t.filename = $1::varchar and t.size_bytes > $2::bigint)',
      values: ["'; drop table docs --", '5'],
    });
  });

  test('compares texts of any length: a cast with a length would cut them', () => {
    const { sql } = sqlOf({ filename: { eq: 'a', in: ['a'] } });
    expect(sql).toBe('(t.filename = $1::varchar and t.filename = any($2::varchar[]))');
  });

  test('looks for a text that has several normal forms in each of them', () => {
    expect(sqlOf({ filename: { eq: 'é' } })).toEqual({
      sql: 't.filename = any($1::varchar[])',
      values: [['é', 'e\u0301']],
    });
    expect(sqlOf({ filename: { in: ['a', 'e\u0301'] } })).toEqual({
      sql: 't.filename = any($1::varchar[])',
      values: [['a', 'e\u0301', 'é']],
    });
  });

  test('compares a list of texts as a whole, each text in all of its normal forms', () => {
    expect(sqlOf({ tags: { hasAny: ['a', 'é'], isEmpty: false } })).toEqual({
      sql: '(t.tags && $1::text[] and cardinality(t.tags) > 0)',
      values: [['a', 'é', 'e\u0301']],
    });
    expect(sqlOf({ tags: { hasAll: ['a', 'é', 'b'] } })).toEqual({
      sql: '(t.tags @> $1::text[] and t.tags && $2::text[])',
      values: [
        ['a', 'b'],
        ['é', 'e\u0301'],
      ],
    });
    expect(sqlOf({ tags: { hasAll: [] } })).toEqual({ sql: 't.tags @> $1::text[]', values: [[]] });
    expect(sqlOf({ tags: { isEmpty: true } }).sql).toBe('cardinality(t.tags) = 0');
    expect(sqlOf({ tags: { hasAny: null, hasAll: null, isEmpty: null } }).sql).toBe('true');
  });

  test.each(['hasAny', 'hasAll'])('refuses more than 100 texts in %s', operator => {
    const filter = { tags: { [operator]: Array.from({ length: 101 }, String) } };
    const refusal = refusalOf(filter);
    expect(refusal.code).toBe('BAD_USER_INPUT');
    expect(refusal.message).toBe(`filter.tags.${operator} has 101 values; the limit is 100.`);
  });

  test('goes on numbering where the statement has parameters already', () => {
    const parameters = new SqlParameters();
    parameters.add('before', 'text');
    expect(filterSql({ filename: { eq: 'a' } }, documents, 'd', parameters)).toBe(
      'd.filename = $2::varchar',
    );
  });

  test('asks nothing where nothing is asked', () => {
    const nothing = { filename: { eq: null } };
    for (const filter of [
      {},
      { filename: null },
      { filename: undefined },
      { filename: {} },
      { filename: { eq: null, in: null } },
      { and: null, or: null, not: null },
      { and: [] },
      { and: [{}, {}] },
      { not: {} },
      { not: nothing },
      { not: { not: nothing } },
      { not: { and: [] } },
      { or: [{}] },
      { or: [nothing, { not: nothing }] },
      { and: [{ or: [nothing] }, { not: { or: [nothing] } }] },
    ]) {
      expect(sqlOf(filter).sql, JSON.stringify(filter)).toBe('true');
    }
  });

  test('leaves out what asks nothing beside what does', () => {
    const some = 't.filename = $1::varchar';
    expect(
      sqlOf({ or: [{ filename: { eq: null } }, { filename: { eq: 'a' } }, {}, { not: {} }] }).sql,
    ).toBe(some);
    expect(sqlOf({ and: [{}, { filename: { eq: 'a' } }] }).sql).toBe(some);
    expect(sqlOf({ filename: { eq: 'a' }, not: { filename: { eq: null } } }).sql).toBe(some);
    expect(sqlOf({ not: { or: [{}, { filename: { eq: 'a' } }] } }).sql).toBe(
      `(${some}) is not true`,
    );
  });

  test('finds nothing with an empty or: a list that is given is a list', () => {
    expect(sqlOf({ or: [] }).sql).toBe('false');
    expect(sqlOf({ not: { or: [] } }).sql).toBe('(false) is not true');
    expect(sqlOf({ or: [{ or: [] }, {}] }).sql).toBe('false');
  });

  test('means "does not hold" by not, so that a missing value does', () => {
    expect(sqlOf({ not: { errorMessage: { eq: 'x' } } }).sql).toBe(
      '(t.error_message = $1::text) is not true',
    );
  });

  test('keeps and, or and not apart with parentheses', () => {
    expect(
      sqlOf({
        filename: { eq: 'a' },
        or: [
          { filename: { eq: 'b' }, sizeBytes: { lt: '1' } },
          { not: { or: [{ sizeBytes: { isNull: true } }] } },
        ],
      }).sql,
    ).toBe(
      '(t.filename = $1::varchar and ((t.filename = $2::varchar and t.size_bytes < ' +
        '$3::bigint) or (t.size_bytes is null) is not true))',
    );
  });

  test('takes %, _ and \\ in texts literally', () => {
    expect(sqlOf({ filename: { contains: '100%_\\', startsWith: '%' } })).toEqual({
      sql:
        '(strpos(weaver_fold(t.filename), (select weaver_fold($1::text))) > 0 and ' +
        'starts_with(weaver_fold(t.filename), (select weaver_fold($2::text))))',
      values: ['100%_\\', '%'],
    });
  });

  test('refuses to look for more than 1,000 characters', () => {
    expect(sqlOf({ filename: { contains: '%'.repeat(1_000) } }).values).toEqual([
      '%'.repeat(1_000),
    ]);
    for (const operator of ['contains', 'startsWith']) {
      expect(refusalOf({ filename: { [operator]: 'x'.repeat(1_001) } })).toMatchObject({
        field: `filter.filename.${operator}`,
        message: expect.stringMatching(/1001 .*limit is 1000/),
      });
    }
  });

  test('looks into JSON as JSON and into lists as lists', () => {
    expect(sqlOf({ metadata: { contains: { a: [1] } } }, chunks)).toEqual({
      sql: 't.chunk_metadata @> $1::jsonb',
      values: ['{"a":[1]}'],
    });
    expect(sqlOf({ scopes: { contains: ['read'] } }, apiKeys)).toEqual({
      sql: 't.scopes @> $1::text[]',
      values: [['read']],
    });
  });

  test('reads ids whatever the case of their letters, and names the one that is none', () => {
    expect(sqlOf({ id: { eq: ID, in: [ID] } }).values).toEqual([
      ID.toLowerCase(),
      [ID.toLowerCase()],
    ]);
    expect(refusalOf({ or: [{}, { botId: { in: [ID, 'x'] } }] })).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'filter.or[1].botId.in[1]',
    });
  });

  test('refuses more than 100 values in a list', () => {
    expect(sqlOf({ filename: { in: Array.from({ length: 100 }, String) } }).values).toHaveLength(1);
    expect(refusalOf({ filename: { in: Array.from({ length: 101 }, String) } })).toMatchObject({
      field: 'filter.filename.in',
      message: expect.stringMatching(/101 .*limit is 100/),
    });
  });

  test('refuses more than 100 filters in an and or an or', () => {
    const many = Array.from({ length: 101 }, () => ({}));
    expect(refusalOf({ and: many })).toMatchObject({
      field: 'filter.and',
      message: expect.stringMatching(/101 .*limit is 100/),
    });
    expect(refusalOf({ not: { or: many } })).toMatchObject({ field: 'filter.not.or' });
  });

  test('refuses more than 100 comparisons, empty filters counted', () => {
    const hundred = Array.from({ length: 100 }, () => ({ filename: { eq: 'a' } }));
    expect(sqlOf({ or: hundred }).values).toHaveLength(100);
    expect(refusalOf({ or: hundred, filename: { eq: 'b' } })).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('100'),
    });
    expect(
      refusalOf({
        and: [
          { or: Array.from({ length: 60 }, () => ({})) },
          { or: Array.from({ length: 60 }, () => ({})) },
        ],
      }).message,
    ).toContain('100');
  });

  test('refuses more than 20 levels, and names the limit', () => {
    expect(sqlOf(negated(20)).values).toEqual(['a']);
    expect(refusalOf(negated(21))).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: `filter${'.not'.repeat(21)}`,
      message: expect.stringContaining('20'),
    });
    expect(refusalOf({ and: [{ or: [negated(19)] }] }).message).toContain('20');
    expect(refusalOf(negated(2_000)).message).toContain('20');
  });
});

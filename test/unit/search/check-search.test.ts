import { describe, expect, test } from 'vitest';
import type { AppError } from '../../../src/base/app-error.js';
import { checkSearch, type Searcher } from '../../../src/search/check-search.js';
import type { SearchChunksInput } from '../../../src/search/search.inputs.js';
import { SearchMode } from '../../../src/search/search.types.js';

const TENANT = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10';
const OTHER = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a11';
const KEY: Searcher = {
  tenantId: TENANT,
  embeddingModel: 'test-model',
  dimensions: 4,
  vectorWeight: 0.3,
};
const OPERATOR: Searcher = { ...KEY, tenantId: undefined };

function input(values: Partial<SearchChunksInput>): SearchChunksInput {
  return {
    mode: SearchMode.VECTOR,
    topK: 10,
    exact: false,
    distinct: false,
    contextWindow: 0,
    ...values,
  };
}

function refusal(
  values: Partial<SearchChunksInput>,
  searcher = KEY,
): Pick<AppError, 'code' | 'field' | 'message'> {
  try {
    checkSearch(input(values), searcher);
  } catch (error) {
    const { code, field, message } = error as AppError;
    return { code, field, message };
  }
  throw new Error('The input was accepted.');
}

describe('the query', () => {
  test('is a text', () => {
    expect(checkSearch(input({ text: 'refunds', embedding: null }), KEY)).toMatchObject({
      text: 'refunds',
      embedding: undefined,
    });
  });

  test('is a vector as long as the model makes it, or as it is stored', () => {
    const stored = Array.from({ length: 1536 }, () => 1);
    expect(checkSearch(input({ embedding: [1, 2, 3, 4] }), KEY)).toMatchObject({
      text: undefined,
      embedding: [1, 2, 3, 4],
    });
    expect(checkSearch(input({ text: null, embedding: stored }), KEY)).toMatchObject({
      embedding: stored,
    });
  });

  test.each<[string, Partial<SearchChunksInput>, string, string]>([
    ['neither', {}, 'input.text', 'Set input.text or input.embedding'],
    ['both', { text: 'a', embedding: [1, 2, 3, 4] }, 'input.embedding', 'not both'],
    [
      'more words than can be looked for',
      { text: 'tent '.repeat(101), mode: SearchMode.KEYWORD },
      'input.text',
      'has 101 words; the limit of the mode KEYWORD is 100',
    ],
    [
      'more words than can be looked for, that stand in others',
      { text: 'a-b '.repeat(51), mode: SearchMode.KEYWORD },
      'input.text',
      'has 102 words; the limit of the mode KEYWORD is 100',
    ],
    ['an empty text', { text: '' }, 'input.text', 'blank'],
    ['a blank text', { text: ' \n\u3000' }, 'input.text', 'blank'],
    [
      'a text that is too long',
      { text: 'a'.repeat(8_001) },
      'input.text',
      'has 8001 characters; the limit is 8000',
    ],
    [
      'a vector of another length',
      { embedding: [1, 2, 3] },
      'input.embedding',
      'has 3 numbers; with the model test-model it must have 4 or 1536',
    ],
    ['no numbers', { embedding: [] }, 'input.embedding', 'has 0 numbers'],
    ['a NaN', { embedding: [1, 2, NaN, 4] }, 'input.embedding[2]', 'finite'],
    ['an infinity', { embedding: [1, -Infinity, 3, 4] }, 'input.embedding[1]', 'finite'],
    ['zeros', { embedding: [0, -0, 0, 0] }, 'input.embedding', 'all zeros'],
  ])('is refused: %s', (_, values, field, message) => {
    expect(refusal(values)).toMatchObject({
      code: 'BAD_USER_INPUT',
      field,
      message: expect.stringContaining(message),
    });
  });

  test('of exactly 8,000 characters is accepted', () => {
    expect(() => checkSearch(input({ text: 'a'.repeat(8_000) }), KEY)).not.toThrow();
  });

  test.each([SearchMode.VECTOR, SearchMode.HYBRID])(
    'of as many words as 8,000 characters hold is accepted in the mode %s',
    mode => {
      expect(() => checkSearch(input({ text: 'a '.repeat(4_000), mode }), KEY)).not.toThrow();
    },
  );
});

describe('limits', () => {
  test.each([0, -1, 101])('topK %d is refused', topK => {
    expect(refusal({ text: 'a', topK })).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.topK',
      message: expect.stringContaining('from 1 to 100'),
    });
  });

  test.each([2, -1.01, NaN, Infinity])('minSimilarity %d is refused', minSimilarity => {
    expect(refusal({ text: 'a', minSimilarity })).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.minSimilarity',
      message: expect.stringContaining('from -1 to 1'),
    });
  });

  test.each([-1, 0, 1])('minSimilarity %d is accepted', minSimilarity => {
    expect(checkSearch(input({ text: 'a', minSimilarity }), KEY).minSimilarity).toBe(minSimilarity);
  });
});

describe('the scope', () => {
  test('is the own tenant where nothing is named, and has ids in lower case', () => {
    const { filter } = checkSearch(
      input({ text: 'a', botId: OTHER.toUpperCase(), documentIds: [OTHER], metadata: { a: 1 } }),
      KEY,
    );
    expect(filter).toEqual({
      tenantId: TENANT,
      botId: OTHER,
      documentIds: [OTHER],
      metadata: { a: 1 },
    });
  });

  test('without conditions has none', () => {
    const { filter } = checkSearch(
      input({ text: 'a', botId: null, documentIds: null, metadata: {}, tenantId: null }),
      KEY,
    );
    expect(filter).toEqual({
      tenantId: TENANT,
      botId: undefined,
      documentIds: undefined,
      metadata: undefined,
    });
  });

  test.each<[Partial<SearchChunksInput>, string]>([
    [{ botId: 'x' }, 'input.botId'],
    [{ tenantId: 'x' }, 'input.tenantId'],
    [{ documentIds: [OTHER, OTHER, OTHER, 'x'] }, 'input.documentIds[3]'],
  ])('with what is no UUID is refused: %j', (values, field) => {
    expect(refusal({ text: 'a', ...values })).toMatchObject({ code: 'BAD_USER_INPUT', field });
  });

  test('has at most 100 documents', () => {
    expect(
      refusal({ text: 'a', documentIds: Array.from({ length: 101 }, () => OTHER) }),
    ).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.documentIds',
      message: expect.stringContaining('the limit is 100'),
    });
  });

  test('may name the own tenant and no other', () => {
    expect(
      checkSearch(input({ text: 'a', tenantId: TENANT.toUpperCase() }), KEY).filter.tenantId,
    ).toBe(TENANT);
    expect(refusal({ text: 'a', tenantId: OTHER })).toMatchObject({
      code: 'NOT_FOUND',
      field: 'input.tenantId',
    });
  });

  test('of an operator must name a tenant', () => {
    expect(checkSearch(input({ text: 'a', tenantId: OTHER }), OPERATOR).filter.tenantId).toBe(
      OTHER,
    );
    expect(refusal({ text: 'a' }, OPERATOR)).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.tenantId',
    });
  });
});

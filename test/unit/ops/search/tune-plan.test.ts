import { describe, expect, test } from 'vitest';
import { planTuning, type TenantSize } from '../../../../src/ops/search/tune-plan.js';

const MEGABYTE = 2 ** 20;
const nameOf = (tenantId: string): string => `index of ${tenantId}`;
const size = (tenantId: string, chunks: number): TenantSize => ({ tenantId, chunks });
const index = (
  tenantId: string,
  values: {
    isValid?: boolean;
    isCurrent?: boolean;
    isBuilt?: boolean;
    bytes?: number;
    name?: string;
  } = {},
) => ({
  name: nameOf(tenantId),
  tenantId,
  isValid: true,
  isCurrent: true,
  isBuilt: false,
  bytes: 10 * MEGABYTE,
  ...values,
});
const plan = (sizes: TenantSize[], indexes: ReturnType<typeof index>[]): string[] =>
  planTuning(sizes, indexes, 10_000, nameOf).map(step => `${step.action} ${step.index}`);

describe('planTuning', () => {
  test('builds for tenants at the limit and above, the largest first', () => {
    expect(plan([size('a', 10_000), size('b', 50_000), size('c', 9_999)], [])).toEqual([
      'build index of b',
      'build index of a',
    ]);
  });

  test('leaves alone what is as it should be', () => {
    expect(plan([size('a', 20_000)], [index('a')])).toEqual([]);
  });

  test('drops the index of a tenant that is gone or small, not of one just below the limit', () => {
    expect(plan([size('a', 5_000)], [index('a', { bytes: 5 * MEGABYTE }), index('b')])).toEqual([
      'drop index of b',
    ]);
    expect(plan([size('a', 4_999)], [index('a')])).toEqual(['drop index of a']);
  });

  test('drops what an interrupted build left, before it builds again', () => {
    expect(plan([size('a', 20_000)], [index('a', { isValid: false })])).toEqual([
      'drop index of a',
      'build index of a',
    ]);
  });

  test('builds anew what an earlier version built otherwise', () => {
    expect(
      plan(
        [size('a', 20_000), size('b', 9_000)],
        [index('a', { isCurrent: false }), index('b', { isCurrent: false })],
      ),
    ).toEqual(['drop index of a', 'drop index of b', 'build index of a']);
  });

  test('finishes the built index of an interrupted run, and rebuilds one that is too large', () => {
    const built = { isCurrent: false, isBuilt: true };
    expect(plan([size('a', 20_000)], [index('a', built)])).toEqual(['finish index of a']);
    expect(plan([size('a', 20_000)], [index('a', { ...built, bytes: 30 * MEGABYTE })])).toEqual([
      'finish index of a',
      'rebuild index of a',
    ]);
    expect(plan([size('a', 4_999)], [index('a', built)])).toEqual(['drop index of a']);
  });

  test('drops what an interrupted rebuild left, and keeps the index itself', () => {
    expect(
      plan(
        [size('a', 20_000)],
        [index('a'), index('a', { isValid: false, name: 'index of a_ccnew' })],
      ),
    ).toEqual(['drop index of a_ccnew']);
  });

  test('rebuilds an index that is much larger than its chunks ask for', () => {
    expect(plan([size('a', 20_000)], [index('a', { bytes: 30 * MEGABYTE })])).toEqual([
      'rebuild index of a',
    ]);
    expect(plan([size('a', 20_000)], [index('a', { bytes: 20 * MEGABYTE })])).toEqual([]);
  });
});

import { expect, test } from 'vitest';
import { RowBudget } from '../../../../src/graphql/limits/row-budget.js';

test('rows that arrive when the answer is gone are not held', () => {
  const budget = new RowBudget(10, 10);
  const operation = budget.operation();
  operation.add(3);
  expect(budget.reserved).toBe(3);
  operation.release();
  operation.add(7);
  expect(budget.reserved).toBe(0);
  operation.release();
  expect(budget.reserved).toBe(0);
});

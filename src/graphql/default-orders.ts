import { OrderDirection, type OrderBy } from './order.js';

export const NEWEST_FIRST: readonly OrderBy[] = [
  { field: 'createdAt', direction: OrderDirection.DESC },
];

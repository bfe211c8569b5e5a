import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { expect, test } from 'vitest';
import { buildGatewaySchema } from '../../src/schema.js';

test('schema.graphql is current: renew it with "npx weaver schema print > schema.graphql"', () => {
  const committed = readFileSync(join(import.meta.dirname, '../../schema.graphql'), 'utf8');
  expect(committed).toBe(`${printSchema(lexicographicSortSchema(buildGatewaySchema()))}\n`);
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { envExample } from '../../src/config.js';

test('.env.example is current: renew it with "npx weaver config example > .env.example"', () => {
  expect(readFileSync(join(import.meta.dirname, '../../.env.example'), 'utf8')).toBe(envExample());
});

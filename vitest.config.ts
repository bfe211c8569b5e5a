import { defineConfig } from 'vitest/config';

// Two copies of graphql under one roof break instanceof: everything gets the CommonJS one, as
// type-graphql does.
const resolve = { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] };

// A check of everything on a busy machine is not lost to one test among thousands that fails once:
// it tries that test again, and names it in its summary. Whoever runs tests by hand sees it fail.
const retry = process.env.CI ? 1 : 0;

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        test: {
          name: 'unit',
          retry,
          include: ['test/unit/**/*.test.ts', 'test/house/**/*.test.ts'],
          setupFiles: ['test/support/setup.ts'],
          testTimeout: 20_000,
        },
      },
      {
        resolve,
        test: {
          // On the embedded database, or on the PostgreSQL that TEST_DATABASE_URL names.
          name: 'integration',
          retry,
          include: ['test/integration/**/*.test.ts'],
          setupFiles: ['test/support/setup.ts'],
          globalSetup: ['test/support/build.ts', 'test/support/template-database.ts'],
          // A cold embedded database takes 2 to 17 seconds by the machine's load.
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        resolve,
        test: {
          name: 'e2e',
          retry,
          include: ['test/e2e/**/*.test.ts'],
          setupFiles: ['test/support/setup.ts'],
          globalSetup: ['test/support/template-database.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/main.ts'],
      reporter: ['text-summary', 'html'],
    },
  },
});

import { expect, test } from 'vitest';
import { MigrationGenerator } from '../../../../src/ops/migrations/migration-generator.js';

test('a migration that is generated makes no function anew, in neither direction', () => {
  const made = 'create or replace function "weaver_fold"(text) returns text as $$ … $$;';
  const generator = new MigrationGenerator({} as never, {} as never, {} as never);
  const text = generator.generateMigrationFile('Migration1_x', {
    up: ['alter table "docs" add "language" text null;', '', made],
    down: ['alter table "docs" drop column "language";', '', made, '', made],
  });
  expect(text.match(/addSql\(`.*`\)/g)).toEqual([
    'addSql(`alter table "docs" add "language" text null;`)',
    'addSql(`alter table "docs" drop column "language";`)',
  ]);
  expect(text).toMatch(/drop column "language";`\);\n {2}\}\n/);
});

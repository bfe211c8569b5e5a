import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { knownMigrations } from '../../../src/ops/migrations/state.js';
import { freshDatabase, sqlAt, weaver, type FreshDatabase } from '../../support/command.js';

describe.runIf(inject('template').kind === 'postgres')('what the database refuses', () => {
  let fresh: FreshDatabase;
  beforeAll(async () => {
    fresh = await freshDatabase({ migrated: true });
  });
  afterAll(() => fresh.close());

  test.each([
    [
      'a read-only database',
      'default_transaction_read_only=on',
      ['tenant', 'create', 'Read only'],
      /cannot execute INSERT in a read-only transaction \(SQLSTATE 25006\).* of the primary\.$/,
    ],
    [
      'a time limit',
      'statement_timeout=1',
      ['db', 'check'],
      /statement timeout \(SQLSTATE 57014\)\. .*(statement_timeout|"options")/,
    ],
  ] as const)('is told in one sentence: %s', async (_what, setting, args, sentence) => {
    const { code, out, err } = await weaver(
      { DATABASE_URL: `${fresh.urls!.admin}?options=-c%20${setting}` },
      args,
    );
    expect({ code, out }).toEqual({ code: 1, out: '' });
    // What takes too long may be the first statement of the session already.
    expect(err).toMatch(
      /^(The database refused a statement .*|PostgreSQL at \S+ does not start a session .*): /,
    );
    expect(err).toMatch(sentence);
    expect(err.split('\n')).toHaveLength(1);
  });

  test('is told in one sentence: a column that somebody took away', async () => {
    await sqlAt(fresh.urls!.admin, 'alter table tenants rename column plan_tier to tier');
    const { code, out, err } = await weaver(fresh.env, ['tenant', 'create', 'No column']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /^The database refused .*"plan_tier" .* \(SQLSTATE 42703\)\. .*"npx weaver db check"[^\n]*$/,
    );
  });

  test('is told before: a pending migration that is older than what is applied', async () => {
    const name = knownMigrations().at(-2)!;
    await sqlAt(fresh.urls!.admin, `delete from mikro_orm_migrations where name = '${name}'`);
    const { err } = await weaver(fresh.env, ['db', 'current']);
    expect(err).toContain(
      'Not at head: 1 pending. "npx weaver db up" applies it, with --allow-out-of-order, ' +
        `since ${name} is older than what is applied.`,
    );
    expect(await weaver(fresh.env, ['db', 'up'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('--allow-out-of-order'),
    });
  });
});

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { readConfig } from '../../../src/config.js';
import { Database } from '../../../src/db/database.js';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { ENTITIES } from '../../../src/entities.js';
import {
  Commands,
  freshDatabase,
  weaver,
  type FreshDatabase,
  type Outcome,
} from '../../support/command.js';
import { World, type TenantWorld } from '../../support/world.js';

/**
 * What a terminal obeys: a title, a cleared screen, colours by ESC and by C1, a forged line and
 * column, text that runs backwards.
 */
const NASTY = 'k\u001b]0;owned\u0007\u001b[2J\u009b31m\nid-forged\tforged\r\u202egnorw\u2028';
const SHOWN =
  'k\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\nid-forged\\tforged\\r\\u202egnorw\\u2028';
const OBEYED = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

let fresh: FreshDatabase;
let database: Database;
let tenant: TenantWorld;
let keyId: string;

beforeAll(async () => {
  fresh = await freshDatabase({ migrated: true });
  database = await Database.open(readConfig(fresh.env).database, ENTITIES);
  const world = new World(database);
  tenant = await world.tenant({ name: NASTY });
  keyId = (await tenant.key({ name: NASTY })).id;
  await (await tenant.bot({ name: NASTY })).document();
  await database.write('test', OPERATOR_SCOPE, async em => {
    await em.execute('insert into tenants (name) values (?)', ['Other']);
  });
  await database.close();
});
afterAll(() => fresh.close());

const run = (...args: string[]): Promise<Outcome> => weaver(fresh.env, args);

function expectHarmless({ out, err }: Outcome): void {
  for (const line of [...out.split('\n'), ...err.split('\n')])
    expect(line.replaceAll('\t', ' ')).not.toMatch(OBEYED);
}

describe('a name with control characters, which another program has stored', () => {
  test('stands escaped in one line of key list, in its own column', async () => {
    const listed = await run('key', 'list', '--tenant', tenant.id);
    expectHarmless(listed);
    expect(listed.out.split('\n').map(line => line.split('\t').at(-1))).toEqual([SHOWN]);
    expect(listed.out.split('\t')).toHaveLength(8);
  });

  test('is the same name to programs that read the JSON', async () => {
    const listed = await run('key', 'list', '--tenant', tenant.id, '--json');
    expectHarmless(listed);
    expect(JSON.parse(listed.out)).toMatchObject({ id: keyId, name: NASTY });
    const compared = await run('search', 'recall', '--tenant', tenant.id, '--json');
    expectHarmless(compared);
    expect(JSON.parse(compared.out)).toMatchObject([{ tenantName: NASTY }]);
  });

  test.each([
    ['key create', ['key', 'create', '--tenant', NASTY, '--name', 'App']],
    [
      'key create for a tenant that is not there',
      ['key', 'create', '--tenant', 'Nobody', '--name', 'App'],
    ],
    ['search recall', ['search', 'recall', '--tenant', NASTY]],
    ['search reembed', ['search', 'reembed', '--all', '--dry-run']],
    ['key rotate', () => ['key', 'rotate', keyId]],
    ['key revoke', () => ['key', 'revoke', keyId]],
    ['key rotate of a revoked key', () => ['key', 'rotate', keyId]],
  ])('is escaped by %s', async (_, args) => {
    const outcome = await run(...(typeof args === 'function' ? args() : args));
    expectHarmless(outcome);
    expect(`${outcome.out}\n${outcome.err}`).toContain(SHOWN);
  });

  test.each([
    ['db', 'status'],
    ['db', 'check'],
    ['db', 'doctor'],
    ['search', 'tune', '--dry-run'],
  ])('does no harm to %s %s', async (...args) => {
    expectHarmless(await run(...args));
  });
});

describe('what the command line is given', () => {
  test('is refused as a name of a key', async () => {
    const refused = await run('key', 'create', '--tenant', tenant.id, '--name', NASTY);
    expectHarmless(refused);
    expect(refused).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('It contains the control character U+001B.'),
    });
  });

  test('is escaped where a message repeats it', async () => {
    for (const args of [
      ['key', 'revoke', NASTY],
      ['db', 'show', NASTY],
      [NASTY],
      ['key', 'list', '--tenant', 'x', `--${NASTY}`],
    ])
      expectHarmless(await run(...args));
    expectHarmless(await weaver({ ...fresh.env, PORT: NASTY, LOG_LEVEL: NASTY }, ['db', 'status']));
  });
});

describe('a migration that the database alone knows', () => {
  const NAME = `Migration20991231000000_${NASTY}`;
  const change = async (sql: string): Promise<void> => {
    const owner = await Database.open(readConfig(fresh.env).database, ENTITIES, 'migrate');
    await owner.orm.em.getDriver().getConnection().execute(sql, [NAME]);
    await owner.close();
  };
  beforeAll(() => change('insert into mikro_orm_migrations (name) values (?)'));
  afterAll(() => change('delete from mikro_orm_migrations where name = ?'));

  test.each([['status'], ['history'], ['current'], ['check']])(
    'is shown escaped by db %s, in its column',
    async command => {
      const outcome = await run('db', command);
      expectHarmless(outcome);
      expect(outcome.out).toContain(SHOWN);
      if (command !== 'history') return;
      const columns = outcome.out
        .split('\n')
        .map(line => line.search(/(?<=\S {2,})(\d{4}-\d\d-\d\d |pending)/));
      expect(new Set(columns).size).toBe(1);
    },
  );

  test('does no harm to the command line of MikroORM', async () => {
    const commands = new Commands();
    try {
      expectHarmless(await commands.mikroOrm(fresh.env, 'migration:up').outcome());
    } finally {
      await commands.close();
    }
  });
});

test.runIf(inject('template').kind === 'postgres')(
  'a database with a nasty name is described harmlessly',
  async () => {
    const url = new URL(fresh.env.DATABASE_URL!);
    url.pathname = `/${encodeURIComponent('no\u001b[2J\u009bsuch')}`;
    expectHarmless(await weaver({ DATABASE_URL: url.href }, ['db', 'status']));
  },
);

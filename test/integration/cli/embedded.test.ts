import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { Database } from '../../../src/db/database.js';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { ENTITIES } from '../../../src/entities.js';
import { Client } from '../../support/client.js';
import { Commands, freshDatabase, weaver, type Running } from '../../support/command.js';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const DIST = join(import.meta.dirname, '../../../dist/src');
const READY = 'Weaver is ready.';

describe.runIf(inject('template').kind === 'embedded')('the embedded database', () => {
  let commands: Commands;
  let folder: string;
  let env: Record<string, string>;
  beforeAll(() => {
    commands = new Commands();
    folder = mkdtempSync(join(tmpdir(), 'weaver-embedded-'));
    env = { WEAVER_DATA_DIR: join(folder, 'data'), PORT: '0', LOG_LEVEL: 'info' };
  });
  afterAll(async () => {
    await commands.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function serve(): Promise<Running> {
    const gateway = commands.weaver(env, 'serve');
    await gateway.until(READY);
    await gateway.until('Demo key');
    return gateway;
  }
  const shown = (gateway: Running, label: string): string =>
    new RegExp(`${label} +(\\S+)`).exec(gateway.out)![1]!;
  const tenantOf = (gateway: Running): Promise<unknown> =>
    new Client(shown(gateway, 'GraphQL').replace('/graphql', ''), shown(gateway, 'Demo key')).data(
      '{ viewer { tenant { name } } }',
    );

  // One folder goes through its life: each test begins where the one before it ended.
  let gateway: Running;

  test('is made by the first start, and the next adds what demo data is missing', async () => {
    const interrupted = commands.weaver(env, 'serve');
    await interrupted.until('Harbor Outdoor: 3 bots', 'err');
    await interrupted.end('SIGKILL');
    expect(interrupted.err).toMatch(
      /^Applied \d+ migrations? to the embedded database in .*\nAdding the demo data \.\.\.\n/,
    );
    expect(interrupted.out).toBe('');

    gateway = await serve();
    expect(gateway.err).toContain('Harbor Outdoor: there already');
    expect(gateway.err).toMatch(/Pinion Cloud: (2 bots|there already)/);
    expect(await tenantOf(gateway)).toEqual({ viewer: { tenant: { name: 'Harbor Outdoor' } } });
  });

  test.each([
    ['a second start', () => commands.weaver(env, 'serve')],
    ['weaver db up', () => commands.weaver(env, 'db', 'up')],
    ['the command line of MikroORM', () => commands.mikroOrm(env, 'migration:list')],
  ])('%s is told who holds the folder, in one sentence', async (_, start) => {
    const { code, out, err } = await start().outcome();
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      `The data folder ${env.WEAVER_DATA_DIR} is in use by another process (process ` +
        `${gateway.child.pid}). Stop that one first, or set WEAVER_DATA_DIR to another ` +
        'folder.\n',
    );
  });

  test('survives the kill of its process, and the lock does not', async () => {
    expect(await gateway.end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    gateway = await serve();
    expect(await tenantOf(gateway)).toEqual({ viewer: { tenant: { name: 'Harbor Outdoor' } } });
    expect(gateway.err).not.toContain('demo data');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'is closed in order by %s, with exit code 0',
    async signal => {
      if (gateway.child.exitCode !== null) gateway = await serve();
      expect(await gateway.end(signal)).toEqual({ code: 0, signal: null });
      expect(gateway.out).toContain('"msg":"Stopping"');
    },
  );

  test('keeps every row that was acknowledged when its process is killed', async () => {
    const writer = commands.script(
      env,
      `import 'reflect-metadata';
       const { Database } = await import('${DIST}/db/database.js');
       const { ENTITIES } = await import('${DIST}/entities.js');
       const database = await Database.open({ kind: 'embedded',
         dataDir: process.env.WEAVER_DATA_DIR }, ENTITIES);
       for (let n = 1; ; n++) {
         await database.write('test', { role: 'weaver_operator' },
           em => em.execute("insert into tenants (name) values ('Written " + n + "')"));
         console.log('row ' + n);
       }`,
    );
    await writer.until('row 40\n');
    await writer.end('SIGKILL');
    const acknowledged = writer.out.split('\n').filter(line => line.startsWith('row ')).length;
    const database = await Database.open(
      { kind: 'embedded', dataDir: env.WEAVER_DATA_DIR! },
      ENTITIES,
    );
    try {
      const [found] = await database.write('test', OPERATOR_SCOPE, em =>
        em.execute<{ rows: number }[]>(
          `select count(*)::int as rows from tenants where name like 'Written %'`,
        ),
      );
      expect([acknowledged, acknowledged + 1]).toContain(found!.rows);
    } finally {
      await database.close();
    }
    expect(acknowledged).toBeGreaterThanOrEqual(40);
  });

  test('is left in order when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const { code, out, err } = await commands
        .weaver({ ...env, PORT: String(port) }, 'serve')
        .outcome();
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(
        err.split('\n').filter(line => line && !/Deprecation|trace-warnings/.test(line)),
      ).toEqual([
        `Port ${port} on 127.0.0.1 is taken by another program. Stop that one, or set ` +
          'PORT to a free port.',
      ]);
    } finally {
      other.close();
    }
    expect(await weaver(env, ['db', 'status'])).toMatchObject({ code: 0 });
  });

  test('gets no demo data in production', async () => {
    const fresh = await freshDatabase({ migrated: true });
    try {
      const production = commands.weaver(
        { ...fresh.env, PORT: '0', NODE_ENV: 'production' },
        'serve',
      );
      await production.until(READY);
      expect(await production.end('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(production.out).not.toContain('Demo key');
      expect(production.err).not.toContain('demo');
    } finally {
      await fresh.close();
    }
  });
});

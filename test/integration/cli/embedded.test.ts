import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Client } from '../../support/client.js';
import { Commands, type Running } from '../../support/command.js';

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
  const found = (gateway: Running, label: string): string => new RegExp(`${label} +(\\S+)`).exec(gateway.out)![1]!;
  const tenantOf = (gateway: Running): Promise<unknown> => new Client(found(gateway, 'GraphQL').replace('/graphql', ''), found(gateway, 'Demo key')).data('{ viewer { tenant { name } } }');

  // One folder goes through its life: each test begins where the one before it ended.
  let gateway: Running;

  test('is made, migrated and filled by the first start, which then answers', async () => {
    gateway = await serve();
    expect(await tenantOf(gateway)).toEqual({ viewer: { tenant: { name: 'Harbor Outdoor' } } });
    expect(gateway.err).toContain('Applied 1 migration to the embedded database');
    expect(gateway.out + gateway.err).not.toContain('[migrator]');
  });

  test.each([
    ['a second start', () => commands.weaver(env, 'serve')],
    ['weaver db up', () => commands.weaver(env, 'db', 'up')],
    ['the command line of MikroORM', () => commands.mikroOrm(env, 'migration:list')],
  ])('%s is told who holds the folder, in one sentence', async (_, start) => {
    const { code, out, err } = await start().outcome();
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(`The data folder ${env.WEAVER_DATA_DIR} is in use by another process (process ${gateway.child.pid}). Stop that one first, or set WEAVER_DATA_DIR to another folder.\n`);
  });

  test('survives that the gateway is killed, and so does nothing of the lock', async () => {
    expect(await gateway.end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    gateway = await serve();
    expect(await tenantOf(gateway)).toEqual({ viewer: { tenant: { name: 'Harbor Outdoor' } } });
    expect(gateway.err).not.toContain('demo data');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('is closed in order by %s, with exit code 0', async signal => {
    if (gateway.child.exitCode !== null) gateway = await serve();
    expect(await gateway.end(signal)).toEqual({ code: 0, signal: null });
    expect(gateway.out).toContain('"msg":"Stopping"');
  });

  test('keeps every row that was acknowledged when its process is killed', async () => {
    const writer = commands.script(
      env,
      `import 'reflect-metadata';
       const { Database } = await import('${DIST}/db/database.js');
       const { ENTITIES } = await import('${DIST}/entities.js');
       const database = await Database.open({ kind: 'embedded', dataDir: process.env.WEAVER_DATA_DIR }, ENTITIES);
       for (let n = 1; ; n++) {
         await database.write('test', { role: 'weaver_operator' }, em => em.execute("insert into tenants (name) values ('Written " + n + "')"));
         console.log('row ' + n);
       }`,
    );
    await writer.until('row 40\n');
    await writer.end('SIGKILL');
    const acknowledged = writer.out.split('\n').filter(line => line.startsWith('row ')).length;
    const { out } = await commands.script(
      env,
      `import 'reflect-metadata';
       const { Database } = await import('${DIST}/db/database.js');
       const { ENTITIES } = await import('${DIST}/entities.js');
       const database = await Database.open({ kind: 'embedded', dataDir: process.env.WEAVER_DATA_DIR }, ENTITIES);
       const [{ rows }] = await database.write('test', { role: 'weaver_operator' }, em => em.execute("select count(*)::int as rows from tenants where name like 'Written %'"));
       console.log(rows);
       await database.close();`,
    ).outcome();
    expect(acknowledged).toBeGreaterThanOrEqual(40);
    expect([acknowledged, acknowledged + 1]).toContain(Number(out));
  });

  test('is left in order when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const { code, out, err } = await commands.weaver({ ...env, PORT: String(port) }, 'serve').outcome();
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err.split('\n').filter(line => line && !/Deprecation|trace-warnings/.test(line))).toEqual([`Port ${port} on 127.0.0.1 is taken by another program. Stop that one, or set PORT to a free port.`]);
    } finally {
      other.close();
    }
    expect(await commands.weaver(env, 'db', 'status').outcome()).toMatchObject({ code: 0 });
  });
});

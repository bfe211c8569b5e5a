import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import {
  Commands,
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
} from '../../support/command.js';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

describe.runIf(inject('template').kind === 'postgres')('where somebody has locked a table', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weaver-locked-'));
  const commands = new Commands();
  const [dump, rows] = [join(folder, 'dump'), join(folder, 'rows')];
  let fresh: FreshDatabase;
  let holder: Client;
  let pid: number;

  beforeAll(async () => {
    fresh = await freshDatabase({ migrated: true });
    await sqlAt(fresh.urls!.admin, `insert into tenants (name) values ('stays')`);
    for (const args of [[dump], ['--portable', rows]])
      await weaver(fresh.env, ['db', 'backup', '--no-check', ...args]);
    holder = new Client({ connectionString: fresh.urls!.admin, application_name: 'report' });
    await holder.connect();
    pid = (await holder.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
    await holder.query('begin; lock table docs in access exclusive mode');
  });
  afterAll(async () => {
    await holder.end();
    await commands.close();
    await fresh.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const waiting = (): Promise<unknown[]> =>
    sqlAt(
      fresh.urls!.admin,
      'select from pg_locks where not granted and relation is not null and database = ' +
        '(select oid from pg_database where datname = current_database())',
    );

  test('a run asks without the number of its rows', async () => {
    expect(await weaver(fresh.env, ['db', 'down', 'base'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /removes the table docs \(rows that cannot be counted while others use it\)/,
      ),
    });
  });

  test.each([
    ['a backup', () => dump],
    ['a portable backup', () => rows],
  ])('%s is not restored, and who has the lock is named', async (_, file) => {
    const { code, out, err } = await weaver({ ...fresh.env, WEAVER_STATEMENT_LOCK_TIMEOUT: '1' }, [
      'db',
      'restore',
      '--yes',
      file(),
    ]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /replaces the table docs \(rows that cannot be counted while others use it/,
    );
    expect(err.split('\n').at(-1)).toMatch(
      new RegExp(
        `^The restore waited 1 seconds? for a lock that is held by session ${pid} \\(report of ` +
          'postgres, in a transaction for \\d+ seconds?, idle in transaction, statement: ' +
          '.*\\)\\. ' +
          'Nothing was changed\\. Let that session end, or stop the gateways, then run it again, ' +
          'or set WEAVER_STATEMENT_LOCK_TIMEOUT to more seconds\\.$',
      ),
    );
    expect(await sqlAt(fresh.urls!.admin, 'select name from tenants')).toEqual([{ name: 'stays' }]);
  });

  test.each([
    ['a backup', []],
    ['a backup without what others keep', ['--only-weaver']],
    ['a portable backup', ['--portable']],
  ])('%s is not written, and who has the lock is named', async (_, options) => {
    const path = join(folder, 'not-written');
    // Others may have locks as well that keep nobody from reading.
    const reader = new Client({ connectionString: fresh.urls!.admin, application_name: 'reader' });
    await reader.connect();
    await reader.query('begin; lock table bots in share mode');
    try {
      const { code, out, err } = await weaver(
        { ...fresh.env, WEAVER_STATEMENT_LOCK_TIMEOUT: '1' },
        ['db', 'backup', ...options, path],
      );
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err.split('\n').at(-1)).toMatch(
        new RegExp(
          `^The backup waited 1 second for a lock that is held by session ${pid} \\(report of ` +
            'postgres, in a transaction for \\d+ seconds?, idle in transaction, statement: ' +
            '.*\\)\\. Nothing was written\\. Let that session end, then run it again, or set ' +
            'WEAVER_STATEMENT_LOCK_TIMEOUT to more seconds\\.$',
        ),
      );
      expect(readdirSync(folder).filter(name => name.startsWith('not-written'))).toEqual([]);
      expect(await waiting()).toEqual([]);
    } finally {
      await reader.end();
    }
  });

  test('an interrupted restore leaves nobody in the line for it', async () => {
    const running = commands.weaver(
      { ...fresh.env, WEAVER_STATEMENT_LOCK_TIMEOUT: '0' },
      'db',
      'restore',
      '--yes',
      dump,
    );
    // Rows are counted before, two seconds at most, and nothing is changed by that.
    await running.until('replaces the table tenants', 'err');
    await vi.waitFor(async () => expect(await waiting()).not.toEqual([]), { timeout: 60_000 });
    expect(await running.end('SIGTERM')).toEqual({ code: 143, signal: null });
    expect(running.err.trim().split('\n').at(-1)).toBe('Interrupted: nothing was changed.');
    await vi.waitFor(async () => expect(await waiting()).toEqual([]), { timeout: 60_000 });
  });

  test('a signal that npm sends on, so that it comes twice, interrupts in order', async () => {
    const path = join(folder, 'sent-on');
    const listeners = process.listenerCount('SIGTERM');
    const running = weaver({ ...fresh.env, WEAVER_STATEMENT_LOCK_TIMEOUT: '0' }, [
      'db',
      'backup',
      path,
    ]);
    await vi.waitFor(async () => expect(await waiting()).not.toEqual([]), { timeout: 60_000 });
    expect(existsSync(`${path}.partial`)).toBe(true);
    process.emit('SIGTERM');
    // Without a listener the next one would end the process at once.
    expect(process.listenerCount('SIGTERM')).toBe(listeners + 1);
    process.emit('SIGTERM');
    expect(await running).toMatchObject({
      code: 143,
      err: expect.stringMatching(/^Interrupted: nothing was written\.$/m),
    });
    expect(process.listenerCount('SIGTERM')).toBe(listeners);
    expect(existsSync(`${path}.partial`)).toBe(false);
  });
});

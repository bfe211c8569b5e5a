import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { EMBEDDED_VERSION } from '../../../src/db/open/embedded-folder.js';
import { Commands, weaver } from '../../support/command.js';
import { joinPatterns } from '../../support/join-patterns.js';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe.runIf(inject('template').kind === 'embedded')("the embedded database's folder", () => {
  const root = mkdtempSync(join(tmpdir(), 'weaver-folder-'));
  const whole = join(root, 'whole');
  const dataDir = join(root, 'data');
  const cluster = join(dataDir, 'pg');
  const env = { WEAVER_DATA_DIR: dataDir };
  const commands = new Commands();

  beforeAll(async () => {
    const { code, err } = await weaver({ WEAVER_DATA_DIR: whole }, ['db', 'up']);
    if (code !== 0) throw new Error(err);
  });
  beforeEach(() => {
    rmSync(dataDir, { recursive: true, force: true });
    cpSync(whole, dataDir, { recursive: true });
  });
  afterAll(async () => {
    await commands.close();
    rmSync(root, { recursive: true, force: true });
  });

  const files = (): string[] =>
    readdirSync(cluster, { recursive: true, encoding: 'utf8' }).toSorted();

  test('is made whole or not at all: what an aborted start left is no database', async () => {
    expect(readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim()).toBe(EMBEDDED_VERSION);
    rmSync(dataDir, { recursive: true });
    mkdirSync(cluster, { recursive: true });
    cpSync(join(whole, 'pg/global'), join(dataDir, 'pg.new/global'), { recursive: true });
    expect(await weaver(env, ['db', 'up'])).toMatchObject({ code: 0 });
    expect(existsSync(join(dataDir, 'pg.new'))).toBe(false);
    expect(await weaver(env, ['db', 'current'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('(head)'),
    });
  });

  test('is not made anew where a killed restore has only moved the former one aside', async () => {
    const backup = join(root, 'backup');
    await weaver(env, ['tenant', 'create', 'stays']);
    expect(await weaver(env, ['db', 'backup', '--no-check', backup])).toMatchObject({ code: 0 });
    // As it is between the two renames of a restore: what is restored is complete, too.
    cpSync(dataDir, join(root, 'restored'), { recursive: true });
    renameSync(join(root, 'restored'), join(dataDir, 'restoring'));
    const doctor = await weaver(env, ['db', 'doctor']);
    expect(doctor.out).toContain(
      `An interrupted restore left a copy of a database in ${dataDir}/restoring.`,
    );
    const former = join(dataDir, 'pg.before-restore-20261130120000000');
    renameSync(cluster, former);
    for (const args of [['db', 'up'], ['db', 'status'], ['tenant', 'list'], ['demo'], ['serve']])
      expect(await commands.weaver(env, ...args).outcome(), args.join(' ')).toEqual({
        code: 1,
        out: '',
        err:
          `${cluster} is missing, and ${former} contains the former database: a restore was ` +
          'interrupted after it had moved it aside. Nothing was changed. Rename that folder ' +
          'back, or restore again ("npx weaver db restore FILE"). To start with an empty ' +
          'database, move it to another place.\n',
      });
    expect(existsSync(cluster)).toBe(false);
    const restored = await weaver(env, ['db', 'restore', backup]);
    expect(restored).toMatchObject({
      code: 0,
      err: expect.stringContaining(
        `Removed ${dataDir}/restoring, which an interrupted restore had left behind.`,
      ),
    });
    expect(existsSync(join(dataDir, 'restoring'))).toBe(false);
    expect((await weaver(env, ['tenant', 'list'])).out).toContain('\tstays');
    rmSync(cluster, { recursive: true });
    renameSync(former, cluster);
    expect((await weaver(env, ['tenant', 'list'])).out).toContain('\tstays');
  });

  test('is made complete by the next start when its first one is killed', async () => {
    rmSync(dataDir, { recursive: true });
    const first = commands.weaver(env, 'db', 'up');
    await vi.waitUntil(() => existsSync(join(dataDir, 'pg.new')) || first.child.exitCode !== null, {
      timeout: 60_000,
      interval: 5,
    });
    await first.end('SIGKILL');
    expect(await commands.weaver(env, 'db', 'up').outcome()).toMatchObject({ code: 0 });
    expect(await weaver(env, ['db', 'current'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('(head)'),
    });
  });

  test.each([
    ['weaver db status', () => commands.weaver(env, 'db', 'status')],
    ['weaver serve', () => commands.weaver(env, 'serve')],
    ['the command line of MikroORM', () => commands.mikroOrm(env, 'migration:up')],
  ])('that lacks PG_VERSION is refused by %s, and its files stay as they are', async (_, start) => {
    rmSync(join(cluster, 'PG_VERSION'));
    const before = files();
    const { code, out, err } = await start().outcome();
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      joinPatterns(
        /^\S+\/pg has files but no PG_VERSION, so it is not a complete embedded database /,
        /and cannot be opened\. Nothing was changed\..*\n$/,
      ),
    );
    expect(files()).toEqual(before);
  });

  test('of another version of PostgreSQL is refused with both versions', async () => {
    writeFileSync(join(cluster, 'PG_VERSION'), '17\n');
    const { code, err } = await weaver(env, ['db', 'current']);
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        joinPatterns(
          /was created by PostgreSQL 17, but this Weaver contains PostgreSQL 18, /,
          /which cannot open it\. Nothing was changed\./,
        ),
      ),
    });
    expect(err).not.toMatch(/delete/);
  });

  test.each([['current'], ['status'], ['check'], ['up'], ['down'], ['doctor'], ['backup', 'file']])(
    'behind a file is told with what to do (db %s)',
    async (...args) => {
      const blocked = join(root, 'a file');
      writeFileSync(blocked, '');
      expect(await weaver({ WEAVER_DATA_DIR: blocked }, ['db', ...args])).toEqual({
        code: 1,
        out: '',
        err: expect.stringMatching(
          new RegExp(
            `^The data folder ${blocked} cannot be used: (it is not a folder \\(EEXIST\\)|a ` +
              'part of its path is no folder \\(ENOTDIR\\))\\. Set WEAVER_DATA_DIR to a folder\\.$',
          ),
        ),
      });
    },
  );

  test.runIf(process.platform === 'linux')(
    'for which there is no room is told as such, and what was begun is taken away',
    async () => {
      rmSync(dataDir, { recursive: true });
      // As where a disk is full, a write fails: files end at two megabytes.
      const { status, stderr } = spawnSync(
        'bash',
        [
          '-c',
          `trap '' XFSZ; ulimit -f 2000; exec "$0" "$@"`,
          process.execPath,
          join(import.meta.dirname, '../../../bin/weaver.js'),
          'db',
          'up',
        ],
        { cwd: root, env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' },
      );
      expect({ status, said: stderr.trim().split('\n').at(-1) }).toEqual({
        status: 1,
        said:
          'The embedded database could not be created: PostgreSQL stopped while it wrote ' +
          'the files. Its files were removed. A new database needs 60 MB of disk and files ' +
          'of 20 MB (ulimit -f).',
      });
      expect(existsSync(join(dataDir, 'pg.new'))).toBe(false);
    },
  );

  test.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'on a disk that is full is told as such, at its first start and later',
    async () => {
      const disk = join(root, 'disk');
      mkdirSync(disk);
      // Where disks may not be mounted, nobody can say what a full one does.
      const mounted =
        spawnSync('sh', ['-c', `mount -t tmpfs -o size=8m tmpfs '${disk}'`]).status === 0;
      if (!mounted) return;
      const full = {
        code: 1,
        out: '',
        err:
          `The data folder ${join(disk, 'data')} cannot be used: the disk is full (ENOSPC). ` +
          'Make room there, or set WEAVER_DATA_DIR to a folder on another disk.',
      };
      try {
        const there = { WEAVER_DATA_DIR: join(disk, 'data') };
        expect(await weaver(there, ['db', 'up'])).toEqual(full);
        expect(readdirSync(join(disk, 'data'))).not.toContain('pg.new');
        spawnSync('sh', ['-c', `cat /dev/zero > '${join(disk, 'more')}'`]);
        expect(await weaver(there, ['db', 'up'])).toEqual(full);
      } finally {
        // Lazily: a database that could not be opened may still hold files, in this process.
        spawnSync('sh', ['-c', `umount -l '${disk}'`]);
      }
    },
  );

  test.each([
    ['a file', () => writeFileSync(cluster, ''), 'not a folder'],
    ['a link to nowhere', () => symlinkSync('nowhere', cluster), 'a broken link'],
  ])('whose place is taken by %s is no damaged database', async (_, take, what) => {
    rmSync(cluster, { recursive: true });
    take();
    expect(await weaver(env, ['db', 'status'])).toEqual({
      code: 1,
      out: '',
      err:
        `${cluster} must be the folder of the embedded database, but it is ${what}. Nothing ` +
        'was changed. Move it away, or set WEAVER_DATA_DIR to another folder.',
    });
  });

  test('that is damaged is told as such, with counsel that keeps its files', async () => {
    for (const file of readdirSync(join(cluster, 'pg_wal')).filter(name => name.startsWith('0')))
      writeFileSync(join(cluster, 'pg_wal', file), Buffer.alloc(16 * 1024 * 1024, 'x'));
    const { code, err } = await commands.weaver(env, 'db', 'current').outcome();
    expect(code).toBe(1);
    expect(err).toMatch(
      joinPatterns(
        /cannot be opened: PostgreSQL stopped while it read the files\. /,
        /Its files may be damaged\. Copy the folder before you try anything/,
      ),
    );
    expect(err).not.toMatch(/Aborted|delete/);
  });
});

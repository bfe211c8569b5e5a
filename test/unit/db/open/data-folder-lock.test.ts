import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { StartupError } from '../../../../src/base/startup-error.js';
import { DataFolderInUseError, lockDataFolder } from '../../../../src/db/open/data-folder-lock.js';

const folder = mkdtempSync(join(tmpdir(), 'weaver-lock-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('lockDataFolder', () => {
  test('has one holder, whom it names, and is free again when that one lets go', () => {
    const dataDir = join(folder, 'deep', 'data');
    const lock = lockDataFolder(dataDir);
    expect(() => lockDataFolder(dataDir)).toThrow(DataFolderInUseError);
    expect(() => lockDataFolder(dataDir)).toThrow(
      `The data folder ${dataDir} is in use by another process (process ${process.pid}). ` +
        'Stop that one first, or set WEAVER_DATA_DIR to another folder.',
    );
    lock.release();
    lockDataFolder(dataDir).release();
  });

  test('says so when the folder cannot be one', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => lockDataFolder(file)).toThrow(StartupError);
    expect(() => lockDataFolder(file)).toThrow(
      /cannot be used: .*EEXIST.*Set WEAVER_DATA_DIR to a folder/,
    );
    expect(() => lockDataFolder(join(file, 'below'))).toThrow(/cannot be used: .*ENOTDIR/);
    expect(() => lockDataFolder('/proc/weaver/data')).toThrow(
      /cannot be used: no folder can be created there \(ENOENT\)\. Set WEAVER_DATA_DIR to a folder/,
    );
  });

  test.each([
    ['a pipe', (path: string) => execFileSync('mkfifo', [path]), /it is a pipe or a device/],
    ['a folder', (path: string) => mkdirSync(path), /unable to open database file/],
    [
      'of another program',
      (path: string) => writeFileSync(path, 'x'.repeat(600)),
      /not a database/,
    ],
  ])('says that the lock file is %s, and to remove it', (_, make, why) => {
    const dataDir = mkdtempSync(join(folder, 'locked-'));
    make(join(dataDir, 'weaver.lock'));
    const lock = (): unknown => lockDataFolder(dataDir);
    expect(lock).toThrow(StartupError);
    expect(lock).toThrow(why);
    expect(lock).toThrow(/by its file weaver\.lock: .* While no Weaver uses .* remove it\.$/);
  });

  test('leaves nothing but the lock behind when it fails, and takes a folder behind a link', () => {
    const dataDir = mkdtempSync(join(folder, 'real-'));
    symlinkSync(dataDir, join(folder, 'link'));
    lockDataFolder(join(folder, 'link')).release();
    expect(readdirSync(dataDir).toSorted()).toEqual(['weaver.lock', 'weaver.lock.holder']);
  });
});

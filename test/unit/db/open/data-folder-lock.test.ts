import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  });
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { takeLockFile, type LockFile } from '../../base/lock-file.js';
import { makeFolder } from '../../base/make-folder.js';
import { StartupError } from '../../base/startup-error.js';
import { unusableFolder } from './unusable-folder.js';

/** The embedded database's folder is open in another process. */
export class DataFolderInUseError extends StartupError {
  constructor(dataDir: string, holder: string | undefined) {
    super(
      `The data folder ${dataDir} is in use by another process${holder ? ` (${holder})` : ''}. ` +
        'Stop that one first, or set WEAVER_DATA_DIR to another folder.',
    );
  }
}

/**
 * Takes the one exclusive lock of an embedded database's folder, making the folder when it is
 * missing, or throws `DataFolderInUseError` at once. Two writers on one folder lose acknowledged
 * rows, so every opener must come through here.
 */
export function lockDataFolder(dataDir: string): LockFile {
  const lockFile = join(dataDir, 'weaver.lock');
  const holderFile = `${lockFile}.holder`;
  try {
    makeFolder(dataDir);
    const lock = takeLockFile(lockFile);
    if (!lock) throw new DataFolderInUseError(dataDir, readHolder(holderFile));
    try {
      writeFileSync(holderFile, `process ${process.pid}`);
    } catch (error) {
      lock.release();
      throw error;
    }
    return lock;
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw (
      unusableFolder(dataDir, error) ??
      new StartupError(
        `The data folder ${dataDir} cannot be locked by its file weaver.lock: ` +
          `${error instanceof Error ? error.message : String(error)}. While no Weaver uses the ` +
          'folder, that file holds nothing: remove it.',
        { cause: error },
      )
    );
  }
}

function readHolder(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

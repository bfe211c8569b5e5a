import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { takeLockFile, type LockFile } from '../../base/lock-file.js';
import { StartupError } from '../../base/startup-error.js';

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
  const holderFile = join(dataDir, 'weaver.lock.holder');
  try {
    mkdirSync(dataDir, { recursive: true });
    const lock = takeLockFile(join(dataDir, 'weaver.lock'));
    if (!lock) throw new DataFolderInUseError(dataDir, readHolder(holderFile));
    try {
      writeFileSync(holderFile, `process ${process.pid}`);
    } catch (error) {
      lock.release();
      throw error;
    }
    return lock;
  } catch (error) {
    if (error instanceof DataFolderInUseError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(
      `The data folder ${dataDir} cannot be used: ${reason}. Set WEAVER_DATA_DIR to a ` +
        'folder that this user may write to.',
      { cause: error },
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

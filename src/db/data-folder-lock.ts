import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartupError } from '../base/startup-error.js';

/** The embedded database's folder is open in another process. */
export class DataFolderInUseError extends StartupError {
  constructor(dataDir: string, holder: string | undefined) {
    super(
      `The data folder ${dataDir} is in use by another process${holder ? ` (${holder})` : ''}. ` +
        'Stop that one first, or set WEAVER_DATA_DIR to another folder.',
    );
  }
}

export interface DataFolderLock {
  release(): void;
}

/** SQLite's code for a lock that another process holds: https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;

/**
 * Takes the one exclusive lock of an embedded database's folder, making the folder when it is
 * missing, or throws `DataFolderInUseError` at once. Two writers on one folder lose acknowledged
 * rows, so every opener must come through here.
 *
 * The lock is an exclusive transaction on a small SQLite file: the operating system holds it for
 * the process and drops it when the process ends, however it ends, so that no stale lock can remain
 * (https://www.sqlite.org/lockingv3.html).
 */
export function lockDataFolder(dataDir: string): DataFolderLock {
  const holderFile = join(dataDir, 'weaver.lock.holder');
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(dataDir, { recursive: true });
    lock = new DatabaseSync(join(dataDir, 'weaver.lock'));
    lock.exec('pragma journal_mode = delete; pragma busy_timeout = 0; begin exclusive');
    writeFileSync(holderFile, `process ${process.pid}`);
  } catch (error) {
    lock?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY)
      throw new DataFolderInUseError(dataDir, readHolder(holderFile));
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(
      `The data folder ${dataDir} cannot be used: ${reason}. Set WEAVER_DATA_DIR to a ` +
        'folder that this user may write to.',
      { cause: error },
    );
  }
  const held = lock;
  return { release: () => held.close() };
}

function readHolder(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

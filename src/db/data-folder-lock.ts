import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The embedded database's folder is open in another process. */
export class DataFolderInUseError extends Error {
  override readonly name = 'DataFolderInUseError';
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

/**
 * Takes the one exclusive lock of an embedded database's folder, making the folder when it is missing, or throws
 * `DataFolderInUseError` at once. Two writers on one folder lose acknowledged rows, so every opener must come through here.
 *
 * The lock is an exclusive transaction on a small SQLite file: the operating system holds it for the process and drops it
 * when the process ends, however it ends, so that no stale lock can remain (https://www.sqlite.org/lockingv3.html).
 */
export function lockDataFolder(dataDir: string): DataFolderLock {
  mkdirSync(dataDir, { recursive: true });
  const lock = new DatabaseSync(join(dataDir, 'weaver.lock'));
  const holderFile = join(dataDir, 'weaver.lock.holder');
  try {
    lock.exec('pragma journal_mode = delete; pragma busy_timeout = 0; begin exclusive');
  } catch {
    lock.close();
    throw new DataFolderInUseError(dataDir, readHolder(holderFile));
  }
  writeFileSync(holderFile, `process ${process.pid}`);
  return { release: () => lock.close() };
}

function readHolder(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

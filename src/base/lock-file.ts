import { DatabaseSync } from 'node:sqlite';

/** SQLite's code for a lock that another process holds: https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;

export interface LockFile {
  release(): void;
}

/**
 * Takes the one lock of a file, making the file where it is missing; undefined where somebody else
 * has it. The operating system holds the lock for the process and drops it when the process ends,
 * however it ends, so that no stale lock can remain: it is an exclusive transaction on a small
 * SQLite file (https://www.sqlite.org/lockingv3.html).
 */
export function takeLockFile(path: string): LockFile | undefined {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path);
    lock.exec('pragma journal_mode = delete; pragma busy_timeout = 0; begin exclusive');
  } catch (error) {
    lock?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  const held = lock;
  return { release: () => held.close() };
}
